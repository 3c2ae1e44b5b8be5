// The doctor's page.
(function () {
  var NETWORK = [
    { fact: 'router', name: 'Router, by request' },
    { fact: 'routerScript', name: 'Router, by script' },
    { fact: 'relayRequest', name: 'Relay, by request' },
    { fact: 'relayScript', name: 'Relay, by script' },
    { fact: 'relayStream', name: 'Relay, an answer in pieces' },
    { fact: 'relaySocket', name: 'Relay, by WebSocket' },
    { fact: 'relayTarget', name: 'Target, from the relay' },
    { fact: 'targetSocket', name: 'Target, by WebSocket' }
  ];
  /** What `ask` tells, for people. */
  var OUTCOMES = {
    ok: 'works', late: 'no answer in time', failed: 'failed', garbled: 'the answer is not the server’s', missing: 'not possible in this browser',
    refused: 'refused', hanging: 'never opens', mute: 'opens, and nothing comes', cut: 'opens, and is cut', held: 'held back until it is complete',
    unreachable: 'the relay does not get there'
  };
  var RESULTS = { ok: 'works', failed: 'fails', missing: 'not here', running: 'trying', waiting: 'waits' };

  /** Longer than all patience of the client before it leaves a transport; and shorter where it will not work anyway. */
  var DEADLINE_MS = 9000;
  var HOPELESS_MS = 2500;

  /** `?target=` is another WebSocket server that says everything back. KHTML leaves out the question mark. */
  var asked = /(?:^|[?&])target=([^&]+)/.exec(location.search);
  var target = asked ? decodeURIComponent(asked[1]) : location.protocol.replace('http', 'ws') + '//' + location.host + '/echo';
  /** Names a run: what an older one still tells is not heard. */
  var run = 0;

  function get(id) {
    return document.getElementById(id);
  }

  function put(element, text) {
    while (element.firstChild) element.removeChild(element.firstChild);
    if (text) element.appendChild(document.createTextNode(text));
  }

  function add(list, className, text, more) {
    var item = document.createElement('li');
    item.className = className;
    put(item, text);
    if (more) {
      var small = document.createElement('small');
      put(small, ' ' + more);
      item.appendChild(small);
    }
    list.appendChild(item);
  }

  function row(name, state, sentence, tried) {
    var element = get('row-' + name);
    var cells = element.getElementsByTagName('td');
    element.className = state;
    put(cells[0], RESULTS[state]);
    put(cells[1], tried && tried.openMs !== null ? tried.openMs + ' ms' : '');
    put(cells[2], tried && tried.roundTripMs !== null ? tried.roundTripMs + ' ms' : '');
    put(cells[3], sentence);
    cells[1].setAttribute('data-what', 'open after');
    cells[2].setAttribute('data-what', 'round trip');
  }

  function showEngine() {
    var list = get('engine');
    put(list, '');
    for (var i = 0; i < engine.features.length; i++) {
      var feature = engine.features[i];
      add(list, feature.has ? 'yes' : 'no', feature.name, feature.has ? '' : '– ' + feature.without);
    }
  }

  function showNetwork(facts) {
    var list = get('network');
    put(list, '');
    for (var i = 0; i < NETWORK.length; i++) {
      var fact = facts[NETWORK[i].fact];
      if (!fact) continue;
      var works = fact.how === 'ok';
      add(list, works ? 'yes' : 'no', NETWORK[i].name, works ? fact.ms + ' ms' : '– ' + OUTCOMES[fact.how]);
    }
    if (!list.firstChild) add(list, '', 'Looking…');
  }

  function conclude(results, chose, facts) {
    var conclusion = verdict.all(results, chose, facts);
    get('conclusion').className = 'panel conclusion ' + conclusion.state;
    put(get('headline'), conclusion.headline);
    put(get('advice'), conclusion.advice);
    var page = { at: new Date().toUTCString(), url: location.href, browser: navigator.userAgent, pretend: window.pretend };
    get('report').value = writeReport(page, conclusion, results, facts, NETWORK);
    get('again').disabled = get('copy').disabled = false;
    get('main').setAttribute('data-done', 'true');
  }

  function look() {
    var mine = ++run;
    var results = {};
    get('main').setAttribute('data-done', 'false');
    get('again').disabled = get('copy').disabled = true;
    get('conclusion').className = 'panel conclusion waiting';
    put(get('headline'), 'Looking…');
    put(get('advice'), 'This takes a few seconds, and longer the worse the network is.');
    for (var i = 0; i < words.names.length; i++) row(words.names[i], 'waiting', '');
    showNetwork({});

    // One after the other: old engines have two connections to a server, and a transport shall be measured alone.
    function next(at, facts) {
      var name = words.names[at];
      if (!name) {
        tryTransport('', target, DEADLINE_MS, function (chose) {
          if (mine === run) conclude(results, chose, facts);
        });
        return;
      }
      row(name, 'running', words.transports[name]);
      tryTransport(name, target, verdict.hopes(name, facts) ? DEADLINE_MS : HOPELESS_MS, function (tried) {
        if (mine !== run) return;
        var result = verdict.of(name, tried, facts);
        result.tried = tried;
        results[name] = result;
        row(name, result.state, result.words, tried);
        next(at + 1, facts);
      });
    }
    examine(target, function (facts) {
      if (mine === run) showNetwork(facts);
    }, function (facts) {
      if (mine === run) next(0, facts);
    });
  }

  function copy() {
    var report = get('report');
    function say(text) {
      put(get('copy'), text);
      setTimeout(function () {
        put(get('copy'), 'Copy the report');
      }, 2000);
    }
    report.focus();
    report.select();
    if (navigator.clipboard && navigator.clipboard.writeText) {
      navigator.clipboard.writeText(report.value).then(function () {
        say('Copied');
      }, function () {
        say('Selected: copy it now');
      });
      return;
    }
    var copied = false;
    try {
      copied = document.execCommand('copy');
    } catch (error) {
      // Not for scripts, here. It is selected.
    }
    say(copied ? 'Copied' : 'Selected: copy it now');
  }

  if (window.pretend) {
    put(get('pretending'), 'Pretending that WebSockets are: ' + window.pretend + '. What is below is not your network.');
    get('pretending').className = 'notice';
  }
  put(get('target'), target);
  get('again').onclick = look;
  get('copy').onclick = copy;
  showEngine();
  look();
})();
