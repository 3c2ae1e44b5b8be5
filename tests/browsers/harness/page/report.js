// What a page tells the test that opened it. ES3, and only what every engine here has: XHR to the page's own origin.

(function (global) {
  function queryOf(search) {
    var values = {}, pairs = search.replace(/^\?/, '').split('&'), i, at;
    for (i = 0; i < pairs.length; i++) {
      at = pairs[i].indexOf('=');
      if (at > 0) values[decode(pairs[i].slice(0, at))] = decode(pairs[i].slice(at + 1));
    }
    return values;
  }

  function decode(text) {
    return decodeURIComponent(text.replace(/\+/g, ' '));
  }

  function escape(text) {
    return '"' + text.replace(/[\\"\u0000-\u001f\u007f-\uffff]/g, function (c) {
      return '\\u' + ('000' + c.charCodeAt(0).toString(16)).slice(-4);
    }) + '"';
  }

  // Not every engine here has JSON, and a lone surrogate must survive the way.
  function json(value) {
    var parts = [], key, i;
    if (value === null || value === undefined) return 'null';
    if (typeof value == 'string') return escape(value);
    if (typeof value == 'number') return isFinite(value) ? String(value) : 'null';
    if (typeof value == 'boolean') return String(value);
    if (Object.prototype.toString.call(value) == '[object Array]') {
      for (i = 0; i < value.length; i++) parts.push(json(value[i]));
      return '[' + parts.join(',') + ']';
    }
    if (typeof value == 'function') return escape('function');
    for (key in value) {
      if (Object.prototype.hasOwnProperty.call(value, key)) parts.push(escape(key) + ':' + json(value[key]));
    }
    return '{' + parts.join(',') + '}';
  }

  var query = queryOf(location.search);
  // One after the other, so that reports arrive in order.
  var queue = [], sending = false;

  function next() {
    var item = queue.shift(), request;
    if (!item) {
      sending = false;
      return;
    }
    sending = true;
    request = new XMLHttpRequest();
    request.open('POST', '/report/' + query.report + '/' + item.event, true);
    request.onreadystatechange = function () {
      if (request.readyState == 4) next();
    };
    request.send(item.body);
  }

  function tell(event, value) {
    queue.push({ event: event, body: json(value) });
    if (!sending) next();
  }

  function report(value) {
    tell('report', value);
  }

  report.query = query;
  report.json = json;
  report.done = function (value) {
    tell('done', value);
  };
  report.failed = function (text) {
    tell('failed', text);
  };
  global.report = report;

  global.onerror = function (message, source, line) {
    if (report.expected && report.expected(message)) return true;
    report.failed(message + ' at ' + source + ':' + line);
  };
  if (global.addEventListener) {
    global.addEventListener('unhandledrejection', function (event) {
      report.failed('unhandled rejection: ' + (event.reason && event.reason.stack || event.reason));
    }, false);
  }
})(window);
