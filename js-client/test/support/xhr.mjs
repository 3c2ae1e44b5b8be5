// XMLHttpRequest over node's network, with what CORS and progress ask for.

import { send } from './network.mjs';

const SIMPLE = /^(text\/plain|application\/x-www-form-urlencoded)/;

export function makeXMLHttpRequest(network, origin) {
  return class XMLHttpRequest {
    readyState = 0;
    status = 0;
    responseText = '';
    response = '';
    withCredentials = false;
    onreadystatechange = null;
    #charset = 'utf-8';
    #stop = null;
    #bytes = [];

    open(method, url) {
      this.method = method;
      this.url = url;
      this.#turn(1);
    }
    setRequestHeader(name) {
      throw new Error(`${name}: this would need a preflight`);
    }
    overrideMimeType(type) {
      this.#charset = /charset=([\w-]+)/.exec(type)[1];
    }
    send(body) {
      const headers = { origin };
      let bytes = null;
      if (typeof body == 'string') {
        headers['content-type'] = 'text/plain;charset=UTF-8';
        bytes = Buffer.from(body, 'utf8');
      } else if (body) bytes = Buffer.from(body);
      if (headers['content-type'] && !SIMPLE.test(headers['content-type'])) throw new Error('preflight');
      let readable = false;
      this.#stop = send(network, { method: this.method, url: this.url, headers, body: bytes }, {
        head: (status, answered) => {
          const allowed = answered['access-control-allow-origin'];
          readable = (allowed === '*' || allowed === origin) && !network.stripCors;
          if (!readable) return;
          this.status = status;
          this.#turn(2);
        },
        data: (chunk) => {
          if (!readable) return;
          this.#bytes.push(chunk);
          if (this.#charset == 'x-user-defined') {
            let text = '';
            for (const byte of chunk) text += String.fromCharCode(byte < 128 ? byte : 0xf700 + byte);
            this.responseText += text;
          }
          this.#turn(3);
        },
        end: () => {
          if (readable && this.#charset == 'utf-8') this.responseText = Buffer.concat(this.#bytes).toString('utf8');
          this.#turn(4);
        },
        error: () => {
          this.status = 0;
          if (this.#charset == 'utf-8') this.responseText = '';
          this.#turn(4);
        },
      });
    }
    abort() {
      if (this.#stop) this.#stop();
    }
    #turn(state) {
      this.readyState = state;
      if (this.onreadystatechange) this.onreadystatechange();
    }
  };
}
