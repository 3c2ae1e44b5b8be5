// Writes to the API itself, as anybody may who knows nothing of Pogo; and how long it took until Pogo had found it.

const ANSWER_MS = 10_000;

const get = (id) => document.getElementById(id);

export class Behind {
  #written = 0;
  #found = new Map();

  /** `api` is the path of the API, here; empty is a path, too. */
  constructor(api) {
    this.api = api;
    get('behind').hidden = false;
    get('behind-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#write(event.submitter?.value ?? 'PUT');
    });
  }

  /** A pane was told of a state. */
  seen(name) {
    if (!this.#written || this.#found.has(name)) return;
    this.#found.set(name, performance.now() - this.#written);
    const all = [...this.#found].map(([pane, ms]) => `${pane} after ${(ms / 1000).toFixed(1)} s`);
    get('behind-found').textContent = `Seen: ${all.join(', ')}.`;
  }

  async #write(method) {
    get('behind-error').textContent = get('behind-says').textContent = get('behind-found').textContent = '';
    const path = get('behind-path').value;
    this.#found.clear();
    this.#written = performance.now();
    try {
      const answer = await fetch(`${this.api}${path}`, {
        method,
        ...(method !== 'DELETE' && { body: get('behind-data').value, headers: { 'Content-Type': 'application/json' } }),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const said = `The API answered ${answer.status} ${answer.statusText}`;
      if (!answer.ok) throw new Error(`${said}. It wants an object for an item that is there (PUT), or for a collection (POST).`);
      get('behind-says').textContent = `${said}, and told nobody. Pogo reads again within pogo.poll_every, 5 s if not set otherwise.`;
    } catch (error) {
      this.#written = 0;
      get('behind-error').textContent = error.name === 'Error' ? error.message : `The API does not answer: ${error.message}`;
    }
  }
}
