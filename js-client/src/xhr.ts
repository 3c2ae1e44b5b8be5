/** Requests by XMLHttpRequest, or by XDomainRequest where that cannot reach other origins. Never with a preflight. */

import { Call, once } from './call';
import { hasBuffers, nothing, root } from './engine';

const XHR = root.XMLHttpRequest;
const sample = XHR ? new XHR() : {};
const hasCors = 'withCredentials' in sample;
const XDR = root.XDomainRequest;

/** Whether another origin can be reached, and its answer read. */
export const canCall = !!root.JSON && (hasCors || !!XDR);

/** Whether an answer can be read while it comes, byte by byte. */
export const canStream = canCall && hasCors && !!sample.overrideMimeType;

/** Whether a body may be bytes. */
export const hasBinaryBodies = hasCors && hasBuffers;

/** Calls `heard` whenever there is more of the answer. */
export function openRequest(url: string, body: any, heard: (request: any) => void, type?: string): any {
  const request = hasCors ? new XHR() : new XDR();
  function hear() {
    heard(request);
  }
  request.open(body === null ? 'GET' : 'POST', url, true);
  if (type) request.overrideMimeType(type);
  if (hasCors) request.onreadystatechange = hear;
  else {
    request.onload = request.onerror = request.ontimeout = hear;
    // Without a handler of this, too, it gives up its requests.
    request.onprogress = nothing;
  }
  // A string becomes `text/plain`, and bytes have no type: neither needs a preflight.
  request.send(body);
  return request;
}

export const xhrCall: Call = function (url, body, timeout, done) {
  const finish = once(timeout, done, function () {
    request.abort();
  });
  const request = openRequest(url, body, function (request) {
    if (request.readyState < 4) return;
    let answer = {};
    try {
      answer = JSON.parse(request.responseText) || answer;
    } catch (_) {
      // Cut short, or of somebody in between who speaks for the relay.
    }
    finish(answer);
  });
  return finish;
};
xhrCall.posts = true;
