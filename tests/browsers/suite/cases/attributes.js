// The interface: constants, attributes before, while and after it is open, and `bufferedAmount`. ES3.

suite.group('attributes', function (test) {
  test('the states are constants of the class, the prototype and every socket', function (t) {
    var names = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'], i;
    var socket = t.open('/echo', { close: function () {} });
    for (i = 0; i < names.length; i++) {
      t.equal(suite.Socket[names[i]], i);
      t.equal(suite.Socket.prototype[names[i]], i);
      t.equal(socket[names[i]], i);
    }
    t.done();
  });

  test('constants cannot be changed', function (t) {
    suite.Socket.OPEN = 9;
    suite.Socket.prototype.CLOSED = 9;
    t.equal(suite.Socket.OPEN, 1);
    t.equal(suite.Socket.prototype.CLOSED, 3);
    t.done();
  }, 'accessors');

  test('a new socket is connecting and empty', function (t) {
    var socket = new suite.Socket(t.url('/echo'));
    t.equal(socket.readyState, 0);
    t.equal(socket.bufferedAmount, 0);
    t.equal(socket.protocol, '');
    t.equal(socket.extensions, '');
    t.equal(socket.url, t.url('/echo'));
    t.ok(socket instanceof suite.Socket, 'it is one of its class');
    socket.close();
    t.done();
  });

  test('handlers are null at first', function (t) {
    var socket = new suite.Socket(t.url('/echo'));
    t.equal(socket.onopen, null);
    t.equal(socket.onmessage, null);
    t.equal(socket.onerror, null);
    t.equal(socket.onclose, null);
    socket.close();
    t.done();
  }, 'accessors');

  test('the attributes cannot be set', function (t) {
    var names = ['url', 'readyState', 'bufferedAmount', 'protocol', 'extensions'], i, was;
    var socket = t.open('/echo', { close: function () {} });
    for (i = 0; i < names.length; i++) {
      was = socket[names[i]];
      try {
        socket[names[i]] = 'other';
      } catch (_) {
        // Engines of 2011 throw where those of today say nothing.
      }
      t.equal(socket[names[i]], was, names[i]);
    }
    t.done();
  }, 'accessors');

  test('the attributes are of the prototype', function (t) {
    var names = ['url', 'readyState', 'bufferedAmount', 'protocol', 'extensions', 'binaryType', 'onopen', 'onmessage', 'onerror', 'onclose', 'send', 'close', 'addEventListener', 'dispatchEvent'];
    for (var i = 0; i < names.length; i++) t.ok(names[i] in suite.Socket.prototype, names[i]);
    t.done();
  }, 'accessors');

  test('an open socket says so, and a closed one', function (t) {
    t.open('/echo', {
      open: function () {
        t.equal(this.readyState, 1);
        t.equal(this.extensions, '');
        this.close(3000);
        t.equal(this.readyState, 2);
      },
      close: function () {
        t.equal(this.readyState, 3);
        t.equal(this.url, t.url('/echo'));
        t.done();
      }
    });
  });

  test('the subprotocol stays after the end', function (t) {
    t.open('/protocol?pick=b', {
      open: function () {
        this.close(1000);
      },
      close: function () {
        t.equal(this.protocol, 'b');
        t.done();
      }
    }, ['a', 'b']);
  });

  test('binaryType is blob, or what it is set to if that is one', function (t) {
    var socket = t.open('/echo', {
      open: function () {
        t.equal(socket.binaryType, 'arraybuffer');
        socket.binaryType = 'blob';
        t.equal(socket.binaryType, 'blob');
        socket.close();
      },
      close: function () {
        socket.binaryType = 'arraybuffer';
        t.equal(socket.binaryType, 'arraybuffer');
        t.done();
      }
    });
    t.equal(socket.binaryType, 'blob');
    socket.binaryType = 'arraybuffer';
    socket.binaryType = 'BLOB';
    socket.binaryType = null;
    socket.binaryType = '';
    t.equal(socket.binaryType, 'arraybuffer');
  }, 'accessors blobs');

  test('bufferedAmount counts bytes in UTF-8 until they are sent', function (t) {
    t.open('/echo', {
      open: function () {
        var socket = this;
        socket.send('abc');
        t.equal(socket.bufferedAmount, 3);
        socket.send('\u00e9\u20ac\ud83d\ude00\ud800');
        t.equal(socket.bufferedAmount, 3 + 2 + 3 + 4 + 3);
        socket.send('');
        t.equal(socket.bufferedAmount, 15);
        t.until(function () {
          return socket.bufferedAmount === 0;
        }, t.done);
      }
    });
  });

  test('bufferedAmount counts bytes of buffers, views and Blobs', function (t) {
    t.open('/echo', {
      open: function () {
        var socket = this;
        socket.send(new ArrayBuffer(5));
        t.equal(socket.bufferedAmount, 5);
        socket.send(new Uint16Array(new ArrayBuffer(20), 4, 3));
        t.equal(socket.bufferedAmount, 11);
        socket.send(new Blob(['1234567']));
        t.equal(socket.bufferedAmount, 18);
        t.until(function () {
          return socket.bufferedAmount === 0;
        }, t.done);
      }
    });
  }, 'buffers blobs');

  test('what is sent after close is counted and never leaves', function (t) {
    var log = [];
    var socket = t.open('/echo', {
      open: function () {
        t.until(function () {
          return socket.bufferedAmount === 0;
        }, function () {
          socket.close(3000);
          socket.send('abc');
          log.push(socket.bufferedAmount);
        });
      },
      message: function () {
        t.fail('it was sent');
      },
      close: function () {
        log.push(socket.bufferedAmount);
        socket.send('de');
        log.push(socket.bufferedAmount);
        t.list(log, [3, 3, 5]);
        t.done();
      }
    });
  });

  test('sending while connecting is an InvalidStateError', function (t) {
    var socket = t.open('/echo', { close: function () {} });
    var error = t.raises('InvalidStateError', function () {
      socket.send('too early');
    });
    t.equal(error.code, 11);
    t.equal(socket.bufferedAmount, 0);
    t.done();
  });

  test('sending nothing is a TypeError', function (t) {
    t.open('/echo', {
      open: function () {
        var socket = this;
        t.raises('TypeError', function () {
          socket.send();
        });
        t.done();
      }
    });
  });

  test('it is carried as it was asked for', function (t) {
    var transport = suite.settings.transport;
    t.exchange(['a'], function (answers, socket) {
      if (transport == 'native') t.equal(socket.transport, undefined);
      else if (suite.settings.carries) t.equal(socket.transport, suite.settings.carries);
      // Where all are allowed, and the machine is busy, what opens first may be another than on the day before.
      else if (transport == 'default') t.ok(/^(websocket|relay|stream|sse|poll|jsonp)$/.test(socket.transport), socket.transport);
      else t.equal(socket.transport, transport);
      t.done();
    });
  });
});
