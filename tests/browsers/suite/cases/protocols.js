// Subprotocols, and what else the target sees of the page. ES3.

suite.group('subprotocols', function (test) {
  function opensWith(path, offered, expected) {
    return function (t) {
      t.open(path, {
        open: function () {
          t.equal(this.protocol, expected);
          t.done();
        }
      }, offered);
    };
  }

  function fails(path, offered) {
    return function (t) {
      var errors = 0;
      t.open(path, {
        open: function () {
          t.fail('it opened with "' + this.protocol + '"');
        },
        error: function () {
          errors++;
        },
        close: function (event) {
          t.equal(errors, 1);
          t.equal(event.code, 1006);
          t.equal(event.reason, '');
          t.equal(event.wasClean, false);
          t.equal(this.protocol, '');
          t.done();
        }
      }, offered);
    };
  }

  test('one is offered and chosen', opensWith('/echo', 'chat', 'chat'));
  test('the second of two is chosen', opensWith('/protocol?pick=b', ['a', 'b'], 'b'));
  test('one of a list of one', opensWith('/protocol?pick=a', ['a'], 'a'));
  test('one with every character a token may have', opensWith(
    '/protocol?pick=' + encodeURIComponent("!#$%&'*+-.^_`|~09azAZ"), ["!#$%&'*+-.^_`|~09azAZ"], "!#$%&'*+-.^_`|~09azAZ"
  ));
  test('one is offered and none chosen: it fails', fails('/protocol', 'a'));
  test('one is chosen that was not offered: it fails', fails('/protocol?pick=c', ['a', 'b']));
  test('one is chosen and none was offered: it fails', fails('/protocol?force=a'));
  test('one is chosen twice: it fails', fails('/protocol?pick=a&force=a', ['a', 'b']));
  test('case matters', fails('/protocol?pick=CHAT', 'chat'));

  test('the target hears all of them in order', function (t) {
    t.open('/headers', {
      message: function (event) {
        var offered = /"sec-websocket-protocol":"([^"]*)"/.exec(event.data);
        t.equal(offered && offered[1].replace(/\s/g, ''), 'chat,b,A');
        t.done();
      }
    }, ['chat', 'b', 'A']);
  });

  test('the target hears path and query as they were written', function (t) {
    t.open('/headers?a=%20b&c=%C3%A9&d=e+f%2B;g', {
      message: function (event) {
        t.equal(/"url":"([^"]*)"/.exec(event.data)[1], '/headers?a=%20b&c=%C3%A9&d=e+f%2B;g');
        t.done();
      }
    });
  });

  test('the target hears the origin of the page', function (t) {
    t.open('/headers', {
      message: function (event) {
        var origin = /"origin":"([^"]*)"/.exec(event.data);
        t.equal(origin && origin[1], /^https?:\/\/[^\/]+/.exec(String(location))[0]);
        t.done();
      }
    });
  });
});
