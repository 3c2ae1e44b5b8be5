// new WebSocket(url, protocols): what it takes and what it throws; for the URL see urls.js. ES3.

suite.group('constructor', function (test) {
  function refusesProtocols(t, list) {
    for (var i = 0; i < list.length; i++) {
      t.raises('SyntaxError', function () {
        new suite.Socket(t.url('/echo'), list[i]);
      }, 'offered ' + i);
    }
    t.done();
  }

  test('without new it is a TypeError', function (t) {
    t.raises('TypeError', function () {
      suite.Socket(t.url('/echo'));
    });
    t.done();
  });

  test('without a URL it is a TypeError', function (t) {
    t.raises('TypeError', function () {
      new suite.Socket();
    });
    t.done();
  });

  test('subprotocols must be tokens', function (t) {
    var bad = ['', ' ', 'a b', 'a,b', '\u00e9', '\u0000', '\u007f', 'a\t'], more = '()<>@;:\\"/[]?={}', i;
    for (i = 0; i < more.length; i++) bad.push('a' + more.charAt(i));
    bad.push([''], ['a', 'b c']);
    refusesProtocols(t, bad);
  });

  test('subprotocols must differ', function (t) {
    refusesProtocols(t, [['a', 'a'], ['a', 'b', 'a']]);
  });

  test('every character of a token is taken', function (t) {
    var socket = new suite.Socket(t.url('/echo'), ["!#$%&'*+-.^_`|~09azAZ", 'a', 'A']);
    socket.close();
    t.equal(socket.protocol, '');
    t.done();
  });

  test('a list without subprotocols is taken', function (t) {
    t.open('/echo', {
      open: function () {
        t.equal(this.protocol, '');
        t.done();
      }
    }, []);
  });

  test('subprotocols may come from any iterable', function (t) {
    t.open('/protocol?pick=b', {
      open: function () {
        t.equal(this.protocol, 'b');
        t.done();
      }
    }, new Set(['a', 'b']));
  }, 'iterables');

  test('undefined offers nothing', function (t) {
    var socket = new suite.Socket(t.url('/echo'), undefined);
    socket.onopen = t.step(function () {
      t.equal(socket.protocol, '');
      socket.close();
      t.done();
    });
  });

  test('the URL is looked at before the subprotocols, and errors are DOMExceptions', function (t) {
    var error = t.raises('SyntaxError', function () {
      new suite.Socket('ws://127.0.0.1/#', 'a b');
    });
    t.equal(error.code, 12);
    t.ok(error.message, 'it says what is wrong');
    t.done();
  });

  test('errors are of the class of the browser', function (t) {
    var error = t.raises('SyntaxError', function () {
      new suite.Socket('ws://127.0.0.1/#');
    });
    t.ok(error instanceof DOMException, 'it is a DOMException');
    t.done();
  }, 'exceptions');

  test('it takes one argument that it must have', function (t) {
    t.equal(suite.Socket.length, 1);
    t.done();
  });
});
