// Makes this page's WebSockets as bad as a network can make them, to see what the client does about it: `?pretend=mute`.
// Read before the client, which takes the browser's own when it is loaded. Served as it is, to engines of any age: ES3.
(function () {
  var match = /(?:^|[?&])pretend=(\w+)/.exec(location.search);
  var how = match ? match[1] : '';
  var Real = window.WebSocket;
  /** A refusal takes a round trip, and a cut comes when the page has begun to talk. */
  var REFUSE_MS = 5;
  var OPEN_MS = 10;
  var CUT_MS = 4000;

  function fire(socket, type, event) {
    var handler = socket['on' + type];
    if (handler) handler.call(socket, event || { type: type });
  }

  function end(socket) {
    if (socket.readyState === 3) return;
    socket.readyState = 3;
    fire(socket, 'error');
    fire(socket, 'close', { type: 'close', code: 1006, reason: '', wasClean: false });
  }

  /** A WebSocket with nobody behind it. */
  function Fake(url) {
    var socket = this;
    socket.url = String(url);
    socket.readyState = 0;
    socket.bufferedAmount = 0;
    socket.protocol = socket.extensions = '';
    if (how === 'refused') setTimeout(function () { end(socket); }, REFUSE_MS);
    if (how === 'mute') setTimeout(function () {
      if (socket.readyState) return;
      socket.readyState = 1;
      fire(socket, 'open');
    }, OPEN_MS);
  }
  Fake.prototype.send = function () {};
  Fake.prototype.close = function () { end(this); };

  /** A real one, for a while. */
  function Cut(url, protocols) {
    var socket = protocols ? new Real(url, protocols) : new Real(url);
    setTimeout(function () {
      var closed = socket.onclose;
      socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
      socket.close();
      if (closed) closed.call(socket, { type: 'close', code: 1006, reason: '', wasClean: false });
    }, CUT_MS);
    return socket;
  }

  var ways = { absent: undefined, refused: Fake, hanging: Fake, mute: Fake, cut: Cut };
  window.pretend = '';
  if (how in ways && Real) {
    window.pretend = how;
    window.WebSocket = ways[how];
  }
})();
