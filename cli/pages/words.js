// What the client's words mean, in sentences. Served as it is, to engines of any age: ES3.
var words = (function () {
  var transports = {
    websocket: 'The browser’s own, straight to the target.',
    relay: 'A WebSocket to the relay.',
    stream: 'One long HTTP answer; requests to send.',
    sse: 'Server-sent events; requests to send.',
    poll: 'Requests that wait for their answer.',
    jsonp: 'Script tags, where nothing else works.'
  };

  // Why it is not a better transport that carries (`socket.reason`).
  var reasons = {
    '': 'Nothing stands in the way.',
    absent: 'This browser has no WebSocket.',
    dead: 'This browser’s WebSocket is of a time before the standard, and no server of today understands it.',
    refused: 'The WebSocket was refused before it had opened.',
    hanging: 'The WebSocket did not open: somebody in between swallows the attempt.',
    mute: 'The WebSocket opened, and then nothing came through: somebody in between lets it open and holds it back.',
    cut: 'The WebSocket was cut soon after it had opened.',
    remembered: 'WebSockets have failed here a moment ago, so that they were not tried again.',
    chosen: 'No other transport is allowed here.',
    buffered: 'Somebody in between holds back answers until they are complete, which stops a stream.',
    failed: 'The transport before this one broke.'
  };

  // Refusals of the router (docs/PROTOCOL.md §2), and what to do.
  var refusals = {
    'bad-request': 'The router did not understand the request.',
    'bad-target': 'That is not the URL of a WebSocket that may be dialled.',
    'bad-token': 'The router wants a token, and this page has none that it takes.',
    'token-expired': 'The token has expired.',
    'wrong-origin': 'The token is not for pages of this origin.',
    forbidden: 'This server does not allow that target. Whoever runs it can allow it: polysocket dev --allow-target PATTERN.',
    limit: 'The token has as many sockets as it may.',
    'no-capacity': 'No relay takes new sockets now.',
    unavailable: 'The router cannot reach what it needs; try again.',
    'upstream-refused': 'The relay may go there, but the target refused the connection. Is a WebSocket server running at that address?',
    timeout: 'The relay may go there, but the target did not answer in time.'
  };

  return {
    names: ['websocket', 'relay', 'stream', 'sse', 'poll', 'jsonp'],
    transports: transports,
    reasons: reasons,
    refusals: refusals
  };
})();
