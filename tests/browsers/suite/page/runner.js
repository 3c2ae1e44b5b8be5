// Runs the cases, one after the other or some together, in a window or a worker. ES3, as it must run in every engine here.
//
// A case is `test(name, body, needs)`; `body(t)` ends by `t.done()` or by an assertion that fails. What is opened by
// `t.open` is closed with the case. `needs` are words of `has`: an engine without one of them skips the case.

(function (global) {
  var CASE_MS = 20000;
  var SHOWN_CHARACTERS_MAX = 120;
  var cases = [];
  /** `slow`: where a megabyte takes many seconds, or shows nothing new, large cases are smaller, all but one. */
  var suite = { has: {}, settings: {}, Socket: null, slow: false };

  // --- What the engine has -----------------------------------------------------------------------------------

  function works(attempt) {
    try {
      return !!attempt();
    } catch (_) {
      return false;
    }
  }

  suite.has = {
    accessors: works(function () {
      var object = {};
      Object.defineProperty(object, 'a', { get: function () { return 1; } });
      return object.a == 1;
    }),
    buffers: !!(global.ArrayBuffer && global.Uint8Array && global.DataView),
    blobs: works(function () { return new Blob(['a']).size == 1; }),
    events: works(function () { return new CloseEvent('close', { code: 3000 }).code == 3000; }),
    exceptions: works(function () { return new DOMException('text', 'SyntaxError').code == 12; }),
    urls: works(function () { return new URL('b', 'http://a/').href == 'http://a/b'; }),
    promises: !!(global.Promise && global.queueMicrotask),
    iterables: !!(global.Set && global.Symbol),
    aborts: !!global.AbortController,
    page: !!global.document
  };

  // --- What nobody caught ------------------------------------------------------------------------------------

  var FAILED = 'the case failed: ';
  /** Of each case that runs: whether it expected such an error, and its end. */
  var running = [];
  var otherwise = global.onerror;

  global.onerror = function (message) {
    var text = String(message && message.message || message), i;
    // An assertion of a case that is over by it, thrown through code that throws it on.
    if (text.indexOf(FAILED) >= 0) return true;
    if (!running.length) return otherwise ? otherwise.apply(this, arguments) : false;
    for (i = 0; i < running.length; i++) if (running[i].expects(text)) return true;
    // Whose it is cannot be told.
    for (i = running.length; i--;) running[i].end('uncaught, of this case or one beside it: ' + text);
    return true;
  };

  // --- One case ----------------------------------------------------------------------------------------------

  function show(value) {
    var text;
    if (typeof value == 'string') {
      // An escape for each character that a report of failure would not show.
      text = value.slice(0, SHOWN_CHARACTERS_MAX).replace(/[^ -~]/g, function (c) {
        return '\\u' + ('000' + c.charCodeAt(0).toString(16)).slice(-4);
      });
      return '"' + text + '"' + (value.length > SHOWN_CHARACTERS_MAX ? '… (' + value.length + ')' : '');
    }
    if (Object.prototype.toString.call(value) == '[object Array]') {
      text = [];
      for (var i = 0; i < value.length; i++) text.push(show(value[i]));
      return '[' + text.join(', ') + ']';
    }
    return String(value);
  }

  function same(a, b) {
    // NaN is itself, and 0 is -0.
    return a === b || (a !== a && b !== b);
  }

  function makeTest(entry, ended) {
    var sockets = [], over = false, expected = [];
    var timer = setTimeout(function () {
      end('it was not done in ' + (entry.ms || CASE_MS) + ' ms' + (t.stage ? '; it was at: ' + t.stage : ''));
    }, entry.ms || CASE_MS);

    function end(error) {
      var i, socket;
      if (over) return;
      over = true;
      clearTimeout(timer);
      for (i = running.length; i--;) if (running[i] === self) running.splice(i, 1);
      for (i = 0; i < sockets.length; i++) {
        socket = sockets[i];
        socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
        try {
          if (socket.readyState < 2) socket.close();
        } catch (failed) {
          error = error || 'closing it at the end threw ' + failed;
        }
      }
      ended(error);
    }

    var self = {
      end: end,
      expects: function (text) {
        for (var i = 0; i < expected.length; i++) if (text.indexOf(expected[i]) >= 0) return expected.splice(i, 1);
        return null;
      }
    };
    running.push(self);

    var t = {
      /** What a case that is not done in time says it was waiting for. */
      stage: '',
      done: function () {
        end(null);
      },
      fail: function (why) {
        end(why);
        throw new Error(FAILED + why);
      },
      ok: function (value, what) {
        if (!value) t.fail(what);
      },
      equal: function (actual, wanted, what) {
        if (!same(actual, wanted)) t.fail((what ? what + ': ' : '') + show(actual) + ', not ' + show(wanted));
      },
      /** Lists of plain values. */
      list: function (actual, wanted, what) {
        if (show(actual) != show(wanted)) t.fail((what ? what + ': ' : '') + show(actual) + ', not ' + show(wanted));
      },
      /** `name` is that of a DOMException, or of a class of errors. */
      raises: function (name, body, what) {
        var thrown = null;
        try {
          body();
        } catch (error) {
          thrown = error;
        }
        what = what ? what + ': ' : '';
        if (!thrown) t.fail(what + 'nothing was thrown, not ' + name);
        if (thrown.name != name) t.fail(what + 'thrown was ' + thrown.name + ' (' + thrown.message + '), not ' + name);
        return thrown;
      },
      /** A handler whose failing assertions fail the case, and which is not heard after its end. */
      step: function (body) {
        return function () {
          if (over) return;
          try {
            return body.apply(this, arguments);
          } catch (error) {
            // What `fail` threw has ended it already.
            end(error.message || String(error));
          }
        };
      },
      /** The text of an error that will reach nobody but `onerror`. */
      expectUncaught: function (text) {
        expected.push(text);
      },
      uncaughtLeft: function () {
        return expected.length;
      },
      /** A socket to a path of the upstream, or a whole URL, with handlers of `on`. Where it shall not close, it may not. */
      open: function (path, on, protocols) {
        var address = path.charAt(0) == '/' ? t.url(path) : path;
        var socket = protocols === undefined ? new suite.Socket(address) : new suite.Socket(address, protocols);
        sockets.push(socket);
        on = on || {};
        if (on.open) socket.onopen = t.step(on.open);
        if (on.message) socket.onmessage = t.step(on.message);
        if (on.error) socket.onerror = t.step(on.error);
        socket.onclose = t.step(on.close || function (event) {
          t.fail('it closed by itself: ' + event.code + ' ' + event.reason);
        });
        return socket;
      },
      /** Opens, sends, and calls `got(list, socket)` with as many answers as were sent. */
      exchange: function (messages, got, path) {
        var answers = [];
        return t.open(path || '/echo', {
          open: function () {
            for (var i = 0; i < messages.length; i++) this.send(messages[i]);
          },
          message: function (event) {
            answers.push(event.data);
            t.stage = answers.length + ' answers of ' + messages.length;
            if (answers.length == messages.length) got(answers, this);
          }
        });
      },
      /** What happens to a socket, as `type` or `close CODE REASON CLEAN`, with the state in which it was told. */
      log: function (socket) {
        var log = [], types = ['open', 'message', 'error', 'close'], i;
        function note(event) {
          var text = event.type + ' ' + socket.readyState;
          if (event.type == 'close') text += ' ' + event.code + ' ' + (event.reason || '-') + ' ' + event.wasClean;
          if (event.type == 'message') text += ' ' + event.data;
          log.push(text);
        }
        for (i = 0; i < types.length; i++) socket.addEventListener(types[i], note, false);
        return log;
      },
      /** Calls `then` when whatever was still to come has had its time: after a message on another socket has come back. */
      settled: function (then) {
        t.open('/echo', {
          open: function () {
            this.send('settled?');
          },
          message: function () {
            // Once more through the queue of tasks, for what was put there meanwhile.
            setTimeout(t.step(then), 0);
          }
        });
      },
      /** Repeats `test` until it is true: for values that have no event. */
      until: function (test, then) {
        var ask = t.step(function () {
          if (test()) then();
          else setTimeout(ask, 5);
        });
        ask();
      },
      url: function (path) {
        return suite.settings.upstream + path;
      },
      /** Of this case alone, in all runs. */
      id: suite.settings.run + '-' + entry.number
    };
    return t;
  }

  // --- All of them -------------------------------------------------------------------------------------------

  suite.group = function (group, define) {
    /** `needs` are words; `ms` is the time it may take where 10 s are not enough. */
    define(function (name, body, needs, ms) {
      cases.push({
        name: group + ': ' + name,
        body: body,
        needs: needs ? needs.split(' ') : [],
        ms: ms,
        number: cases.length
      });
    });
  };

  function lacking(entry) {
    for (var i = 0; i < entry.needs.length; i++) if (!suite.has[entry.needs[i]]) return entry.needs[i];
    return null;
  }

  function now() {
    return new Date().getTime();
  }

  /**
   * `settings`: `run` (an id), `upstream`, `dead`, `scope`, `transport`, `carries` (the transport
   * that must carry, where that is another word), `only` (a part of a case's name), and how many cases run `together` (1).
   * `tell` hears each case, `done` that it is over.
   */
  suite.run = function (Socket, settings, tell, done) {
    var at = 0, going = 0, together = Number(settings.together) || 1;
    suite.Socket = Socket;
    suite.settings = settings;
    // A request of a script tag carries 1,100 bytes; old engines have old interpreters; and what is long has been seen in
    // the window when it comes to the worker.
    suite.slow = settings.transport == 'jsonp' || !suite.has.promises || settings.scope == 'worker';

    function start(entry) {
      var began = now(), t;
      going++;
      t = makeTest(entry, function (error) {
        tell({ name: entry.name, ms: now() - began, error: error || null });
        going--;
        // Not from within a handler of the case before.
        setTimeout(next, 0);
      });
      t.step(entry.body)(t);
    }

    function next() {
      var entry, lacks;
      while (going < together && at < cases.length) {
        entry = cases[at++];
        if (settings.only && entry.name.indexOf(settings.only) < 0) continue;
        lacks = lacking(entry);
        if (lacks) tell({ name: entry.name, skipped: lacks });
        else start(entry);
      }
      if (!going && at == cases.length) {
        at++;
        done();
      }
    }

    next();
  };

  global.suite = suite;
})(this);
