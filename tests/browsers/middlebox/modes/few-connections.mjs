// At most so many connections to a host; what is more, waits. Old browsers have this limit, and so have proxies that
// gather many clients on few connections. A connection is taken for as long as an answer is on its way.

export function fewConnections({ max }) {
  const hosts = new Map();

  async function take(host, counts) {
    const state = hosts.get(host) ?? { busy: 0, waiting: [] };
    hosts.set(host, state);
    if (state.busy >= max) {
      counts.add('requests queued');
      await new Promise((resolve) => state.waiting.push(resolve));
    } else {
      state.busy += 1;
    }
    counts.max('connections to a host', state.busy);
  }

  function give(host) {
    const state = hosts.get(host);
    const next = state.waiting.shift();
    if (next) next();
    else state.busy -= 1;
  }

  return {
    async request(exchange, next, { counts }) {
      const { host } = exchange;
      await take(host, counts);
      try {
        // One that has gone while it waited is not delivered any more.
        if (!exchange.client.socket.destroyed) await next();
      } finally {
        give(host);
      }
    },
  };
}
