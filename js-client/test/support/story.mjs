// What a page sees of a socket, in order; and waiting for it.

const EVENTS = ['open', 'message', 'error', 'close', 'transport'];
const WAIT_MS = 20_000;

export function follow(socket) {
  const events = [];
  const waiting = new Set();
  const notice = () => {
    for (const check of [...waiting]) check();
  };
  for (const type of EVENTS)
    socket.addEventListener(type, (event) => {
      events.push({ type, event, readyState: socket.readyState });
      notice();
    });
  /** Settles when `found(events)` gives something. */
  const until = (found, what) =>
    new Promise((resolve, reject) => {
      const check = () => {
        const value = found(events);
        if (!value) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve(value);
      };
      const timer = setTimeout(() => {
        waiting.delete(check);
        reject(new Error(`${what} did not come; seen: ${events.map((one) => one.type).join(' ') || 'nothing'}`));
      }, WAIT_MS);
      waiting.add(check);
      check();
    });
  const first = (type) => until((list) => (list.find((one) => one.type == type) || {}).event, type);
  return {
    events,
    types: () => events.map((one) => one.type),
    data: () => events.filter((one) => one.type == 'message').map((one) => one.event.data),
    opened: () => first('open'),
    closed: () => first('close'),
    transport: () => first('transport'),
    messages: (count) => until((list) => list.filter((one) => one.type == 'message').length >= count, `message ${count}`),
    until,
  };
}

/** An echo of `count` numbered messages, all sent at once. */
export async function echo(socket, story, count) {
  const sent = Array.from({ length: count }, (_, index) => `${index} ${'€\u{1F600}x'.repeat(index % 40)}`);
  for (const text of sent) socket.send(text);
  await story.messages(count);
  return sent;
}
