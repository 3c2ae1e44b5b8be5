/** Asks routers for a session: `create`. */

import { Call, Stop } from './call';
import { now, page, random } from './engine';
import { Options } from './options';
import { Place, release } from './place';
import { scriptCall } from './script';
import { canCall, xhrCall } from './xhr';

/** A router that does not answer within this is given up. */
const ANSWER_MS = 4000;
/** What is added to the pause before each further attempt. */
const RETRY_MS = 50;
/** Words of a router after which another may do better. */
const ELSEWHERE = /^(no|un|ti)/;

const FROM = 'js/1.0.0';

/** Prepares a session for `target`, whose dialling is left to its first receiver. Null when there is none to be had. */
export function create(
  options: Options,
  target: string,
  protocols: string[],
  done: (place: Place | null) => void
): Stop {
  let ways: [string, Call][] = [];
  for (let i = 0; i < options.router.length; i++) {
    if (canCall) ways.push([options.router[i], xhrCall]);
    if (page) ways.push([options.router[i], scriptCall]);
  }
  let form =
    'v=1&hold=1&from=' + FROM + '&nonce=' + random() + random() +
    '&target=' + encodeURIComponent(target) + '&protocols=' + encodeURIComponent(protocols.join());
  // All of them twice.
  ways = ways.concat(ways);
  let asked = false;
  let pause = 0;

  function attempt(): void {
    const way = ways.shift();
    if (!way) return done(null);
    const call = way[1];
    const began = now();
    // In a body the token stays out of the logs of whoever is in between.
    call(way[0] + '/create' + (call.posts ? '' : '?' + form), form, ANSWER_MS, function (answer) {
      if (answer.ok) {
        answer.router = way[0];
        answer.call = call;
        answer.rtt = now() - began;
        done(answer as Place);
      } else if (answer.code && !ELSEWHERE.test(answer.code)) done(null);
      else {
        setTimeout(attempt, pause);
        pause += RETRY_MS;
      }
    });
  }

  function withToken(token?: string): void {
    if (asked) return;
    asked = true;
    if (token) form += '&token=' + encodeURIComponent(token);
    attempt();
  }

  function withoutToken(): void {
    done(null);
  }

  let token: any = options.token;
  const asks = typeof token == 'function';
  try {
    if (asks) token = token(target, withToken);
  } catch (_) {
    token = 0;
    withoutToken();
  }
  if (token && token.then) token.then(withToken, withoutToken);
  else if (token || !asks) withToken(token);
  return function () {
    // What has been asked for is waited for, so that it can be given back.
    done = function (place) {
      if (place) release(place);
    };
    ways = [];
  };
}
