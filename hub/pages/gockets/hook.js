// What waits for the channel's hook, and its dead letters.

import { drop, retry, standing } from './rest.js';

const get = (id) => document.getElementById(id);

const put = (id, text) => {
  if (get(id).textContent !== text) get(id).textContent = text;
};

function letter({ event, why, attempts, died, body, body_base64: bytes }) {
  const item = document.createElement('li');
  const small = document.createElement('small');
  small.textContent = ` ${event}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}, ${died}`;
  const reason = document.createElement('div');
  reason.textContent = why;
  item.append(body ?? `${bytes} (base64)`, small, reason);
  return item;
}

/** `{ queued, queued_bytes, attempts, failure, next_attempt_ms }` in a sentence. */
function waiting({ queued, queued_bytes: bytes, attempts, failure, next_attempt_ms: next }) {
  if (!queued) return 'nothing';
  const tried = attempts ? `; the first was tried ${attempts === 1 ? 'once' : `${attempts} times`}` : '';
  const again = next === null ? '' : `, again in ${(next / 1000).toFixed(1)} s`;
  return `${queued}, ${bytes} bytes${tried}${failure ? `: ${failure}` : ''}${again}`;
}

export class HookView {
  #channel = null;
  #shown = '';

  constructor() {
    get('retry').addEventListener('click', () => this.#act(retry));
    get('drop').addEventListener('click', () => this.#act(drop));
  }

  set channel(channel) {
    this.#channel = channel;
    this.#show({ queued: 0, dead: [] });
    put('hook-says', '');
    put('hook-error', '');
    if (channel) this.refresh();
  }

  /** Asks how it stands. */
  async refresh() {
    const channel = this.#channel;
    try {
      const how = await standing(channel.publisher_key);
      if (channel === this.#channel) this.#show(how);
    } catch (error) {
      if (channel === this.#channel) put('hook-error', error.message);
    }
  }

  #show(how) {
    put('hook-to', this.#channel?.subscriber_message_hook_url ?? 'nowhere');
    put('hook-waits', waiting(how));
    put('hook-dead', String(how.dead.length));
    get('retry').disabled = get('drop').disabled = how.dead.length === 0;
    // Only what is new is written, so that nobody's reading is disturbed.
    const ids = how.dead.map(({ id, attempts }) => `${id} ${attempts}`).join();
    if (ids === this.#shown) return;
    this.#shown = ids;
    get('letters').replaceChildren(...how.dead.map(letter));
  }

  async #act(does) {
    put('hook-error', '');
    try {
      put('hook-says', await does(this.#channel.publisher_key));
      await this.refresh();
    } catch (error) {
      put('hook-error', error.message);
    }
  }
}
