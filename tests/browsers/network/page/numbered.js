// A page's side of a comparison: the same exchange of numbered texts over any of the clients.

window.numbered = (function () {
  const BURST = 25;
  // One in so many messages is longer than what a middlebox takes in a body.
  const LONG_EVERY = 100;
  const LONG_CHARACTERS = 6000;
  // A socket that says nothing for so long has stopped.
  const QUIET_MS_MAX = 15000;

  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  // Each of them becomes `{ send, close }` and calls `on.open`, `on.text` and `on.close`.
  const clients = {
    polysocket(addresses, on) {
      window.PolySocket.configure({ router: addresses.router });
      return standard(new window.PolySocket(addresses.polysocket), on);
    },
    sockjs: (addresses, on) => standard(new window.SockJS(addresses.sockjs), on),
    'engine.io'(addresses, on) {
      const socket = window.eio(addresses.engine);
      socket.on('open', on.open);
      socket.on('message', on.text);
      socket.on('close', on.close);
      return socket;
    },
  };

  function standard(socket, on) {
    socket.onopen = () => on.open();
    socket.onmessage = ({ data }) => on.text(data);
    socket.onclose = () => on.close();
    return socket;
  }

  const isLong = (number) => number % LONG_EVERY === LONG_EVERY / 2;
  const text = (number) => (isLong(number) ? `${number} ${'x'.repeat(LONG_CHARACTERS)}` : `${number}`);

  /**
   * `count` messages each way. `quiet` and `spread` as in `exchange`; `untilCut` only says one message and waits for the
   * close. Resolves with what came of it: when it opened and ended, how, and the tally of what came down.
   */
  return function numbered(name, addresses, { count, quiet, spread, untilCut, id }) {
    const began = performance.now();
    const ms = () => Math.round(performance.now() - began);
    const tally = window.makeTally();
    const story = { openMs: null, end: '' };
    return new Promise((resolve) => {
      let timer;
      function finish(end) {
        if (story.end) return;
        clearTimeout(timer);
        Object.assign(story, { end, ms: ms(), down: tally.result() });
        if (end !== 'closed') socket.close();
        resolve(story);
      }
      function heard() {
        clearTimeout(timer);
        timer = setTimeout(finish, QUIET_MS_MAX, 'quiet');
      }
      const socket = clients[name](addresses, {
        async open() {
          story.openMs ??= ms();
          heard();
          await wait(quiet);
          // Who this is, and what is wanted.
          socket.send(JSON.stringify({ id, count: untilCut ? 0 : count, spread }));
          if (untilCut) return;
          for (let sent = 0; sent < count && !story.end; await wait((spread * BURST) / count)) {
            for (const end = Math.min(sent + BURST, count); sent < end; sent += 1) socket.send(text(sent));
          }
        },
        text(data) {
          heard();
          if (data === 'all') story.upAll = true;
          else tally.take(data);
          // It must stay a moment longer than that: what is doubled may come late.
          if (story.upAll && tally.arrived === count) setTimeout(finish, 500, 'done');
        },
        close: () => finish('closed'),
      });
      heard();
    });
  };
})();
