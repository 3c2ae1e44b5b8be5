// Events: their order, their classes, and how handlers and listeners are called. ES3.

suite.group('events', function (test) {
  test('open, messages, close, each in its state', function (t) {
    var socket = t.open('/burst?n=2', {
      message: function (event) {
        if (event.data.charAt(0) == '1') socket.send('close 3000 x');
      },
      close: function () {}
    });
    var log = t.log(socket);
    socket.addEventListener('close', t.step(function () {
      t.settled(function () {
        t.list(log, ['open 1', 'message 1 0 ', 'message 1 1 ', 'close 3 3000 x true']);
        t.done();
      });
    }), false);
  });

  test('handlers that are set after the constructor hear open', function (t) {
    var socket = new suite.Socket(t.url('/echo'));
    socket.onopen = t.step(function () {
      socket.close();
      t.done();
    });
  });

  test('a message says what it is', function (t) {
    var socket = t.exchange(['x'], function () {});
    socket.onmessage = t.step(function (event) {
      t.equal(event.type, 'message');
      t.equal(event.data, 'x');
      t.equal(event.target, socket);
      t.equal(event.currentTarget, socket);
      t.equal(event.origin, /^ws:\/\/[^\/]+/.exec(t.url('/'))[0]);
      t.done();
    });
  });

  test('events are of their classes', function (t) {
    var socket = t.open('/greet', {
      open: function (event) {
        t.ok(event instanceof Event, 'open is an Event');
        t.ok(!(event instanceof MessageEvent), 'open is no MessageEvent');
      },
      message: function (event) {
        t.ok(event instanceof MessageEvent, 'message is a MessageEvent');
        t.equal(event.lastEventId, '');
        t.equal(event.source, null);
        t.equal(event.ports.length, 0);
        socket.close(3000, 'x');
      },
      close: function (event) {
        t.ok(event instanceof CloseEvent, 'close is a CloseEvent');
        t.list([event.code, event.reason, event.wasClean], [3000, 'x', true]);
        t.done();
      }
    });
  }, 'events');

  test('an error is a plain Event', function (t) {
    t.open('/refuse', {
      error: function (event) {
        t.ok(event instanceof Event, 'it is an Event');
        t.equal(Object.prototype.toString.call(event), '[object Event]');
        t.done();
      },
      close: function () {}
    });
  }, 'events');

  test('events do not bubble and cannot be cancelled', function (t) {
    t.open('/greet', {
      message: function (event) {
        t.equal(event.bubbles, false);
        t.equal(event.cancelable, false);
        event.preventDefault();
        t.equal(event.defaultPrevented, false);
        t.equal(event.eventPhase, 2);
        t.done();
      }
    });
  }, 'events');

  test('events are trusted', function (t) {
    t.open('/greet', {
      message: function (event) {
        t.equal(event.isTrusted, true);
        t.done();
      }
    });
  }, 'events');

  test('the path of an event is its socket, while it is told', function (t) {
    t.open('/greet', {
      message: function (event) {
        t.equal(event.composedPath().length, 1);
        t.equal(event.composedPath()[0], this);
        t.done();
      }
    });
  }, 'events');

  test('a socket is an EventTarget', function (t) {
    t.ok(suite.Socket.prototype instanceof EventTarget, 'it is one');
    t.done();
  }, 'events');

  test('a socket is called a WebSocket', function (t) {
    var socket = t.open('/echo', { close: function () {} });
    t.equal(Object.prototype.toString.call(socket), '[object WebSocket]');
    t.done();
  }, 'iterables');

  test('handlers are called on the socket with the event alone', function (t) {
    var socket = t.open('/echo', {});
    socket.onopen = t.step(function () {
      t.equal(this, socket);
      t.equal(arguments.length, 1);
      t.done();
    });
  });

  test('a handler that is no object becomes null', function (t) {
    var socket = t.open('/echo', { close: function () {} }), values = [1, 'x', true, undefined, null], i;
    function handler() {}
    for (i = 0; i < values.length; i++) {
      socket.onmessage = handler;
      t.equal(socket.onmessage, handler);
      socket.onmessage = values[i];
      t.equal(socket.onmessage, null);
    }
    t.done();
  }, 'accessors');

  test('a handler that is an object stays, and is not called', function (t) {
    var object = { handleEvent: function () { t.fail('it was called'); } };
    var socket = t.open('/greet', {});
    socket.onmessage = object;
    t.equal(socket.onmessage, object);
    socket.addEventListener('message', t.step(function () {
      t.done();
    }));
  }, 'accessors');

  test('handlers and listeners are called in the order they came', function (t) {
    var socket = t.open('/greet', {}), order = [];
    function note(name) {
      return function () {
        order.push(name);
      };
    }
    socket.addEventListener('message', note('first'));
    socket.onmessage = note('replaced');
    socket.addEventListener('message', note('second'));
    socket.onmessage = note('handler');
    socket.addEventListener('message', t.step(function () {
      t.list(order, ['first', 'handler', 'second']);
      t.done();
    }));
  }, 'accessors');

  test('a handler that was taken away goes to the end when there is one again', function (t) {
    var socket = t.open('/greet', {}), order = [];
    socket.onmessage = function () {};
    socket.addEventListener('message', function () {
      order.push('listener');
    });
    socket.onmessage = null;
    socket.onmessage = t.step(function () {
      t.list(order, ['listener']);
      t.done();
    });
  }, 'accessors');

  test('a listener is called once for each event, however often it was added', function (t) {
    var socket = t.open('/burst?n=2', {}), calls = 0;
    function listener() {
      calls++;
    }
    socket.addEventListener('message', listener, false);
    socket.addEventListener('message', listener, false);
    socket.onmessage = t.step(function (event) {
      if (event.data.charAt(0) != '1') return;
      t.settled(function () {
        t.equal(calls, 2);
        t.done();
      });
    });
  });

  test('capturing and not are two listeners', function (t) {
    var socket = t.open('/greet', {}), calls = 0;
    function listener() {
      calls++;
    }
    socket.addEventListener('message', listener, true);
    socket.addEventListener('message', listener, false);
    socket.onmessage = t.step(function () {
      t.equal(calls, 2);
      t.done();
    });
  }, 'events');

  test('a listener that was removed is not called', function (t) {
    var socket = t.open('/greet', {});
    function listener() {
      t.fail('it was called');
    }
    socket.addEventListener('message', listener, false);
    socket.removeEventListener('message', listener, false);
    socket.removeEventListener('message', listener, false);
    socket.removeEventListener('open', listener, false);
    socket.onmessage = t.step(function () {
      t.done();
    });
  });

  test('a listener with once is called once', function (t) {
    var socket = t.open('/burst?n=3', {}), calls = 0;
    socket.addEventListener('message', function () {
      calls++;
    }, { once: true });
    socket.onmessage = t.step(function (event) {
      if (event.data.charAt(0) != '2') return;
      t.equal(calls, 1);
      t.done();
    });
  }, 'events');

  test('an object is called by its handleEvent, as it is then', function (t) {
    var socket = t.open('/greet', {});
    var object = { handleEvent: function () { t.fail('the one before was called'); } };
    socket.addEventListener('message', object, false);
    object.handleEvent = t.step(function (event) {
      t.equal(this, object);
      t.equal(event.data, 'hello');
      t.done();
    });
  });

  test('a listener may be null', function (t) {
    var socket = t.open('/greet', {});
    socket.addEventListener('message', null, false);
    socket.removeEventListener('message', null, false);
    socket.onmessage = t.step(function () {
      t.done();
    });
  });

  test('one that is removed meanwhile is not called, one that is added is not yet', function (t) {
    var socket = t.open('/burst?n=2', {}), order = [];
    function removed() {
      order.push('removed');
    }
    function added() {
      order.push('added');
    }
    socket.addEventListener('message', function () {
      order.push('first');
      socket.removeEventListener('message', removed, false);
      socket.addEventListener('message', added, false);
    }, false);
    socket.addEventListener('message', removed, false);
    socket.addEventListener('message', t.step(function () {
      order.push('last');
      if (order.length < 5) return;
      t.list(order, ['first', 'last', 'first', 'last', 'added'].slice(0, order.length));
      t.done();
    }), false);
    socket.addEventListener('close', function () {}, false);
    t.until(function () {
      return order.length >= 5;
    }, function () {
      t.list(order, ['first', 'last', 'first', 'last', 'added']);
      t.done();
    });
  });

  test('stopImmediatePropagation keeps it from those that follow', function (t) {
    var socket = t.open('/greet', {});
    socket.addEventListener('message', function (event) {
      event.stopImmediatePropagation();
    }, false);
    socket.addEventListener('message', function () {
      t.fail('it was called');
    }, false);
    socket.addEventListener('message', t.step(function () {
      t.fail('it was called');
    }), false);
    socket.addEventListener('close', t.step(function () {
      t.done();
    }), false);
    socket.onclose = null;
    socket.addEventListener('open', function () {
      socket.send('close');
    }, false);
  }, 'events');

  test('what a listener throws is told as not caught, and the others are called', function (t) {
    var socket = t.open('/greet', {}), called = false;
    t.expectUncaught('thrown on purpose');
    socket.addEventListener('message', function () {
      throw new Error('thrown on purpose');
    }, false);
    socket.addEventListener('message', t.step(function () {
      called = true;
    }), false);
    t.until(function () {
      return called && !t.uncaughtLeft();
    }, t.done);
  }, 'events');

  test('a signal removes a listener', function (t) {
    var socket = t.open('/greet', {}), controller = new AbortController();
    socket.addEventListener('message', function () {
      t.fail('it was called');
    }, { signal: controller.signal });
    controller.abort();
    socket.onmessage = t.step(function () {
      t.done();
    });
  }, 'aborts');

  test('the page may dispatch events of its own', function (t) {
    var socket = t.open('/echo', { close: function () {} }), heard = [];
    socket.addEventListener('mine', function (event) {
      heard.push(event.type);
      t.equal(event.target, socket);
      event.preventDefault();
    });
    socket.onmessage = t.step(function (event) {
      heard.push(event.data);
    });
    t.equal(socket.dispatchEvent(new Event('mine')), true);
    t.equal(socket.dispatchEvent(new Event('mine', { cancelable: true })), false);
    t.equal(socket.dispatchEvent(new MessageEvent('message', { data: 'x' })), true);
    t.list(heard, ['mine', 'mine', 'x']);
    t.equal(socket.readyState, 0);
    t.done();
  }, 'events');

  test('what is no event cannot be dispatched', function (t) {
    var socket = t.open('/echo', { close: function () {} }), things = [null, undefined, {}, 'message'], i;
    for (i = 0; i < things.length; i++) {
      t.raises('TypeError', function () {
        socket.dispatchEvent(things[i]);
      }, String(things[i]));
    }
    t.done();
  }, 'events');

  test('each event is a task: promises of one are kept before the next', function (t) {
    var socket = t.open('/burst?n=3', {}), order = [];
    socket.addEventListener('open', function () {
      Promise.resolve().then(function () {
        order.push('after open');
      });
    });
    socket.onmessage = t.step(function (event) {
      var number = event.data.charAt(0);
      order.push(number);
      Promise.resolve().then(function () {
        return null;
      }).then(t.step(function () {
        order.push('after ' + number);
        if (number == '2') {
          t.list(order, ['after open', '0', 'after 0', '1', 'after 1', '2', 'after 2']);
          t.done();
        }
      }));
    });
  }, 'promises');

  test('nothing happens before the constructor has returned and its task is over', function (t) {
    var socket = t.open('/greet', { close: function () {} }), log = t.log(socket);
    var until = new Date().getTime() + 100;
    // Long enough for an answer to be there.
    while (new Date().getTime() < until);
    t.equal(socket.readyState, 0);
    t.list(log, []);
    t.done();
  });
});
