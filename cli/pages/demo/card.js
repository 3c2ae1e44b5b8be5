// A card: what a conversation looks like.

import { median } from './measure.js';

const LINES_MAX = 40;
const SPARK_WIDTH = 120;
const SPARK_HEIGHT = 28;
const STATES = { connecting: 'connecting', slow: 'connecting', open: 'open', mute: 'open, mute', closed: 'closed', failed: 'no way' };

function code(text) {
  const element = document.createElement('code');
  element.textContent = text;
  return element;
}

export class Card {
  /** `element` has the parts by `data-part`; those that are missing are not shown. */
  constructor(element, conversation) {
    this.element = element;
    this.conversation = conversation;
    this.parts = new Map([...element.querySelectorAll('[data-part]')].map((part) => [part.dataset.part, part]));
    conversation.addEventListener('connect', () => this.#restart());
    conversation.addEventListener('open', () => this.#opened());
    conversation.addEventListener('carried', ({ detail }) => this.#carried(detail));
    conversation.addEventListener('close', () => this.#closed());
    conversation.addEventListener('line', ({ detail }) => this.#line(detail));
    this.parts.get('retry')?.addEventListener('click', () => conversation.connect(conversation.target));
  }

  /** The figures of this moment; `scale` is the longest round trip that the curves of all cards have room for, ms. */
  figures(now, scale) {
    const { measure, state } = this.conversation;
    if (this.conversation.status(now) !== this.element.dataset.state) this.#show();
    const middle = median(measure.roundTrips);
    this.#text('rtt', middle === null ? '–' : middle.toFixed(middle < 10 ? 1 : 0));
    this.#text('rate', state === 'open' ? Math.round(measure.rate(now)).toLocaleString('en') : '–');
    this.element.dataset.echoed = measure.echoed;
    this.#curve(measure.roundTrips, scale);
  }

  #text(name, text) {
    const part = this.parts.get(name);
    if (part && part.textContent !== text) part.textContent = text;
  }

  #restart() {
    this.parts.get('log')?.replaceChildren();
    this.parts.get('history')?.replaceChildren();
    this.#show();
  }

  #show() {
    const { openMs, transport } = this.conversation;
    const status = this.conversation.status(performance.now());
    this.element.dataset.state = status;
    this.element.dataset.transport = transport;
    this.#text('state', STATES[status]);
    this.#text('open-ms', openMs === null ? '–' : Math.round(openMs).toLocaleString('en'));
    this.#text('chosen', transport || (status === 'failed' ? 'nothing' : '…'));
    const retry = this.parts.get('retry');
    if (retry) retry.hidden = /open|mute|connecting/.test(status);
    const [word, sentence] = this.#because(status);
    const reason = this.parts.get('reason');
    reason.replaceChildren(...(word ? [code(word), ' '] : []), sentence);
  }

  /** The client's word, if it has one for this, and a sentence. */
  #because(status) {
    const { end, reason, options } = this.conversation;
    switch (status) {
      case 'connecting':
        return ['', options.transports ? 'On its way.' : 'Trying the browser’s own WebSocket, and preparing a way around it meanwhile.'];
      case 'slow':
        return ['', 'It does not open. The client still tries; the doctor knows more.'];
      case 'mute':
        return ['', 'It says it is open, and nothing comes back: somebody in between holds it back.'];
      case 'open':
        return [reason, words.reasons[reason] ?? ''];
      case 'closed':
        return ['', `It was open, and has closed with ${end}.`];
      default:
        return ['', `It does not work here, or the target is not there (${end}). The doctor knows more.`];
    }
  }

  #opened() {
    this.#show();
    this.#happened(`open by ${this.conversation.transport}`, this.conversation.openMs);
  }

  #carried({ transport, reason }) {
    this.#show();
    this.#happened(`now ${transport}: ${words.reasons[reason] ?? reason}`);
  }

  #closed() {
    this.#show();
    this.#happened(`closed with ${this.conversation.end}`);
  }

  #happened(text, after = performance.now() - this.conversation.began) {
    const history = this.parts.get('history');
    if (!history) return;
    const item = document.createElement('li');
    const at = document.createElement('time');
    at.textContent = `${(after / 1000).toFixed(2)} s`;
    item.append(at, ` ${text}`);
    history.append(item);
  }

  #line({ out, text, roundTrip }) {
    const log = this.parts.get('log');
    if (!log) return;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 8;
    const item = document.createElement('li');
    item.className = out ? 'out' : 'in';
    item.textContent = text;
    if (typeof roundTrip === 'number') {
      const took = document.createElement('small');
      took.textContent = `${Math.round(roundTrip)} ms`;
      item.append(took);
    }
    log.append(item);
    if (log.children.length > LINES_MAX) log.firstChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  #curve(roundTrips, scale) {
    const line = this.parts.get('spark')?.firstElementChild;
    if (!line) return;
    const step = SPARK_WIDTH / Math.max(roundTrips.length - 1, 1);
    const y = (value) => SPARK_HEIGHT - 2 - (Math.min(value, scale) / scale) * (SPARK_HEIGHT - 4);
    line.setAttribute('points', roundTrips.map((value, index) => `${(index * step).toFixed(1)},${y(value).toFixed(1)}`).join(' '));
  }
}
