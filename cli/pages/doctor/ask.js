// Single requests and WebSockets, without the client: what becomes of each is told in one word.
var ask = (function () {
  var count = 0;

  function now() {
    return +new Date();
  }

  /** Calls `done({ how, ms, … })` once; `late` when nothing else was said in `ms`. */
  function once(ms, done) {
    var began = now();
    var over = false;
    var timer = setTimeout(function () {
      finish('late');
    }, ms);
    function finish(how, more) {
      if (over) return;
      over = true;
      clearTimeout(timer);
      var told = more || {};
      told.how = how;
      told.ms = now() - began;
      done(told);
    }
    return finish;
  }

  function parse(text) {
    try {
      return JSON.parse(text) || null;
    } catch (error) {
      return null;
    }
  }

  /** A POST, or a GET when `body` is null: `ok` with its `answer`, `garbled`, `failed`, `late` or `missing`. */
  function xhr(url, body, ms, done) {
    var finish = once(ms, done);
    var Request = window.XMLHttpRequest;
    var request;
    function end() {
      var answer = parse(request.responseText);
      if (answer) finish('ok', { answer: answer });
      else finish(request.responseText ? 'garbled' : 'failed');
    }
    try {
      request = new Request();
      if ('withCredentials' in request) {
        request.onreadystatechange = function () {
          if (request.readyState === 4) end();
        };
      } else {
        // The router is of our origin, and the relay is not.
        request = new (url.indexOf('/create') >= 0 ? Request : window.XDomainRequest)();
        request.onload = end;
        request.onerror = request.ontimeout = function () {
          finish('failed');
        };
        request.onprogress = function () {};
      }
      request.open(body === null ? 'GET' : 'POST', url, true);
      request.send(body);
    } catch (error) {
      finish('missing');
    }
  }

  /** The same by a script tag. */
  function script(url, ms, done) {
    var name = 'doctor' + ++count;
    var tag = document.createElement('script');
    var finish = once(ms, function (told) {
      // A late one still finds something to call.
      window[name] = function () {};
      if (tag.parentNode) tag.parentNode.removeChild(tag);
      done(told);
    });
    window[name] = function (answer) {
      finish('ok', { answer: answer });
    };
    tag.onload = tag.onerror = function () {
      finish('failed');
    };
    tag.async = true;
    tag.src = url + (url.indexOf('?') < 0 ? '?' : '&') + 'cb=' + name;
    document.getElementsByTagName('head')[0].appendChild(tag);
  }

  /**
   * A WebSocket that must hear something: `ok`, `missing`, `refused` before it opened, `hanging`, `mute` and `cut` after
   * it has opened. With `says` that is sent first.
   */
  function socket(url, says, ms, done) {
    var opened = false;
    var own;
    var finish = once(ms, function (told) {
      if (told.how === 'late') told.how = opened ? 'mute' : 'hanging';
      if (own) {
        own.onopen = own.onmessage = own.onclose = own.onerror = null;
        try {
          own.close();
        } catch (error) {
          // Broken engines do even that.
        }
      }
      done(told);
    });
    try {
      own = new window.WebSocket(url);
    } catch (error) {
      return finish('missing');
    }
    own.onopen = function () {
      opened = true;
      if (says) own.send(says);
    };
    own.onmessage = function () {
      finish('ok');
    };
    own.onclose = function () {
      finish(opened ? 'cut' : 'refused');
    };
  }

  /** A long answer: `ok` when its bytes come while it goes on, `held`, `failed`, `missing`. */
  function stream(url, ms, done) {
    var request;
    var begun = false;
    var finish = once(ms, function (told) {
      if (told.how === 'late') told.how = begun ? 'late' : 'held';
      if (request) request.abort();
      done(told);
    });
    try {
      request = new window.XMLHttpRequest();
      request.onreadystatechange = function () {
        if (request.readyState === 3 && request.responseText) {
          begun = true;
          finish('ok');
        } else if (request.readyState === 4) finish(request.status === 200 ? 'held' : 'failed');
      };
      request.open('GET', url, true);
      request.send(null);
    } catch (error) {
      finish('missing');
    }
  }

  return { xhr: xhr, script: script, socket: socket, stream: stream };
})();
