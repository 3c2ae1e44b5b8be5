// Text: every character there is, long and short, many and in order. ES3.

suite.group('text', function (test) {
  // The longest pieces in which all of Unicode is sent, code points.
  var PIECE = 4096;

  /** Code points from `first` to `last`, each `step`th, without surrogates, as texts of at most PIECE code points. */
  function texts(first, last, step) {
    var list = [], parts = [], c;
    for (c = first; c <= last; c += step) {
      if (c >= 0xd800 && c <= 0xdfff) continue;
      parts.push(c < 0x10000
        ? String.fromCharCode(c)
        : String.fromCharCode(0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff)));
      if (parts.length == PIECE) {
        list.push(parts.join(''));
        parts = [];
      }
    }
    if (parts.length) list.push(parts.join(''));
    return list;
  }

  function echoes(messages, path) {
    return function (t) {
      t.exchange(messages, function (answers) {
        for (var i = 0; i < messages.length; i++) t.equal(answers[i], messages[i], 'message ' + i);
        t.done();
      }, path);
    };
  }

  function repeated(text, times) {
    return new Array(times + 1).join(text);
  }

  test('a short one', echoes(['hello']));

  test('an empty one is a message', echoes(['', 'a', '', '']));

  test('the whole Basic Multilingual Plane', function (t) {
    echoes(texts(0, 0xffff, 1))(t);
  }, '', 60000);

  test('all planes beyond', function (t) {
    echoes(texts(0x10000, 0x10ffff, suite.slow ? 61 : 1))(t);
  }, '', 90000);

  test('what ends lines, scripts and strings', echoes([
    '\u2028\u2029\n\r\r\n', '</script><!--', '"\\\'`', '\u0000\u0001\u001f\u007f\u0080\u009f', '\ufeffbom', 'bom\ufeff',
    '\ufffe\uffff\ufdd0', '%00%u0041&amp;+ ', '{"type":"close"}', ' \t '
  ]));

  test('halves of surrogate pairs become U+FFFD', function (t) {
    t.exchange(
      ['a\ud800b', '\udc00', 'a\ud800', '\ud800\ud83d\ude00\udc00', '\udc00\ud800'],
      function (answers) {
        t.list(answers, ['a\ufffdb', '\ufffd', 'a\ufffd', '\ufffd\ud83d\ude00\ufffd', '\ufffd\ufffd']);
        t.done();
      }
    );
  });

  test('1 MiB of ASCII', function (t) {
    echoes([repeated('0123456789abcdef', 65536)])(t);
  }, '', 90000);

  test('1 MiB of characters of two to four bytes, after an odd one', function (t) {
    echoes(['x' + repeated('\u00e9\u20ac\ud83d\ude00', suite.slow ? 11650 : 116508)])(t);
  }, '', 90000);

  test('what is no text is sent as text', function (t) {
    t.exchange([null, undefined, 1.5, true, { toString: function () { return 'object'; } }], function (answers) {
      t.list(answers, ['null', 'undefined', '1.5', 'true', 'object']);
      t.done();
    });
  });

  test('the target may speak first', function (t) {
    t.open('/greet?text=first', {
      message: function (event) {
        t.equal(this.readyState, 1);
        t.equal(event.data, 'first');
        t.done();
      }
    });
  });

  test('a hundred at once from the target come in order', function (t) {
    var count = 0;
    t.open('/burst?n=100&bytes=1000', {
      message: function (event) {
        t.equal(parseInt(event.data, 10), count++);
        t.equal(event.data.length, 1000);
        if (count == 100) t.done();
      }
    });
  });

  test('short and long ones keep their order', function (t) {
    var list = [], i;
    for (i = 0; i < 40; i++) list.push(i + repeated('.', i % 4 ? i : i * 1000));
    echoes(list)(t);
  });

  test('a thousand there and back in order, and a clean close', function (t) {
    var COUNT = 1000, sent = 0, got = 0;
    function more(socket) {
      // Some in the air at any time, as a page would.
      while (sent < COUNT && sent < got + 100) socket.send('message ' + sent++);
    }
    t.open('/echo', {
      open: function () {
        more(this);
      },
      message: function (event) {
        t.equal(event.data, 'message ' + got++);
        t.stage = got + ' of ' + COUNT;
        if (got == COUNT) this.close(3456, 'all there');
        else more(this);
      },
      close: function (event) {
        t.equal(got, COUNT);
        t.equal(event.code, 3456);
        t.equal(event.reason, 'all there');
        t.equal(event.wasClean, true);
        t.done();
      }
    });
  }, '', 60000);

  test('three sockets do not disturb each other', function (t) {
    var open = 3, i;
    function start(name) {
      var got = 0;
      t.open('/echo', {
        open: function () {
          for (var i = 0; i < 50; i++) this.send(name + i);
        },
        message: function (event) {
          t.equal(event.data, name + got++);
          if (got == 50) this.close(3000, name);
        },
        close: function (event) {
          t.equal(event.reason, name);
          if (!--open) t.done();
        }
      });
    }
    for (i = 0; i < 3; i++) start('socket ' + i + ': ');
  });
});
