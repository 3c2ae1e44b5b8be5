// EventSource over node's network. It never comes again by itself: the client may not depend on that.

import { send } from './network.mjs';

export function makeEventSource(network, origin) {
  return class EventSource {
    get withCredentials() {
      return false;
    }
    onmessage = null;
    onerror = null;
    #stop;

    constructor(url) {
      let rest = '';
      const decoder = new TextDecoder();
      let id = '';
      let readable = false;
      const failed = () => this.onerror && this.onerror({ type: 'error' });
      this.#stop = send(network, { method: 'GET', url, headers: { origin, accept: 'text/event-stream' } }, {
        head: (status, headers) => {
          readable = status == 200 && headers['access-control-allow-origin'] === origin && !network.stripCors;
          if (!readable) failed();
        },
        data: (chunk) => {
          if (!readable) return;
          rest += decoder.decode(chunk, { stream: true });
          const events = rest.split('\n\n');
          rest = events.pop();
          for (const event of events) {
            let data = '';
            for (const line of event.split('\n')) {
              if (line.startsWith('id: ')) id = line.slice(4);
              if (line.startsWith('data: ')) data += line.slice(6);
            }
            if (data && this.onmessage) this.onmessage({ type: 'message', data, lastEventId: id });
          }
        },
        end: failed,
        error: failed,
      });
    }
    close() {
      this.#stop();
    }
  };
}
