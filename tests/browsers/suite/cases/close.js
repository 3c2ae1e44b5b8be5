// Closing: by the page, by the target, before it is open, and by accident. ES3.

suite.group('close', function (test) {
  // 123 bytes in UTF-8.
  var LONGEST = new Array(42).join('\u20ac');
  /** By which no socket may be closed. */
  var BAD_CODES = [0, 1, 999, 1001, 1002, 1003, 1005, 1006, 1011, 1015, 2999, 5000, 65535, 66536, -1, null, NaN, '', 'x'];

  function closed(t, event, code, reason, wasClean) {
    t.list([event.code, event.reason, event.wasClean], [code, reason, wasClean]);
  }

  /** Closes as `how` does, and checks what page and target hear of it. */
  function byPage(how, code, reason, sees) {
    return function (t) {
      t.open('/watched?id=' + t.id, {
        open: function () {
          this.send('before');
          how(this);
          t.equal(this.readyState, 2);
        },
        error: function () {
          t.fail('there was an error');
        },
        close: function (event) {
          t.equal(this.readyState, 3);
          closed(t, event, code, reason, true);
          t.open('/last-close?id=' + t.id, {
            open: function () {
              this.send('?');
            },
            message: function (answer) {
              t.equal(answer.data, '{"code":' + sees + ',"reason":"' + reason + '","received":["before"]}');
              t.done();
            }
          });
        }
      });
    };
  }

  /** The target closes with `text` for an order. */
  function byTarget(order, code, reason) {
    return function (t) {
      t.open('/echo', {
        open: function () {
          this.send(order);
        },
        error: function () {
          t.fail('there was an error');
        },
        close: function (event) {
          closed(t, event, code, reason, true);
          t.done();
        }
      });
    };
  }

  function refused(address) {
    return function (t) {
      var socket = t.open(typeof address == 'function' ? address() : address, { close: function () {} });
      var log = t.log(socket);
      socket.onclose = t.step(function () {
        t.settled(function () {
          t.list(log, ['error 3', 'close 3 1006 - false']);
          t.done();
        });
      });
    };
  }

  test('without a code', byPage(function (socket) { socket.close(); }, 1005, '', 1005));
  test('with undefined for a code', byPage(function (socket) { socket.close(undefined); }, 1005, '', 1005));
  test('with 1000', byPage(function (socket) { socket.close(1000); }, 1000, '', 1000));
  test('with a code and a reason', byPage(function (socket) { socket.close(3001, 'd\u00f6ne \u20ac'); }, 3001, 'd\u00f6ne \u20ac', 3001));
  test('with the last code', byPage(function (socket) { socket.close(4999, 'a'); }, 4999, 'a', 4999));
  test('with the longest reason', byPage(function (socket) { socket.close(4000, LONGEST); }, 4000, LONGEST, 4000));
  test('with a code that is no integer', byPage(function (socket) { socket.close('3000.4'); }, 3000, '', 3000));
  test('a code halfway becomes the even one', byPage(function (socket) { socket.close(1000.5, 'x'); }, 1000, 'x', 1000));
  test('half a pair in a reason becomes U+FFFD', byPage(function (socket) { socket.close(3000, 'a\ud800'); }, 3000, 'a\ufffd', 3000));
  test('a second close changes nothing', byPage(function (socket) {
    socket.close(3001, 'first');
    socket.close(3002, 'second');
    socket.close();
  }, 3001, 'first', 3001));

  test('with a code that it may not be, in every state', function (t) {
    function tryAll(socket, state) {
      for (var i = 0; i < BAD_CODES.length; i++) {
        var error = t.raises('InvalidAccessError', function () {
          socket.close(BAD_CODES[i]);
        }, 'code ' + BAD_CODES[i] + ' in state ' + state);
        t.equal(error.code, 15);
        t.equal(socket.readyState, state);
      }
    }
    var socket = t.open('/echo', {
      open: function () {
        tryAll(socket, 1);
        socket.close(3000);
        tryAll(socket, 2);
      },
      close: function () {
        tryAll(socket, 3);
        t.done();
      }
    });
    tryAll(socket, 0);
  });

  test('with a reason that is too long, in every state', function (t) {
    function tryAll(socket, state) {
      var reasons = [LONGEST + 'a', new Array(125).join('a'), new Array(43).join('\ud800')], i, error;
      for (i = 0; i < reasons.length; i++) {
        error = t.raises('SyntaxError', function () {
          socket.close(3000, reasons[i]);
        }, 'reason ' + i + ' in state ' + state);
        t.equal(error.code, 12);
        t.equal(socket.readyState, state);
      }
    }
    var socket = t.open('/echo', {
      open: function () {
        tryAll(socket, 1);
        socket.close(3000);
        tryAll(socket, 2);
      },
      close: function () {
        tryAll(socket, 3);
        t.done();
      }
    });
    tryAll(socket, 0);
  });

  test('a bad code is told before a long reason', function (t) {
    var socket = t.open('/echo', { close: function () {} });
    t.raises('InvalidAccessError', function () {
      socket.close(1, LONGEST + 'a');
    });
    t.done();
  });

  test('all that was sent before arrives before', function (t) {
    var expected = [], i;
    for (i = 0; i < 50; i++) expected.push('"' + i + '"');
    t.open('/watched?id=' + t.id, {
      open: function () {
        for (var i = 0; i < 50; i++) this.send(String(i));
        this.close(3000);
      },
      close: function () {
        t.open('/last-close?id=' + t.id, {
          open: function () {
            this.send('?');
          },
          message: function (answer) {
            t.equal(answer.data, '{"code":3000,"reason":"","received":[' + expected.join(',') + ']}');
            t.done();
          }
        });
      }
    });
  });

  test('no message is told once the page has closed', function (t) {
    var count = 0;
    t.open('/burst?n=200&bytes=100', {
      message: function () {
        count++;
        t.equal(count, 1);
        this.close(3000);
      },
      close: function (event) {
        closed(t, event, 3000, '', true);
        t.equal(count, 1);
        t.done();
      }
    });
  });

  test('while connecting: closing at once, then an error and 1006', function (t) {
    var socket = t.open('/echo', { close: function () {} });
    var log = t.log(socket);
    socket.close(3000, 'never');
    t.equal(socket.readyState, 2);
    t.list(log, []);
    socket.onclose = t.step(function () {
      t.settled(function () {
        t.list(log, ['error 3', 'close 3 1006 - false']);
        t.done();
      });
    });
  });

  test('while connecting to one that does not answer', function (t) {
    var socket = t.open('/hang', { close: function () {} });
    var log = t.log(socket);
    socket.close();
    socket.addEventListener('close', t.step(function () {
      t.list(log, ['error 3', 'close 3 1006 - false']);
      t.done();
    }), false);
  });

  test('in the handler of open', function (t) {
    var socket = t.open('/echo', {
      open: function () {
        socket.close(3000);
      },
      close: function () {}
    });
    var log = t.log(socket);
    socket.addEventListener('close', t.step(function () {
      t.settled(function () {
        // The handler was there before the log.
        t.list(log, ['open 2', 'close 3 3000 - true']);
        t.done();
      });
    }), false);
  });

  test('after the end it does nothing', function (t) {
    var socket = t.open('/echo', {
      open: function () {
        socket.close(3000, 'once');
      },
      close: function () {}
    });
    var log = t.log(socket);
    socket.addEventListener('close', t.step(function () {
      socket.close();
      socket.close(3001);
      t.equal(socket.readyState, 3);
      t.settled(function () {
        t.list(log, ['open 2', 'close 3 3000 once true']);
        t.done();
      });
    }), false);
  });

  test('by the target, without a code', byTarget('close', 1005, ''));
  test('by the target, 1000', byTarget('close 1000', 1000, ''));
  test('by the target, 1001', byTarget('close 1001 going', 1001, 'going'));
  test('by the target, 1011', byTarget('close 1011 it broke', 1011, 'it broke'));
  test('by the target, 3001', byTarget('close 3001 d\u00f6ne \u20ac', 3001, 'd\u00f6ne \u20ac'));
  test('by the target, 4999 and the longest reason', byTarget('close 4999 ' + LONGEST, 4999, LONGEST));

  test('by the target as soon as it is open', function (t) {
    var socket = t.open('/close?code=3005&reason=at%20once', { close: function () {} });
    var log = t.log(socket);
    socket.addEventListener('close', t.step(function () {
      t.list(log, ['open 1', 'close 3 3005 at once true']);
      t.done();
    }), false);
  });

  test('by the target, after all its messages', function (t) {
    var count = 0;
    t.open('/burst?n=200&bytes=50', {
      open: function () {
        this.send('close 3002 behind them');
      },
      message: function (event) {
        t.equal(parseInt(event.data, 10), count++);
      },
      close: function (event) {
        t.equal(count, 200);
        closed(t, event, 3002, 'behind them', true);
        t.done();
      }
    });
  });

  test('the target dies: 1006', function (t) {
    var errors = 0;
    var socket = t.open('/echo', {
      open: function () {
        this.send('last');
      },
      message: function (event) {
        t.equal(event.data, 'last');
        this.send('kill');
      },
      // Whether there is one is not the same in all browsers.
      error: function () {
        errors++;
      },
      close: function (event) {
        closed(t, event, 1006, '', false);
        t.equal(socket.readyState, 3);
        t.ok(errors <= 1, 'there was more than one error');
        t.done();
      }
    });
  });

  test('refused with 403', refused('/refuse?status=403'));
  test('refused with 404', refused('/nothing-here'));
  test('refused with 500', refused('/refuse?status=500'));
  test('refused with 200', refused('/refuse?status=200'));
  test('refused with 302', refused('/refuse?status=302'));
  test('the target resets the connection', refused('/reset'));
  test('nobody listens', refused(function () {
    return suite.settings.dead;
  }));
});
