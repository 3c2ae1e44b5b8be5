// A client of Rocket: JSON over one connection. Logs in, subscribes to one channel with `since` and `presence`, and
// keeps the place up to which it has heard. Knows nothing of the page.

import { Connection } from '../hub/connection.js';
import { inWords } from './words.js';

const ANSWER_MS = 10_000;

export class Client extends EventTarget {
  connection = new Connection();
  /** The last that was heard, `{ epoch, offset }`; belongs to one channel of one hub. */
  position = null;
  members = new Map();
  /** How many are there, which may be more than are listed. */
  present = 0;
  isSubscribed = false;
  #of = '';
  #settings = null;
  #hasEntered = false;
  #missedUntil = 0;
  #pending = new Map();
  #count = 0;

  constructor() {
    super();
    this.connection.addEventListener('state', () => this.#stateChanged());
    this.connection.addEventListener('message', ({ detail }) => this.#heard(detail));
  }

  /** `settings`: `{ way, url, user, secret, channel, begin, data }`; `begin` is `missed`, `all` or `now`. */
  connect(settings) {
    const of = `${settings.url} ${settings.channel}`;
    if (of !== this.#of) this.position = null;
    this.#of = of;
    this.#settings = settings;
    this.#hasEntered = false;
    this.connection.connect(settings.way, settings.url);
  }

  broadcast(event, data) {
    return this.#ask('broadcast', { event, channel: this.#settings.channel, data });
  }

  #stateChanged() {
    const { state } = this.connection;
    if (state === 'open' && !this.#hasEntered) this.#enter();
    if (/open|connecting/.test(state)) return;
    this.isSubscribed = false;
    for (const { reject } of this.#pending.values()) reject(new Error('The connection has ended before the answer came.'));
    this.#pending.clear();
    this.#put([], 0);
  }

  async #enter() {
    this.#hasEntered = true;
    const { user, secret, channel, data } = this.#settings;
    try {
      await this.#ask('authenticate', { user, secret });
      const since = this.#since();
      await this.#ask('subscribe', { channel, since, presence: true, data }, (told) => this.#subscribed(since, told));
    } catch (error) {
      // An end is told by the connection itself.
      if (this.connection.state === 'open') this.#tell('refused', error.message);
    }
  }

  /** Where to begin: `null` is now, with positions from there on. */
  #since() {
    const { begin } = this.#settings;
    if (!this.position || begin === 'now') return null;
    return begin === 'all' ? { epoch: this.position.epoch, offset: 0 } : this.position;
  }

  /** At once, since messages may come right behind it. */
  #subscribed(since, { epoch, offset, recovered, members, present }) {
    this.isSubscribed = true;
    this.#missedUntil = recovered ? offset : 0;
    this.position = recovered ? since : { epoch, offset };
    this.#put(members, present);
    this.#tell('subscribed', { since: since && since.offset, recovered, offset });
  }

  /** Sends `{ [action]: fields }` with an id; gives the answer. `first` sees it before anything that comes after it. */
  #ask(action, fields, first = () => {}) {
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new Error(`The hub has not answered within ${ANSWER_MS / 1000} s.`));
      }, ANSWER_MS);
      const settle = (does) => (value) => {
        clearTimeout(timer);
        does(value);
      };
      this.#pending.set(id, { resolve: settle(resolve), reject: settle(reject), first });
      const frame = JSON.stringify({ [action]: { ...fields, id } });
      this.connection.send(frame);
      this.#tell('frame', { out: true, frame });
    });
  }

  #heard({ data: text }) {
    this.#tell('frame', { out: false, frame: String(text) });
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      this.#tell('refused', 'What came is no JSON: is that a hub of Rocket?');
      return;
    }
    if ('err' in frame) this.#answered(frame, ({ reject }) => reject(new Error(inWords(frame))));
    // Before answers: a broadcast's `id` comes with its copies, too.
    else if ('event' in frame) this.#message(frame);
    else if ('joined' in frame) this.#joined(frame.member);
    else if ('left' in frame) this.#left(frame.member);
    else if ('present' in frame && 'member' in frame) this.#tell('lost-count');
    else if ('gap' in frame) this.#gap(frame);
    else this.#answered(frame, ({ resolve, first }) => (first(frame), resolve(frame)));
  }

  #answered(frame, settle) {
    const waiting = this.#pending.get(frame.id);
    this.#pending.delete(frame.id);
    if (waiting) settle(waiting);
    else if ('err' in frame) this.#tell('refused', inWords(frame));
  }

  #message({ event, data, offset }) {
    if (offset !== undefined && this.position) this.position = { ...this.position, offset };
    this.#tell('message', { event, data, offset, missed: offset <= this.#missedUntil });
  }

  #joined(member) {
    const known = this.members.has(member.id);
    this.members.set(member.id, member);
    this.#put(this.members.values(), this.present + (known ? 0 : 1));
  }

  #left(member) {
    const known = this.members.delete(member.id);
    this.#put(this.members.values(), this.present - (known ? 1 : 0));
  }

  #gap({ epoch, offset }) {
    this.position = { epoch, offset };
    this.#tell('gap', { offset });
  }

  #put(members = [], present = 0) {
    this.members = new Map([...members].map((member) => [member.id, member]));
    this.present = present;
    this.#tell('members');
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
