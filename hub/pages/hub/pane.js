// A pane: one connection as one sees it, and the choice by what it goes. What is said over it is the protocol's.

import { Log } from './log.js';
import { groups } from './ways.js';

const STATES = { idle: 'not connected', connecting: 'connecting', open: 'connected', closed: 'closed', failed: 'failed' };

export class Pane {
  /** Of a template with parts by `data-part`. `more` are groups of ways that only this protocol has. */
  constructor(template, { name, connection, way, more = [] }) {
    this.element = template.content.cloneNode(true).firstElementChild;
    this.name = name;
    this.connection = connection;
    this.parts = new Map([...this.element.querySelectorAll('[data-part]')].map((part) => [part.dataset.part, part]));
    const title = this.part('name');
    title.textContent = name;
    title.id = `title-${name.toLowerCase()}`;
    this.element.dataset.name = name.toLowerCase();
    this.element.setAttribute('aria-labelledby', title.id);
    for (const part of this.element.querySelectorAll('[data-say]')) part.setAttribute('aria-label', `${part.dataset.say}, ${name}`);
    this.log = new Log(this.part('log'));
    this.#offer([...groups(), ...more], way);
    connection.addEventListener('state', () => this.show());
    this.show();
  }

  part(name) {
    return this.parts.get(name);
  }

  get way() {
    return this.part('way').value;
  }

  /** Calls `connect` when the connection is to be opened, also because another way was chosen. */
  onConnect(connect) {
    this.part('toggle').addEventListener('click', () => {
      if (this.isUp) this.connection.close();
      else connect();
    });
    this.part('way').addEventListener('change', connect);
  }

  /** Calls `does` with the values of the form `name` when it is sent. */
  onForm(name, does) {
    this.part(name).addEventListener('submit', (event) => {
      event.preventDefault();
      const { name, value } = event.submitter ?? {};
      does({ ...Object.fromEntries(new FormData(event.target)), ...(name && { [name]: value }) });
    });
  }

  get isUp() {
    return /connecting|open/.test(this.connection.state);
  }

  error(text) {
    this.part('error').textContent = text;
  }

  show() {
    const { state, transport, reason, end, wanted } = this.connection;
    this.element.dataset.state = state;
    this.element.dataset.transport = transport;
    this.part('state').textContent = STATES[state];
    this.part('toggle').textContent = this.isUp ? 'Disconnect' : 'Connect';
    const because = reason && window.words?.reasons[reason];
    this.part('carried').textContent = {
      idle: '',
      connecting: 'On its way.',
      open: `By ${transport}.${because ? ` ${because}` : ''}`,
      closed: wanted ? end : '',
      failed: '',
    }[state];
    this.error(wanted || /connecting|open|idle/.test(state) ? '' : end);
  }

  #offer(all, chosen) {
    for (const { label, ways } of all) {
      const group = document.createElement('optgroup');
      group.label = label;
      group.append(...ways.map(([name, text]) => new Option(text, name, name === chosen, name === chosen)));
      this.part('way').append(group);
    }
  }
}
