// What becomes of a URL: which are refused, and what `url` says of those that are not. ES3.
//
// Each socket here is closed before it is connected. Qt's network layer, in PhantomJS, may stand still for seconds after many
// requests were aborted in a row, so that this file had better be the last.

suite.group('urls', function (test) {
  function urlOf(t, address) {
    return t.open(address, { close: function () {} }).url;
  }

  function refuses(t, addresses) {
    for (var i = 0; i < addresses.length; i++) {
      t.raises('SyntaxError', function () {
        new suite.Socket(addresses[i]);
      }, addresses[i]);
    }
    t.done();
  }

  function becomes(t, pairs) {
    for (var i = 0; i < pairs.length; i++) t.equal(urlOf(t, pairs[i][0]), pairs[i][1], pairs[i][0]);
    t.done();
  }

  test('schemes other than ws, wss, http and https are refused', function (t) {
    refuses(t, ['ftp://127.0.0.1/', 'mailto:a@b.example', 'javascript:1', 'about:blank', 'file:///etc/hosts', 'wsx://127.0.0.1/']);
  });

  test('fragments are refused', function (t) {
    refuses(t, ['ws://127.0.0.1/#a', 'ws://127.0.0.1/?a#b', 'ws://127.0.0.1/#', 'http://127.0.0.1/#a', '/path#a']);
  });

  test('what cannot be parsed is refused', function (t) {
    refuses(t, ['ws://', 'ws://[', 'ws://127.0.0.1:65536/', 'ws://127.0.0.1:port/', 'ws://1.2.3.4.5.256/', 'http://']);
  }, 'urls');

  test('a space in a host is refused', function (t) {
    refuses(t, ['ws://a b/']);
  }, 'urls');

  test('relative URLs are resolved, and http becomes ws', function (t) {
    var base = String(location).replace('http', 'ws').replace(/([^\/:])\/.*/, '$1');
    var host = base.replace('ws://', '');
    // Through the constructor itself, since `t.open` takes paths for those of the upstream.
    function resolved(address) {
      var socket = new suite.Socket(address), url = socket.url;
      socket.close();
      return url;
    }
    t.equal(resolved('/echo?a=b'), base + '/echo?a=b');
    t.equal(resolved('echo'), base + '/echo');
    t.equal(resolved('a/../b/./c'), base + '/b/c');
    t.equal(resolved('//' + host + '/p'), base + '/p');
    t.equal(resolved('http://' + host + '/p'), base + '/p');
    t.done();
  });

  test('an empty URL is that of the page', function (t) {
    var socket = new suite.Socket('');
    socket.close();
    t.equal(socket.url, String(location).replace('http', 'ws'));
    t.done();
  }, 'urls');

  test('a query alone is one of the page', function (t) {
    var socket = new suite.Socket('?only');
    socket.close();
    t.equal(socket.url, String(location).replace('http', 'ws').replace(/\?.*/, '') + '?only');
    t.done();
  }, 'urls');

  test('https becomes wss', function (t) {
    becomes(t, [['https://127.0.0.1:1/a', 'wss://127.0.0.1:1/a']]);
  });

  test('an absent path becomes a slash, and default ports go', function (t) {
    becomes(t, [
      ['ws://127.0.0.1', 'ws://127.0.0.1/'],
      ['ws://127.0.0.1:80', 'ws://127.0.0.1/'],
      ['wss://127.0.0.1:443/a', 'wss://127.0.0.1/a'],
      ['ws://127.0.0.1:443/a', 'ws://127.0.0.1:443/a'],
      ['ws://127.0.0.1?a', 'ws://127.0.0.1/?a']
    ]);
  }, 'urls');

  test('case, dots, spaces and what is not ASCII are normalised', function (t) {
    becomes(t, [
      ['WS://LOCALHOST:1/A', 'ws://localhost:1/A'],
      ['ws://127.0.0.1:1/a/./b/../c', 'ws://127.0.0.1:1/a/c'],
      ['  ws://127.0.0.1:1/a b\t ', 'ws://127.0.0.1:1/a%20b'],
      ['ws://127.0.0.1:1/\u00e9\u20ac?\u00e9', 'ws://127.0.0.1:1/%C3%A9%E2%82%AC?%C3%A9'],
      ['ws:\\\\127.0.0.1:1\\a', 'ws://127.0.0.1:1/a'],
      ['\nws://127.0.0.1:1/a\r\nb', 'ws://127.0.0.1:1/ab']
    ]);
  }, 'urls');

  test('a line may end within the scheme', function (t) {
    becomes(t, [['w\ns://127.0.0.1:1/', 'ws://127.0.0.1:1/']]);
  }, 'urls');

  test('the slashes before a host may be absent', function (t) {
    becomes(t, [['ws:127.0.0.1:1/a', 'ws://127.0.0.1:1/a'], ['wss:/127.0.0.1:1/a', 'wss://127.0.0.1:1/a']]);
  }, 'urls');

  test('hosts are normalised', function (t) {
    becomes(t, [
      ['ws://127.1:1/', 'ws://127.0.0.1:1/'],
      ['ws://0x7f000001:1/', 'ws://127.0.0.1:1/'],
      ['ws://[0:0:0:0:0:0:0:1]:1/', 'ws://[::1]:1/'],
      ['ws://b\u00fccher.invalid/', 'ws://xn--bcher-kva.invalid/']
    ]);
  }, 'urls');

  test('what is no text becomes text', function (t) {
    var socket = new suite.Socket({
      toString: function () {
        return 'ws://127.0.0.1:1/object';
      }
    });
    socket.close();
    t.equal(socket.url, 'ws://127.0.0.1:1/object');
    t.done();
  });

  test('a URL object is taken', function (t) {
    var socket = new suite.Socket(new URL('ws://127.0.0.1:1/url'));
    socket.close();
    t.equal(socket.url, 'ws://127.0.0.1:1/url');
    t.done();
  }, 'urls');
});
