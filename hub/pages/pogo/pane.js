// One client of Pogo as one sees it.

import { Log } from '../hub/log.js';
import { Pane } from '../hub/pane.js';
import { Client } from './client.js';
import { ABSENT, linesOf, render, summary } from './document.js';
import { group } from './events.js';
import { cannotSend } from './words.js';

export class PogoPane {
  /** What is shown; `ABSENT` while nothing is. */
  #document = ABSENT;

  /** `settings()` are those of both: `{ url, path, channel, token }`; `seen(name)` is told of each state. */
  constructor(template, { name, way, settings, seen }) {
    this.client = new Client();
    this.pane = new Pane(template, { name, way, connection: this.client.connection, more: [group] });
    this.element = this.pane.element;
    this.settings = settings;
    this.seen = seen;
    this.frames = new Log(this.pane.part('frames'));
    this.pane.onConnect(() => this.connect());
    this.pane.onForm('write', (said) => this.#write(said));
    this.pane.onForm('say', (said) => this.#emit(said));
    this.#listen();
  }

  connect() {
    const settings = this.settings();
    if (settings.path !== this.client.path) this.pane.part('path').value = settings.path;
    this.client.connect({ ...settings, way: this.pane.way });
  }

  #listen() {
    const { client, pane } = this;
    const on = (type, does) => client.addEventListener(type, ({ detail }) => does(detail));
    on('elsewhere', () => this.#forget());
    on('entered', ({ expires }) => pane.log.add('note', `The token is taken${expires ? `, until ${new Date(expires * 1000).toLocaleTimeString()}` : ''}.`));
    on('bound', ({ path, channel, since }) => {
      pane.log.add('note', `Bound to ${path}${channel ? `, and in the channel ${channel}` : ''}.${since ? ' What it has is not sent again.' : ''}`);
    });
    on('state', (state) => this.#show(state));
    on('answer', (answer) => this.#answered(answer));
    on('fault', (sentence) => pane.log.add('bad', sentence, { note: 'The last value stays.' }));
    on('recovered', () => pane.log.add('note', 'It can be read again.'));
    on('channel', ({ event, channel, data }) => pane.log.add('heard', JSON.stringify(data) ?? '', { label: `${channel} ${event}`, note: 'in the channel' }));
    on('gap', ({ channel }) => pane.log.add('bad', `Events in the channel ${channel} were lost.`));
    on('refused', (sentence) => {
      pane.error(sentence);
      pane.log.add('bad', sentence);
    });
    on('frame', ({ out, frame }) => this.frames.add(out ? 'out' : 'in', frame));
  }

  /** What the API says to a request of this pane, where it is not the next state anyway. */
  #answered({ path, status, data }) {
    if (status === undefined && path === this.client.path) return;
    this.pane.log.add('note', JSON.stringify(data) ?? '', { label: `${path}${status === undefined ? '' : ` ${status}`}`, note: 'the API’s answer' });
  }

  #forget() {
    this.#document = ABSENT;
    this.pane.part('document').textContent = 'Nothing yet.';
    this.pane.part('version').textContent = '–';
  }

  #show({ data, seq, version, gone }) {
    const { pane } = this;
    const label = seq === undefined ? '' : `#${seq}`;
    if (gone) {
      pane.part('document').textContent = 'There is nothing (410). If there is again, it is shown.';
      pane.log.add('in', 'gone', { label });
    } else {
      const lines = linesOf(data, this.#document);
      render(pane.part('document'), lines);
      pane.log.add('in', JSON.stringify(data), { label, note: summary(lines) });
    }
    this.#document = gone ? ABSENT : data;
    pane.part('version').textContent = version;
    this.seen(pane.name);
  }

  async #write({ verb, path, data }) {
    const { client, pane } = this;
    if (!client.connection.canSend) return pane.error(cannotSend(pane.isUp));
    pane.error('');
    let document;
    try {
      document = verb === 'delete' ? undefined : JSON.parse(data);
    } catch (error) {
      return pane.error(`A document is JSON, and this is none: ${error.message}`);
    }
    await this.#doing(`${verb} ${path}`, document, () => client.write(verb, path, document));
  }

  async #emit({ event, data }) {
    const { client, pane } = this;
    if (!client.connection.canSend) return pane.error(cannotSend(pane.isUp));
    pane.error('');
    await this.#doing(event, data, () => client.emit(event, data));
  }

  async #doing(label, data, does) {
    try {
      await does();
      this.pane.log.add('out', data === undefined ? '' : JSON.stringify(data), { label, note: 'done' });
    } catch (error) {
      this.pane.error(error.message);
    }
  }
}
