// Binary: buffers, views, Blobs, and their order with text. ES3; engines without buffers skip it.

suite.group('binary', function (test) {
  function bytes(length, seed) {
    var view = new Uint8Array(length), i;
    for (i = 0; i < length; i++) view[i] = i * 7 + (seed || 0);
    return view;
  }

  function listOf(buffer) {
    return Array.prototype.slice.call(new Uint8Array(buffer), 0);
  }

  function sameBytes(t, buffer, view, what) {
    var got = new Uint8Array(buffer), i;
    t.equal(got.length, view.length, (what || '') + ' length');
    for (i = 0; i < got.length; i++) if (got[i] !== view[i]) t.equal(got[i], view[i], (what || '') + ' byte ' + i);
  }

  /** As `t.exchange`, with buffers for answers. */
  function exchange(t, messages, got) {
    t.exchange(messages, got).binaryType = 'arraybuffer';
  }

  /** The content of Blobs in a list, in order, texts as they are. */
  function read(t, list, then) {
    var contents = [];
    function next() {
      var item = list[contents.length], reader;
      if (contents.length == list.length) return then(contents);
      if (!(item instanceof Blob)) {
        contents.push(item);
        return next();
      }
      reader = new FileReader();
      reader.onload = t.step(function () {
        contents.push(reader.result);
        next();
      });
      reader.readAsText(item);
    }
    next();
  }

  test('an ArrayBuffer, with every byte there is', function (t) {
    var all = bytes(256);
    exchange(t, [all.buffer], function (answers) {
      t.ok(answers[0] instanceof ArrayBuffer, 'it comes back as an ArrayBuffer');
      sameBytes(t, answers[0], all);
      t.done();
    });
  }, 'buffers');

  test('an empty one is a message', function (t) {
    exchange(t, [new ArrayBuffer(0), '', new ArrayBuffer(0)], function (answers) {
      t.equal(answers[0].byteLength, 0);
      t.equal(answers[1], '');
      t.equal(answers[2].byteLength, 0);
      t.done();
    });
  }, 'buffers');

  test('views send what they show', function (t) {
    var all = bytes(64), buffer = all.buffer;
    exchange(t, [
      all.subarray(10, 20), new DataView(buffer, 3, 5), new Int16Array(buffer, 2, 3), new Float32Array(buffer, 8, 2),
      new Uint8Array(buffer, 64), new Uint32Array(0)
    ], function (answers) {
      sameBytes(t, answers[0], all.subarray(10, 20), 'Uint8Array');
      sameBytes(t, answers[1], all.subarray(3, 8), 'DataView');
      sameBytes(t, answers[2], all.subarray(2, 8), 'Int16Array');
      sameBytes(t, answers[3], all.subarray(8, 16), 'Float32Array');
      t.equal(answers[4].byteLength, 0);
      t.equal(answers[5].byteLength, 0);
      t.done();
    });
  }, 'buffers');

  test('what is written into a buffer after it was sent is not sent', function (t) {
    var view = bytes(4, 1);
    t.open('/echo', {
      open: function () {
        this.binaryType = 'arraybuffer';
        this.send(view);
        view[0] = 99;
        this.send(view.buffer);
        view[0] = 98;
      },
      message: function (event) {
        if (!this.first) this.first = listOf(event.data);
        else {
          t.list(this.first, [1, 8, 15, 22]);
          t.list(listOf(event.data), [99, 8, 15, 22]);
          t.done();
        }
      }
    });
  }, 'buffers');

  test('1 MiB', function (t) {
    var large = bytes(suite.slow ? 131072 : 1048576, 3);
    exchange(t, [large], function (answers) {
      sameBytes(t, answers[0], large);
      t.done();
    });
  }, 'buffers', 90000);

  test('it comes as a Blob unless said otherwise', function (t) {
    t.exchange([bytes(300), new ArrayBuffer(0)], function (answers) {
      t.ok(answers[0] instanceof Blob, 'it comes as a Blob');
      t.equal(answers[0].size, 300);
      t.equal(answers[0].type, '');
      t.equal(answers[1].size, 0);
      var reader = new FileReader();
      reader.onload = t.step(function () {
        sameBytes(t, reader.result, bytes(300));
        t.done();
      });
      reader.readAsArrayBuffer(answers[0]);
    });
  }, 'buffers blobs');

  test('binaryType counts when the message is told', function (t) {
    var types = [];
    t.open('/echo', {
      open: function () {
        for (var i = 0; i < 3; i++) this.send(bytes(3));
      },
      message: function (event) {
        types.push(event.data instanceof Blob ? 'blob' : 'arraybuffer');
        this.binaryType = types.length == 1 ? 'arraybuffer' : 'blob';
        if (types.length == 3) {
          t.list(types, ['blob', 'arraybuffer', 'blob']);
          t.done();
        }
      }
    });
  }, 'buffers blobs');

  test('Blobs, slices of them and empty ones', function (t) {
    var blob = new Blob(['0123456789', bytes(0)], { type: 'text/plain' });
    t.exchange([blob, blob.slice(2, 5), new Blob([])], function (answers) {
      read(t, answers, function (texts) {
        t.list(texts, ['0123456789', '234', '']);
        t.done();
      });
    });
  }, 'buffers blobs');

  test('a large Blob', function (t) {
    var large = bytes(300000, 5);
    exchange(t, [new Blob([large])], function (answers) {
      sameBytes(t, answers[0], large);
      t.done();
    });
  }, 'buffers blobs', 90000);

  test('Blobs, buffers and text keep their order', function (t) {
    t.exchange(['1', new Blob(['2']), '3', bytes(1, 52), new Blob(['5']), new Blob(['']), '7'], function (answers) {
      read(t, answers, function (texts) {
        t.list(texts, ['1', '2', '3', '4', '5', '', '7']);
        t.done();
      });
    });
  }, 'buffers blobs');

  test('a Blob that was sent before close arrives', function (t) {
    t.open('/watched?id=' + t.id, {
      open: function () {
        this.send(new Blob([bytes(5000)]));
        this.send('text behind it');
        this.close(3001, 'behind both');
      },
      close: function (event) {
        t.equal(event.code, 3001);
        t.open('/last-close?id=' + t.id, {
          open: function () {
            this.send('?');
          },
          message: function (answer) {
            t.equal(answer.data, '{"code":3001,"reason":"behind both","received":["5000 bytes","text behind it"]}');
            t.done();
          }
        });
      }
    });
  }, 'buffers blobs');

  test('text and binary alternate a hundred times', function (t) {
    var messages = [], i;
    for (i = 0; i < 100; i++) messages.push(i % 2 ? bytes(i, i) : 'text ' + i);
    exchange(t, messages, function (answers) {
      for (i = 0; i < 100; i++) {
        if (i % 2) sameBytes(t, answers[i], messages[i], 'message ' + i);
        else t.equal(answers[i], messages[i]);
      }
      t.done();
    });
  }, 'buffers');

  test('bytes that are no text come back as they are', function (t) {
    var view = new Uint8Array([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0xf8, 0, 0x22, 0x5c]);
    exchange(t, [view], function (answers) {
      sameBytes(t, answers[0], view);
      t.done();
    });
  }, 'buffers');
});
