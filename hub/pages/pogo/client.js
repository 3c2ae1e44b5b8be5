// A client of Pogo: JSON over one connection, bound to one path, in one channel. Knows nothing of the page.

import { Connection } from '../hub/connection.js';
import { carry } from '../hub/ways.js';
import { EVENTS, watch } from './events.js';
import { inWords } from './words.js';

const ANSWER_MS = 20_000;

export class Client extends EventTarget {
  connection = new Connection();
  path = '';
  /** Of the state that was told last; empty when it is not known. */
  version = '';
  #settings = null;
  #hasEntered = false;
  #pending = new Map();
  #count = 0;

  constructor() {
    super();
    this.connection.addEventListener('state', () => this.#stateChanged());
    this.connection.addEventListener('message', ({ detail }) => this.#heard(detail.data));
  }

  /** `settings`: `{ way, url, path, channel, token }`; `url` is that of the WebSocket. */
  connect(settings) {
    if (settings.url !== this.#settings?.url || settings.path !== this.path) {
      this.version = '';
      this.#tell('elsewhere');
    }
    this.path = settings.path;
    this.#settings = settings;
    this.#hasEntered = false;
    if (settings.way !== EVENTS) return this.connection.connect(settings.way, settings.url, carry);
    const api = settings.url.replace(/^ws/, 'http').replace(/\/$/, '');
    return this.connection.connect(settings.way, `${api}${settings.path}`, watch);
  }

  /** `put`, `post` or `delete`; `data` may be `undefined`. Until it is done; throws an `Error` with a sentence. */
  write(verb, path, data) {
    return this.#ask({ event: verb, path, data });
  }

  /** An event to all others in the channel. */
  emit(event, data) {
    return this.#ask({ event, channel: this.#settings.channel, data });
  }

  #stateChanged() {
    const { state } = this.connection;
    if (state === 'open' && !this.#hasEntered && this.connection.canSend) this.#enter();
    if (/open|connecting/.test(state)) return;
    for (const { reject } of this.#pending.values()) reject(new Error('The connection has ended before the answer came.'));
    this.#pending.clear();
  }

  async #enter() {
    this.#hasEntered = true;
    const { path, channel, token } = this.#settings;
    try {
      if (token) {
        const { data } = await this.#ask({ event: 'auth', data: { token } });
        this.#tell('entered', { expires: data?.expires });
      }
      if (channel) await this.#ask({ event: 'streama:subscribe', channel });
      const since = this.version || undefined;
      await this.#ask({ event: 'bind', path, data: { seq: true, since } });
      this.#tell('bound', { path, channel, since });
    } catch (error) {
      // An end is told by the connection itself.
      if (this.connection.state === 'open') this.#tell('refused', error.message);
    }
  }

  #ask(request) {
    const seqId = ++this.#count;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(seqId);
        reject(new Error(`Pogo has not answered within ${ANSWER_MS / 1000} s.`));
      }, ANSWER_MS);
      const settle = (does) => (value) => {
        clearTimeout(timer);
        does(value);
      };
      this.#pending.set(seqId, { request, resolve: settle(resolve), reject: settle(reject) });
      const frame = JSON.stringify({ seqId, ...request });
      this.connection.send(frame);
      this.#tell('frame', { out: true, frame });
    });
  }

  #heard(said) {
    if (typeof said === 'object') return this.#happened(said);
    this.#tell('frame', { out: false, frame: said });
    let frame;
    try {
      frame = JSON.parse(said);
    } catch {
      return this.#tell('refused', 'What came is no JSON: is that a Pogo?');
    }
    if (frame.channel !== undefined) return this.#tell(frame.event === 'channel:gap' ? 'gap' : 'channel', frame);
    if (frame.event === undefined) return this.#answered(frame);
    return this.#told(frame);
  }

  #told({ event, path, status, seq, version, data, ...failure }) {
    if (event === 'auth:expired') this.#tell('refused', 'The token has ended, and with it what was bound. Give another one and connect again.');
    else if (event === 'error') this.#tell('fault', inWords({ ...failure, data }));
    else if (event === 'recovered') this.#tell('recovered');
    // What was bound with numbers has one in each state; without it this answers a request.
    else if (event === 'response' && path === this.path && seq !== undefined) this.#put({ data, seq, version, gone: status === 410 });
    else this.#tell('answer', { path, status, data });
  }

  /** An event of an EventSource, `{ event, data, version }`. */
  #happened({ event, data, version }) {
    this.#tell('frame', { out: false, frame: `${event === 'message' ? '' : `event: ${event}  `}${version ? `id: ${version}  ` : ''}data: ${data}` });
    const told = JSON.parse(data);
    if (event === 'fault') this.#tell('fault', inWords(told));
    else if (event === 'recovered') this.#tell('recovered');
    else this.#put({ data: told, version, gone: event === 'gone' });
  }

  #put({ data, seq, version = '', gone }) {
    this.version = version;
    this.#tell('state', { data, seq, version, gone });
  }

  #answered(frame) {
    const waiting = this.#pending.get(frame.seqId);
    this.#pending.delete(frame.seqId);
    if (frame.status === 'ok') waiting?.resolve(frame);
    else if (waiting) waiting.reject(new Error(inWords(frame)));
    else this.#tell('refused', inWords(frame));
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
