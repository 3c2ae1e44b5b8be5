// What a browser brings to the network, over node's: names under `localhost`, origins, and a way to see and to break
// every request.

import http from 'node:http';

export const lookup = (_name, options, done) =>
  options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);

/**
 * One request. `on` gets `head(status, headers)`, `data(chunk)`, `end()` and `error(error)`; what is returned aborts it.
 * `network.fault(request)` may return 'refuse' (no connection), 'lose' (the answer is lost), 'hang', { delay } in ms,
 * { truncate } (what comes of an answer, in bytes), or { answer } (what somebody else answers, in JSON). With `network.twice` somebody on the way sends all a second time.
 */
export function send(network, { method, url, headers, body }, on) {
  const seen = { method, url, body };
  network.requests.push(seen);
  network.waiting.forEach((check) => check());
  const fault = network.fault ? network.fault(seen) : undefined;
  if (fault === 'refuse') {
    setTimeout(() => on.error(new Error('refused')), 1);
    return () => {};
  }
  if (fault === 'hang') return () => {};
  if (fault && fault.answer) {
    setTimeout(() => {
      on.head(200, { 'access-control-allow-origin': '*' });
      const callback = new URL(url).searchParams.get('cb');
      const json = JSON.stringify(fault.answer);
      on.data(Buffer.from(callback ? `${callback}(${json});` : json));
      on.end();
    }, 1);
    return () => {};
  }
  let request;
  let repeated;
  let over = false;
  const entry = { url, mute: false, break: () => finish(() => on.error(new Error('broken'))) };
  network.running.add(entry);
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
        if (over || entry.mute) return;
        if (chunk.length > left) {
          on.data(chunk.subarray(0, left));
          finish(() => on.error(new Error('truncated')));
          request.destroy();
          return;
        }
        left -= chunk.length;
        on.data(chunk);
      });
      response.on('end', () => finishWhole(() => entry.mute || on.end()));
      response.on('error', (error) => finish(() => on.error(error)));
    });
    request.on('error', (error) => finish(() => on.error(error)));
    request.end(body);
    if (network.twice && !url.includes('/create')) {
      const again = http.request(url, { method, headers, lookup, agent: network.agent });
      again.on('response', (response) => response.resume());
      again.on('error', () => {});
      again.end(body);
      repeated = again;
    }
  };
  // A connection whose answer was read to its end can be used again.
  const finishWhole = (run) => {
    request = null;
    finish(run);
  };
  const finish = (run) => {
    if (over) return;
    over = true;
    network.running.delete(entry);
    if (request) request.destroy();
    run();
  };
  if (fault && fault.delay) setTimeout(begin, fault.delay);
  else begin();
  return () => {
    over = true;
    network.running.delete(entry);
    if (request) request.destroy();
    if (repeated) repeated.destroy();
  };
}

export function makeNetwork() {
  const running = new Set();
  return {
    requests: [],
    waiting: new Set(),
    running,
    fault: null,
    twice: false,
    stripCors: false,
    agent: new http.Agent({ keepAlive: true, maxSockets: 64 }),
    /** Settles when `found(requests)`. */
    until(found) {
      return new Promise((resolve) => {
        const check = () => found(this.requests) && this.waiting.delete(check) && resolve();
        this.waiting.add(check);
        check();
      });
    },
    /** Breaks all that run whose address has this part. */
    breakAll: (part) => {
      for (const one of [...running]) if (one.url.includes(part)) one.break();
    },
  };
}
