/** Requests by XMLHttpRequest, or by XDomainRequest where that cannot reach other origins. Never with a preflight. */

import { Call, once } from './call';
import { nothing, root } from './engine';

const XHR = root.XMLHttpRequest;
const hasCors = XHR && 'withCredentials' in new XHR();
const XDR = root.XDomainRequest;

/** Whether another origin can be reached, and its answer read. */
export const canCall = !!root.JSON && (hasCors || !!XDR);

export const xhrCall: Call = function (url, body, timeout, done) {
  const request = hasCors ? new XHR() : new XDR();
  const finish = once(timeout, done, function () {
    request.abort();
  });
  request.open(body === null ? 'GET' : 'POST', url, true);
  // Without handlers of all these XDomainRequest gives up some requests.
  request.onprogress = nothing;
  request.onload = request.onerror = request.ontimeout = function () {
    let answer = {};
    try {
      answer = JSON.parse(request.responseText) || answer;
    } catch (_) {
      // Cut short, or of somebody in between who speaks for the relay.
    }
    finish(answer);
  };
  // A string becomes `text/plain`, and bytes have no type: neither needs a preflight.
  request.send(body);
  return finish;
};
xhrCall.posts = true;
