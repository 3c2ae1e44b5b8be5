// What a browser brings to the network, over node's: names under `localhost`, origins, and a way to see and to break
// every request.

import http from 'node:http';

export const lookup = (_name, options, done) =>
  options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);

/**
 * One request. `on` gets `head(status, headers)`, `data(chunk)`, `end()` and `error(error)`; what is returned aborts it.
 * `fault(request)` may return 'refuse' (no connection), 'lose' (the answer is lost), 'hang', or { delay } in ms.
 */
export function send(network, { method, url, headers, body }, on) {
  const seen = { method, url, body };
  network.requests.push(seen);
  const fault = network.fault ? network.fault(seen) : undefined;
  if (fault === 'refuse') {
    setTimeout(() => on.error(new Error('refused')), 1);
    return () => {};
  }
  if (fault === 'hang') return () => {};
  let request;
  let over = false;
  const begin = () => {
    if (over) return;
    request = http.request(url, { method, headers, lookup, agent: network.agent });
    request.on('response', (response) => {
      if (fault === 'lose') {
        response.resume();
        response.on('end', () => finish(() => on.error(new Error('the answer was lost'))));
        return;
      }
      if (!over) on.head(response.statusCode, response.headers);
      let left = fault && fault.truncate !== undefined ? fault.truncate : Infinity;
      response.on('data', (chunk) => {
        if (over) return;
        if (chunk.length > left) {
          on.data(chunk.subarray(0, left));
          finish(() => on.error(new Error('truncated')));
          request.destroy();
          return;
        }
        left -= chunk.length;
        on.data(chunk);
      });
      response.on('end', () => finish(() => on.end()));
      response.on('error', (error) => finish(() => on.error(error)));
    });
    request.on('error', (error) => finish(() => on.error(error)));
    request.end(body);
  };
  const finish = (run) => {
    if (over) return;
    over = true;
    run();
  };
  if (fault && fault.delay) setTimeout(begin, fault.delay);
  else begin();
  return () => {
    over = true;
    if (request) request.destroy();
  };
}

export function makeNetwork() {
  return { requests: [], fault: null, agent: new http.Agent({ keepAlive: true, maxSockets: 64 }) };
}
