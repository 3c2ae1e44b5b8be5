// What this browser has of what transports need. No transport is tried. ES3, as all of the doctor.
var engine = (function () {
  var XHR = window.XMLHttpRequest;
  var sample = XHR ? new XHR() : null;
  var hasCors = !!sample && 'withCredentials' in sample;
  var hasCalls = !!window.JSON && (hasCors || !!window.XDomainRequest);
  var hasSocket = !!window.WebSocket;
  var Source = window.EventSource;
  // The first ones reached their own origin only, and were silent about it.
  var hasFarSource = !!Source && !!Source.prototype && 'withCredentials' in Source.prototype;
  var hasStorage = false;

  try {
    hasStorage = !!window.localStorage;
  } catch (error) {
    // Switched off, or not for this frame.
  }

  /** `name` has what it needs, or `without` says what that means. */
  var features = [
    { name: 'WebSocket', has: hasSocket, without: 'neither `websocket` nor `relay` is possible' },
    {
      name: 'WebSocket as in the standard (RFC 6455)',
      has: hasSocket && !!window.CloseEvent,
      without: 'servers of today do not understand an older one'
    },
    {
      name: hasCors || !window.XDomainRequest ? 'Requests to other origins (CORS)' : 'Requests to other origins (XDomainRequest)',
      has: hasCalls,
      without: 'only `jsonp` can reach a relay by HTTP'
    },
    {
      name: 'Answers readable while they come',
      has: !!window.fetch && !!window.ReadableStream && !!window.AbortController,
      without: '`stream` is not possible'
    },
    { name: 'EventSource to other origins', has: hasFarSource, without: '`sse` is not possible' },
    { name: 'Binary data', has: !!window.Uint8Array, without: 'binary messages arrive as text, and `relay` is not possible' },
    { name: 'JSON', has: !!window.JSON, without: 'only `jsonp` is possible' },
    { name: 'Storage', has: hasStorage, without: 'what this network does is found out anew on every page' }
  ];

  return {
    features: features,
    /** What this browser lacks for a transport, as the end of a sentence; empty when it has all. */
    lack: function (name) {
      if (name === 'websocket' || name === 'relay') {
        if (!hasSocket) return 'it has no WebSocket';
        if (!window.CloseEvent) return 'its WebSocket is older than the standard';
        return name === 'relay' && !window.Uint8Array ? 'it has no binary data' : '';
      }
      if (name === 'jsonp') return '';
      if (!hasCalls) return 'it cannot make requests to other origins';
      if (name === 'stream' && !features[3].has) return 'it cannot read an answer while it comes';
      return name === 'sse' && !hasFarSource ? 'it has no EventSource, or none that reaches other origins' : '';
    }
  };
})();
