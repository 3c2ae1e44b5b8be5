// One client of the bridge as one sees it.

import { Connection } from '../hub/connection.js';
import { Log } from '../hub/log.js';
import { Pane } from '../hub/pane.js';
import { bridge, opening } from './bridge.js';
import { read } from './forms.js';
import { happened } from './words.js';

export class PostgresPane {
  /** How many messages came in each form. */
  #counts = new Map();

  /** `settings()` are those of both: `{ url, channel, token, by }`. */
  constructor(template, { name, way, settings }) {
    this.connection = new Connection();
    this.pane = new Pane(template, { name, way, connection: this.connection });
    this.element = this.pane.element;
    this.settings = settings;
    this.frames = new Log(this.pane.part('frames'));
    this.pane.onConnect(() => this.connect());
    this.pane.onForm('say', ({ text }) => this.#say(text));
    this.connection.addEventListener('message', ({ detail }) => this.#hear(String(detail.data)));
  }

  connect() {
    const settings = this.settings();
    if (!settings.token) return this.pane.error('There is no token to open it with. Give one above.');
    this.connection.connect(this.pane.way, opening(settings).url, bridge(settings));
  }

  #say(text) {
    const { pane } = this;
    if (!this.connection.canSend) return pane.error('This pane is not connected, so it cannot say anything. Connect it.');
    pane.error('');
    pane.part('text').select();
    this.connection.send(text);
    this.frames.add('out', text);
    pane.log.add('out', text);
  }

  #hear(data) {
    const { pane } = this;
    this.frames.add('in', data);
    const { form, text, event, channel, note } = read(data);
    if (event) {
      const { isBad, sentence } = happened({ event, channel, text });
      if (event === 'Error') pane.error(sentence);
      return pane.log.add(isBad ? 'bad' : 'note', sentence, { label: event });
    }
    pane.log.add('in', text, { label: [form, channel].filter(Boolean).join(' '), note });
    this.#counts.set(form, (this.#counts.get(form) ?? 0) + 1);
    pane.part('heard').textContent = [...this.#counts].map(([name, count]) => `${count} ${name}`).join(', ');
  }
}
