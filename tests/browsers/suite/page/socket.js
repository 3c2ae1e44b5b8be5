// The class under test: the browser's own, or PolySocket over one transport, over several, or over all (`default`). ES3.

(function (global) {
  global.suiteSocket = function (settings) {
    if (settings.transport == 'native') return global.WebSocket;
    var options = { router: settings.router };
    if (settings.transport != 'default') options.transports = settings.transport;
    global.PolySocket.configure(options);
    return global.PolySocket;
  };
})(this);
