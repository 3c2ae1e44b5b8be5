// One listener of a channel as one sees it.

import { Connection } from '../hub/connection.js';
import { Pane } from '../hub/pane.js';
import { socketUrl } from '../hub/place.js';
import { carry } from '../hub/ways.js';
import { EVENTS, group, listen } from './events.js';
import { publish } from './rest.js';

export class GocketsPane {
  #channel = null;

  /** `published` is called when something was published, or said to the hook. */
  constructor(template, { name, way, published }) {
    this.connection = new Connection();
    this.pane = new Pane(template, { name, way, connection: this.connection, more: [group] });
    this.element = this.pane.element;
    this.published = published;
    this.pane.onConnect(() => this.#connect());
    this.pane.onForm('say', ({ text, how }) => (how === 'hook' ? this.#say(text) : this.#publish(text)));
    this.connection.addEventListener('message', ({ detail }) => this.#heard(detail));
    this.connection.addEventListener('note', ({ detail }) => this.pane.log.add(detail.isBad ? 'bad' : 'note', detail.text));
    this.connection.addEventListener('state', () => this.#showState());
    this.#showState();
  }

  /** The channel to listen to; `null` when it is gone. */
  set channel(channel) {
    const changed = channel?.subscriber_key !== this.#channel?.subscriber_key;
    this.#channel = channel;
    if (changed && channel) {
      this.pane.log.clear();
      this.#connect();
    }
    this.#showState();
  }

  #connect() {
    if (!this.#channel) return this.pane.error('There is no channel to listen to. Prepare one.');
    const path = `/channel/subscribe/${this.#channel.subscriber_key}`;
    const byEvents = this.pane.way === EVENTS;
    this.connection.connect(this.pane.way, byEvents ? path : socketUrl(path), byEvents ? listen : carry);
  }

  async #publish(text) {
    const { pane } = this;
    pane.error('');
    pane.part('text').select();
    try {
      const { says, listeners, position } = await publish(this.#channel.publisher_key, text);
      const label = position ? `#${position.split(':').pop()}` : '';
      pane.log.add('out', text, { label, note: `${says}: ${listeners} now` });
      this.published();
    } catch (error) {
      pane.error(error.message);
    }
  }

  #say(text) {
    this.pane.error('');
    this.pane.part('text').select();
    this.connection.send(text);
    this.pane.log.add('out', text, { note: this.#channel.subscriber_message_hook_url ? 'to the hook' : 'to no hook: the channel has none' });
    this.published();
  }

  #heard({ data, label }) {
    this.pane.log.add('in', typeof data === 'string' ? data : `${data.byteLength} bytes`, { label });
  }

  #showState() {
    this.pane.part('publish').disabled = !this.#channel;
    this.pane.part('hook').disabled = !this.#channel || !this.connection.canSend;
  }
}
