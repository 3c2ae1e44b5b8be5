// One connection that a person opens and closes. Knows neither the page nor the protocol.

import { carry } from './ways.js';

/** What has not opened by now is given up, ms: longer than the client is patient with the worst of its transports. */
const OPEN_MS = 20_000;

/** Why a connection ended, in a sentence (RFC 6455, section 7.4.1, and what the hub says of its own accord). */
function ending({ code, reason, opened }) {
  const said = reason ? ` It said “${reason}”.` : '';
  if (!opened) return `It did not open (${code}): the server is not there, refuses this page, or something in between does.${said}`;
  if (code === 1000 || code === 1005) return `Closed.${said}`;
  if (code === 1001) return `The server is going away. Connect again.${said}`;
  if (code === 1006) return 'It was cut. Connect again; what was missed meanwhile can be had.';
  if (code === 1008) return `The server ended it for what this page did (1008).${said}`;
  if (code === 1009) return 'The message was longer than the server takes (1009).';
  return `Closed with ${code}.${said}`;
}

export class Connection extends EventTarget {
  /** `idle`, `connecting`, `open`, `closed`, or `failed` when it never was open. */
  state = 'idle';
  transport = '';
  reason = '';
  /** A sentence about how it ended, and whether somebody here wanted that. */
  end = '';
  wanted = false;
  #carrier = null;
  #timer = 0;

  /** Tells `state` at each change of it, `message` with `{ data, label }`, and `note`. `open` makes the carrier. */
  connect(way, url, open = carry) {
    this.close();
    let mine;
    const told = (does) => (...what) => {
      if (mine === this.#carrier) does(...what);
    };
    this.#be('connecting', { transport: '', reason: '', end: '', wanted: false });
    try {
      // Nothing is told before this returns.
      mine = open(way, url, {
        open: told((by) => {
          clearTimeout(this.#timer);
          this.#be('open', by);
        }),
        carried: told((by) => this.#be(this.state, by)),
        again: told(() => this.#be('connecting', {})),
        message: told((data, label = '') => this.#tell('message', { data, label })),
        note: told((text, isBad) => this.#tell('note', { text, isBad })),
        close: told((how) => this.#over(how)),
      });
    } catch (error) {
      this.#be('failed', { end: `This cannot be connected to: ${error.message}` });
      return;
    }
    this.#carrier = mine;
    this.#timer = setTimeout(() => {
      this.#carrier = null;
      mine.close();
      this.#be('failed', { end: `It did not open within ${OPEN_MS / 1000} s. The doctor, where there is one, knows more.` });
    }, OPEN_MS);
  }

  get canSend() {
    return this.state === 'open' && Boolean(this.#carrier?.send);
  }

  send(text) {
    if (this.canSend) this.#carrier.send(text);
  }

  close() {
    const carrier = this.#carrier;
    if (!carrier) return;
    this.#carrier = null;
    clearTimeout(this.#timer);
    carrier.close();
    this.#be('closed', { end: 'Closed, from here.', wanted: true });
  }

  #over(how) {
    this.#carrier = null;
    clearTimeout(this.#timer);
    this.#be(how.opened ? 'closed' : 'failed', { end: how.words ?? ending(how) });
  }

  #be(state, more) {
    Object.assign(this, { state }, more);
    this.#tell('state');
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
