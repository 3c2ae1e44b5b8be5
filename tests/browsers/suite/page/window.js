// In the window: reads what to run from the query, runs it here or in a worker, and reports. ES3.

(function () {
  var query = report.query;
  var settings = {
    run: query.report,
    router: query.router,
    upstream: query.upstream,
    dead: query.dead,
    scope: query.scope,
    transport: query.transport,
    carries: query.carries,
    only: query.only,
    together: query.together
  };
  var worker;

  if (query.scope == 'worker') {
    worker = new Worker('/suite-worker.js');
    worker.onmessage = function (event) {
      if (event.data.done) report.done(null);
      else report(event.data);
    };
    worker.onerror = function (event) {
      report.failed('the worker threw: ' + event.message + ' at ' + event.filename + ':' + event.lineno);
    };
    worker.postMessage(settings);
    return;
  }
  suite.run(suiteSocket(settings), settings, report, function () {
    report.done(null);
  });
})();
