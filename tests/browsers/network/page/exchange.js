// A page's side of an exchange: `count` messages each way on one socket, everything that happens written down.

window.exchange = (function () {
  const { messages } = window;
  // Messages per burst, and bytes not yet acked above which the next burst waits.
  const BURST = 25;
  const BUFFERED_MAX = 256 * 1024;
  const AGAIN_MS = 5;

  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  /**
   * Opens a socket to `address` and does the whole exchange; resolves when it has closed. `quiet` is how long, in ms, the
   * page says nothing after `open`; `closes` who closes: the page when both sides have all, the target, or neither;
   * `opened` is called at open.
   */
  function exchange(address, { count, quiet = 0, spread = 0, closes = 'page', opened = () => {}, progress = () => {} }) {
    const began = performance.now();
    const story = { opens: 0, errors: 0, received: 0, wrong: null, transports: [], close: null, openMs: null };
    const socket = new window.PolySocket(`${address}&count=${count}&spread=${spread}&closes=${closes}`);
    socket.binaryType = 'arraybuffer';
    const ms = () => Math.round(performance.now() - began);
    const note = () => {
      const way = socket.reason ? `${socket.transport} (${socket.reason})` : socket.transport;
      if (socket.transport && story.transports.at(-1) !== way) story.transports.push(way);
    };
    let sent = 0;

    async function send() {
      await wait(quiet);
      while (sent < count && socket.readyState === 1) {
        for (const end = Math.min(sent + BURST, count); sent < end; sent += 1) socket.send(messages.make('up', sent));
        await wait((spread * BURST) / count);
        while (socket.bufferedAmount > BUFFERED_MAX && socket.readyState === 1) await wait(AGAIN_MS);
      }
      perhapsClose();
    }

    function perhapsClose() {
      if (closes === 'page' && sent === count && story.received === count) socket.close(3001, 'the page has all: €');
    }

    return new Promise((resolve) => {
      socket.onopen = () => {
        story.opens += 1;
        story.openMs ??= ms();
        note();
        opened(socket);
        send();
      };
      socket.onmessage = ({ data }) => {
        const number = story.received;
        story.received += 1;
        story.wrong ??= messages.wrong('down', number, typeof data === 'string' ? data : new Uint8Array(data));
        progress(story.received);
        perhapsClose();
      };
      socket.onerror = () => (story.errors += 1);
      socket.addEventListener('transport', note);
      socket.onclose = ({ code, reason, wasClean }) => {
        note();
        Object.assign(story, { close: { code, reason, wasClean }, sent, ms: ms() });
        resolve(story);
      };
    });
  }

  return exchange;
})();
