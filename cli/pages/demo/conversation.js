// One socket, what is said over it, and how fast that is. Knows nothing of the page.

import { Measure } from './measure.js';

/** Messages that measure begin so; pages do not show them. */
const MEASURING = '\u23f1 ';
/** How often, ms, and how many at most may be on their way: a slow transport must not be swamped. */
const PACES = {
  off: null,
  calm: { every: 500, ahead: 2 },
  busy: { every: 50, ahead: 8 },
  flat: { every: 500, ahead: 16, follow: true },
};

/** What has not opened by now has little hope; and what says nothing for so long looks mute. */
const SLOW_MS = 4000;
const MUTE_MS = 3000;

const pageId = Math.random().toString(36).slice(2, 8);

export class Conversation extends EventTarget {
  state = 'connecting';
  transport = '';
  reason = '';
  /** How long it took until it was open, ms. */
  openMs = null;
  /** When it was connected. */
  began = 0;
  /** What it is that closed it, in the words of the close event. */
  end = '';
  measure = new Measure();
  #socket = null;
  #pace = null;
  #timer = 0;
  #count = 0;

  /** `name` is told to others in a chat; `options` are the client's. */
  constructor(name, options) {
    super();
    this.name = name;
    this.options = options;
  }

  connect(target) {
    this.close();
    this.target = target;
    Object.assign(this, { state: 'connecting', transport: '', reason: '', openMs: null, end: '', measure: new Measure() });
    this.began = performance.now();
    const socket = new PolySocket(target.url, [], this.options);
    this.#socket = socket;
    const mine = (does) => (event) => {
      if (socket === this.#socket) does(event);
    };
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('open', mine(() => {
      this.openMs = performance.now() - this.began;
      this.state = 'open';
      Object.assign(this, { transport: socket.transport, reason: socket.reason });
      this.#tell('open');
      this.#measure();
    }));
    socket.addEventListener('transport', mine(() => this.#carried(socket)));
    socket.addEventListener('message', mine((event) => this.#heard(event.data)));
    socket.addEventListener('close', mine((event) => {
      this.state = this.openMs === null ? 'failed' : 'closed';
      this.end = `${event.code}${event.reason ? ` “${event.reason}”` : ''}`;
      this.#forget();
      this.#tell('close');
    }));
    this.#tell('connect');
  }

  close() {
    const socket = this.#socket;
    this.#forget();
    socket?.close();
  }

  /** `state`, or `slow` when it does not open, or `mute` when it is open and what should come back does not. */
  status(now) {
    if (this.state === 'connecting' && now - this.began > SLOW_MS) return 'slow';
    const isMute = this.state === 'open' && this.#pace && !this.target.foreign && this.measure.waits(now) > MUTE_MS;
    return isMute ? 'mute' : this.state;
  }

  say(text) {
    if (this.state !== 'open') return;
    const said = this.target.chat ? `${this.name}: ${text}` : text;
    this.#send(said);
    this.#tell('line', { out: true, text: said });
  }

  set pace(name) {
    this.#pace = PACES[name];
    this.#measure();
  }

  #forget() {
    clearInterval(this.#timer);
    this.#socket = null;
  }

  #carried(socket) {
    const { transport, reason } = socket;
    if (this.state !== 'open' || (transport === this.transport && reason === this.reason)) return;
    Object.assign(this, { transport, reason });
    this.#tell('carried', { transport, reason });
  }

  #send(text) {
    this.measure.sent(text, performance.now());
    this.#socket.send(text);
  }

  #measure() {
    clearInterval(this.#timer);
    if (!this.#pace || this.state !== 'open') return;
    this.#ping();
    this.#timer = setInterval(() => this.#ping(), this.#pace.every);
  }

  #ping() {
    const { ahead, follow } = this.#pace;
    do {
      if (this.measure.pending >= ahead) return;
      this.#count += 1;
      this.#send(`${MEASURING}${pageId} ${this.name} ${this.#count}`);
    } while (follow);
  }

  #heard(data) {
    const text = typeof data === 'string' ? data : `${data.byteLength} bytes`;
    const roundTrip = this.measure.received(text, performance.now());
    if (!text.startsWith(MEASURING)) this.#tell('line', { out: false, text, roundTrip });
    else if (roundTrip !== null && this.#pace?.follow) this.#ping();
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
