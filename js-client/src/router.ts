/** Asks routers for a session: `create`. */

import { absolute } from './address';
import { Call, Stop } from './call';
import { nothing, now, random } from './engine';
import { Options } from './options';
import { Place } from './place';
import { canScript, scriptCall } from './script';
import { canCall, xhrCall } from './xhr';

/** A router that does not answer within this is given up. */
const ANSWER_MS = 4000;
/** What is added to the pause before each further attempt. */
const RETRY_MS = 50;
/** Words of a router after which another may do better. */
const ELSEWHERE = /^(no-c|un|ti)/;

const FROM = 'polysocket.js/1.0.0';

/** Prepares a session for `target`, whose dialling is left to its first receiver. Null when there is none to be had. */
export function create(
  options: Options,
  target: string,
  protocols: string[],
  done: (place: Place | null) => void
): Stop {
  let ways: [string, Call][] = [];
  for (let i = 0; i < options.router.length; i++) {
    const router = absolute(options.router[i]).replace(/\/$/, '');
    if (canCall) ways.push([router, xhrCall]);
    if (canScript) ways.push([router, scriptCall]);
  }
  let form =
    'v=1&hold=1&from=' + FROM + '&nonce=polysocket' + random() + random() +
    '&target=' + encodeURIComponent(target) + '&protocols=' + encodeURIComponent(protocols.join());
  // All of them twice.
  ways = ways.concat(ways);
  let stop: Stop | undefined;
  let pause = 0;

  function attempt(): void {
    const way = ways.shift();
    if (!way) return done(null);
    const call = way[1];
    const began = now();
    // In a body the token stays out of the logs of whoever is in between.
    stop = call(way[0] + '/create' + (call.posts ? '' : '?' + form), form, ANSWER_MS, function (answer) {
      if (answer.ok) {
        const place = answer as Place;
        place.router = way[0];
        place.call = call;
        place.rtt = now() - began;
        done(place);
      } else if (answer.code && !ELSEWHERE.test(answer.code)) done(null);
      else {
        setTimeout(attempt, pause);
        pause += RETRY_MS;
      }
    });
  }

  function withToken(token?: string): void {
    if (stop) return;
    if (token) form += '&token=' + encodeURIComponent(token);
    attempt();
  }

  let token: any = options.token;
  if (typeof token != 'function') withToken(token);
  else if ((token = token(target, withToken)))
    if (token.then)
      token.then(withToken, function () {
        done(null);
      });
    else withToken(token);
  return function () {
    done = nothing;
    ways = [];
    if (stop) stop();
  };
}
