// One client of Rocket as one sees it.

import { Log } from '../hub/log.js';
import { Pane } from '../hub/pane.js';
import { Client } from './client.js';

/** Names this page among those who are there. */
const page = Math.random().toString(36).slice(2, 8);

const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

/** What was typed: JSON, or a text that is none. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export class RocketPane {
  /** `settings()` are those of both: `{ url, user, secret, channel }`. */
  constructor(template, { name, way, settings }) {
    this.client = new Client();
    this.pane = new Pane(template, { name, way, connection: this.client.connection });
    this.element = this.pane.element;
    this.settings = settings;
    this.frames = new Log(this.pane.part('frames'));
    this.pane.onConnect(() => this.connect());
    this.pane.onForm('say', (said) => this.#broadcast(said));
    this.#listen();
    this.#showMembers();
  }

  connect() {
    const begin = this.pane.part('begin').value;
    this.client.connect({ ...this.settings(), way: this.pane.way, begin, data: { name: this.pane.name, page } });
  }

  #listen() {
    const { client, pane } = this;
    const on = (type, does) => client.addEventListener(type, ({ detail }) => does(detail));
    on('subscribed', (how) => this.#subscribed(how));
    on('message', (message) => this.#message(message));
    on('gap', ({ offset }) => pane.log.add('bad', `Messages were lost, and cannot be had again. The next comes after ${offset}.`));
    on('lost-count', () => pane.log.add('bad', 'Who is there may have changed unseen. Connect again for the list.'));
    on('refused', (sentence) => {
      pane.error(sentence);
      pane.log.add('bad', sentence);
    });
    on('members', () => this.#showMembers());
    on('frame', ({ out, frame }) => this.frames.add(out ? 'out' : 'in', frame));
    client.connection.addEventListener('state', () => this.#showPosition());
  }

  async #broadcast({ event, data }) {
    const { client, pane } = this;
    if (!pane.isUp) return pane.error('This pane is not connected, so it cannot publish. Connect it.');
    if (!client.isSubscribed) return pane.error('The hub has not let this pane into the channel, so it cannot publish. The messages say why.');
    pane.error('');
    pane.part('data').select();
    try {
      const { offset, subscribers } = await client.broadcast(event, parsed(data));
      pane.log.add('out', data, { label: `#${offset} ${event}`, note: `to ${count(subscribers, 'subscriber', 'subscribers')}` });
    } catch (error) {
      pane.error(error.message);
    }
  }

  #subscribed({ since, recovered, offset }) {
    const { log } = this.pane;
    if (since === null) log.add('note', `Subscribed; messages come after #${offset}.`);
    else if (!recovered) log.add('bad', `What came after #${since} cannot be had any more. Messages come after #${offset}.`);
    else log.add('note', `Subscribed since #${since}: ${offset > since ? `${count(offset - since, 'message comes', 'messages come')} first.` : 'nothing was missed.'}`);
    this.#showPosition();
  }

  #message({ event, data, offset, missed }) {
    const shown = typeof data === 'string' ? data : JSON.stringify(data);
    this.pane.log.add(missed ? 'in missed' : 'in', shown ?? '', { label: `#${offset} ${event}`, note: missed ? 'from the history' : '' });
    this.#showPosition();
  }

  #showPosition() {
    const { position } = this.client;
    this.pane.part('position').textContent = position ? `#${position.offset} of ${position.epoch}` : '–';
  }

  #showMembers() {
    const { members, present } = this.client;
    this.pane.part('present').textContent = present;
    const named = [...members.values()].map((member) => ({ ...member, name: String(member.data?.name ?? member.user) }));
    // The hub lists them in no order.
    named.sort((one, other) => one.name.localeCompare(other.name) || one.id.localeCompare(other.id));
    const items = named.map(({ id, user, name, data }) => {
      const item = document.createElement('li');
      const mine = data?.page === page;
      item.textContent = name;
      if (mine && data.name === this.pane.name) item.className = 'self';
      const more = document.createElement('small');
      more.textContent = mine ? (data.name === this.pane.name ? 'this one' : 'this page') : 'another page';
      item.append(' ', more);
      item.title = `user ${user}, id ${id}`;
      return item;
    });
    this.pane.part('members').replaceChildren(...items);
  }
}
