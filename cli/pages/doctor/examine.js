// Examines the way to the server, by requests without the client: what a transport's failure is explained by.
var examine = (function () {
  var DEADLINE_MS = 4000;
  /** The router gives a target 5 s. */
  var DIAL_MS = 7000;

  /**
   * Calls `done(facts)`, and `told(facts)` whenever there is one more: `router`, `routerScript`, `relayRequest`,
   * `relayScript`, `relayStream`, `relaySocket`, `relayTarget` and `targetSocket` are what `ask` told, `relay` is its name.
   */
  return function (target, told, done) {
    var http = location.protocol + '//';
    var create = '/create?v=1&from=doctor&target=' + encodeURIComponent(target);
    /** Nobody dials the target for this one. */
    var prepare = create + '&hold=1';
    var facts = { relay: '' };
    var session;
    var waits = 0;

    function fact(name, next) {
      waits++;
      return function (outcome) {
        facts[name] = outcome;
        if (next) next(outcome);
        told(facts);
        if (!--waits) release();
      };
    }

    function url(scheme, path, of) {
      of = of || session;
      return scheme + of.polysocketd + '/' + path + '/' + of.socket + '?v=1&ack=0';
    }

    function close(of, then) {
      ask.script(url(http, 's', of) + '&n=1&t=c', DEADLINE_MS, then);
    }

    /** Has the relay go to the target, which tells what is wrong with it. */
    function dialled(outcome) {
      if (outcome.how !== 'ok') return;
      if (outcome.answer.ok) close(outcome.answer, function () {});
      else outcome.how = 'unreachable';
    }

    function placed(outcome) {
      if (outcome.how === 'ok' && !outcome.answer.ok) outcome.how = 'refused';
      if (session || outcome.how !== 'ok') return;
      session = outcome.answer;
      // Of `abc.tom.example.com:81/r/tom` what is behind the label, which another socket does not have.
      facts.relay = session.polysocketd.replace(/^[^.\/]{16,}\./, '');
      ask.xhr(url(http, 's'), '', DEADLINE_MS, fact('relayRequest'));
      ask.script(url(http, 's'), DEADLINE_MS, fact('relayScript'));
      // The newest receiver wins: one after the other.
      ask.socket(url(http.replace('http', 'ws'), 'w'), '', DEADLINE_MS, fact('relaySocket', function () {
        ask.stream(url(http, 'x') + '&ttl=1000', DEADLINE_MS, fact('relayStream'));
      }));
      if (facts.router === outcome) ask.xhr(create, '', DIAL_MS, fact('relayTarget', dialled));
      else ask.script(create, DIAL_MS, fact('relayTarget', dialled));
    }

    function release() {
      if (!session) return done(facts);
      close(session, function () {
        done(facts);
      });
    }

    ask.socket(target, 'doctor', DEADLINE_MS, fact('targetSocket'));
    ask.xhr(prepare, '', DEADLINE_MS, fact('router', placed));
    ask.script(prepare, DEADLINE_MS, fact('routerScript', placed));
  };
})();
