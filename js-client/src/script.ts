/** Requests by script tags (JSONP): what is left where nothing else is. */

import { Call, Answer, once } from './call';
import { page, random, root } from './engine';

/** The callbacks, also of other copies of this script. */
const callbacks: { [id: string]: (answer: Answer) => void } = (root._polysocket = root._polysocket || {});

export const scriptCall: Call = function (url, _body, timeout, done) {
  const id = '_' + random();
  const script = page.createElement('script');
  const head = page.getElementsByTagName('head')[0];
  function forget() {
    delete callbacks[id];
  }
  const finish = once(timeout, done, function () {
    // If it is on its way it may still run.
    callbacks[id] = forget;
    head.removeChild(script);
  });
  // Some engines know neither event, and leave it to the timer. When a script is loaded it has run: what is told by an
  // event is no answer, as an event says nothing that answers say.
  callbacks[id] = script.onload = script.onerror = function (answer: any) {
    finish(answer || {});
    forget();
  };
  // Else some engines run scripts in the order of their tags: an answer would wait for the parked poll.
  script.async = true;
  script.src = url + '&cb=_polysocket.' + id;
  head.appendChild(script);
  return finish;
};
