// From facts to sentences. Pure.
var verdict = (function () {
  var BETWEEN = 'something between you and the server (a proxy, a firewall, a virus scanner)';

  function works(fact) {
    return !!fact && fact.how === 'ok';
  }

  function isDown(facts) {
    return !!facts.relayTarget && facts.relayTarget.how === 'unreachable';
  }

  /** What becomes of WebSockets, whose fact is `fact`; `http`: the same server answers plain requests. */
  function socketWords(fact, http) {
    var how = fact ? fact.how : '';
    if (how === 'mute') return 'WebSocket connections are opened but nothing comes through: ' + BETWEEN + ' lets them open and holds back what is said.';
    if (how === 'hanging') return 'The attempt to open a WebSocket is never answered: ' + BETWEEN + ' swallows it.';
    if (how === 'cut') return 'WebSocket connections are opened and cut at once: ' + BETWEEN + ' ends them.';
    if (how === 'refused') {
      return http
        ? 'WebSocket connections are refused, although the server is there: ' + BETWEEN + ' does not let them through.'
        : 'The WebSocket was refused, and the relay does not reach that server either: is it running?';
    }
    if (how === 'missing') return 'This browser, or the policy of this page, does not let WebSockets be opened.';
    return '';
  }

  /** Why no session can be had, or none that reaches the target; empty when neither is the matter. */
  function sessionWords(facts) {
    var router = works(facts.routerScript) || !facts.router.answer ? facts.routerScript : facts.router;
    if (!works(facts.router) && !works(router)) {
      return router.answer ? refusal(router.answer) : 'The router does not answer /create: is the server still running?';
    }
    if (!works(facts.relayRequest) && !works(facts.relayScript) && !works(facts.relaySocket)) {
      return (
        'The relay cannot be reached at ' + facts.relay + ': that name does not lead to it from here. ' +
        'Either its name service is missing here, or the relay needs one name for all: relayd.one_host.'
      );
    }
    return isDown(facts) ? refusal(facts.relayTarget.answer) : '';
  }

  function refusal(answer) {
    return (words.refusals[answer.code] || 'The router refuses.') + ' It says “' + answer.error + '”.';
  }

  function requestWords(facts) {
    if (works(facts.relayRequest)) return '';
    return works(facts.relayScript)
      ? 'Requests reach the relay, but this browser may not read its answers: ' + BETWEEN + ' removes their CORS headers.'
      : 'Requests to the relay fail.';
  }

  function streamWords(facts) {
    return facts.relayStream && facts.relayStream.how === 'held'
      ? 'Answers that come in pieces are held back until they are complete: ' + BETWEEN + ' buffers them.'
      : '';
  }

  function failureWords(name, tried, facts) {
    var http = !isDown(facts) && (works(facts.router) || works(facts.routerScript));
    var said = name === 'websocket' ? socketWords(facts.targetSocket, http) : sessionWords(facts);
    if (!said && name === 'relay') said = socketWords(facts.relaySocket, works(facts.relayRequest) || works(facts.relayScript));
    if (!said && (name === 'stream' || name === 'sse')) said = requestWords(facts) || streamWords(facts);
    if (!said && name === 'poll') said = requestWords(facts);
    if (!said && name === 'jsonp' && !works(facts.relayScript)) said = 'Scripts of the relay are not loaded: a content blocker, or the policy of this page.';
    if (said) return said;
    if (tried.opened) return 'It opened, and then a message did not come back. Single requests do work: look again.';
    return tried.late ? 'It did not open in time, although single requests do work: look again.' : 'It failed, although single requests do work: look again.';
  }

  return {
    /** Whether single requests leave a transport a hope. */
    hopes: function (name, facts) {
      if (engine.lack(name)) return false;
      if (name === 'websocket') return works(facts.targetSocket);
      if (name === 'relay') return works(facts.relaySocket);
      if (name === 'jsonp') return works(facts.relayScript);
      return works(facts.relayRequest) && (name === 'poll' || works(facts.relayStream));
    },

    /** `{ state, words }` of one transport: `ok`, `missing` (not in this browser) or `failed`. */
    of: function (name, tried, facts) {
      if (tried.ok) return { state: 'ok', words: words.transports[name] };
      var lack = engine.lack(name);
      if (lack) return { state: 'missing', words: 'Not in this browser: ' + lack + '.' };
      return { state: 'failed', words: failureWords(name, tried, facts) };
    },

    /** `{ state, headline, advice }` of all: `results` by name, and what the client `chose` by itself. */
    all: function (results, chose, facts) {
      var good = 0;
      var names = words.names;
      var count;
      for (var i = 0; i < names.length; i++) if (results[names[i]].state === 'ok') good++;
      count = good + ' of ' + names.length + ' transports';
      if (!chose.ok) {
        return good
          ? { state: 'failed', headline: 'The client found no way, although ' + count + ' work.', advice: 'That should not be. Look again, and send the report to whoever runs this server.' }
          : { state: 'failed', headline: isDown(facts) ? 'The target cannot be reached.' : 'Nothing gets through.', advice: results[results.poll.state === 'failed' ? 'poll' : 'jsonp'].words };
      }
      var chosen = 'Left to itself, the client used ' + chose.transport + ', and was open after ' + chose.openMs + ' ms.';
      if (good === names.length) {
        return { state: 'ok', headline: 'Everything works: ' + count + '.', advice: 'WebSockets get through here, and so does every fallback. ' + chosen };
      }
      if (results.websocket.state === 'ok') {
        return { state: 'ok', headline: 'WebSockets work, and ' + count + '.', advice: 'What fails below would be needed only if WebSockets stopped. ' + chosen };
      }
      return { state: 'ok', headline: 'Pages work here, without WebSockets: by ' + chose.transport + '.', advice: results.websocket.words + ' ' + chosen + ' In all, ' + count + ' work.' };
    }
  };
})();
