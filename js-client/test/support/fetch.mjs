// As much of `fetch` as reading an answer in pieces needs, over node's network.

import { send } from './network.mjs';

export function makeFetch(network, origin) {
  return (url, { signal }) =>
    new Promise((resolve, reject) => {
      let stream;
      const broken = (error) => {
        reject(error);
        if (stream) stream.error(error);
        stream = null;
      };
      const stop = send(network, { method: 'GET', url, headers: { origin } }, {
        head: (status, headers) => {
          const allowed = headers['access-control-allow-origin'];
          if ((allowed !== '*' && allowed !== origin) || network.stripCors) return broken(new TypeError('CORS'));
          const body = new ReadableStream({ start: (controller) => (stream = controller) });
          resolve({ ok: status > 199 && status < 300, status, body });
        },
        data: (chunk) => stream && stream.enqueue(new Uint8Array(chunk)),
        end: () => {
          if (stream) stream.close();
          stream = null;
        },
        error: broken,
      });
      signal.addEventListener('abort', () => {
        stop();
        broken(new DOMException('aborted', 'AbortError'));
      });
    });
}
