// Tries the client as pages use it: opens a socket, has three messages said back, and closes it.
var tryTransport = (function () {
  var MESSAGES = 3;

  /**
   * By the transport `name`; without one by whatever the client chooses. Calls
   * `done({ ok, opened, late, openMs, roundTripMs, transport, reason })`.
   */
  return function (name, target, deadlineMs, done) {
    var began = +new Date();
    var told = { ok: false, opened: false, late: false, openMs: null, roundTripMs: null, transport: '', reason: '' };
    var trips = [];
    var said;
    var over = false;
    var socket;
    var timer = setTimeout(function () {
      told.late = true;
      finish();
    }, deadlineMs);

    function finish() {
      if (over) return;
      over = true;
      clearTimeout(timer);
      if (socket) {
        told.transport = socket.transport;
        told.reason = socket.reason;
        socket.close();
      }
      done(told);
    }
    function say() {
      said = +new Date();
      socket.send('doctor ' + name + ' ' + trips.length);
    }

    try {
      // What was found out before must not decide now.
      socket = new PolySocket(target, [], name ? { transports: name, remember: 0, probe: false } : { remember: 0 });
    } catch (error) {
      return finish();
    }
    socket.onopen = function () {
      told.opened = true;
      told.openMs = +new Date() - began;
      say();
    };
    socket.onmessage = function (event) {
      if (over || event.data !== 'doctor ' + name + ' ' + trips.length) return;
      trips.push(+new Date() - said);
      if (trips.length < MESSAGES) return say();
      trips.sort(function (a, b) {
        return a - b;
      });
      told.roundTripMs = trips[MESSAGES >> 1];
      told.ok = true;
      finish();
    };
    socket.onclose = finish;
  };
})();
