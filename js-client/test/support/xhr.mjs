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
    onprogress = null;
    onload = null;
    onerror = null;
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
          this.#tell('progress');
        },
        end: () => {
          if (readable && this.#charset == 'utf-8') this.responseText = Buffer.concat(this.#bytes).toString('utf8');
          this.#turn(4);
          this.#tell(readable ? 'load' : 'error');
        },
        error: () => {
          this.status = 0;
          this.responseText = '';
          this.#turn(4);
          this.#tell('error');
        },
      });
    }
    abort() {
      if (this.#stop) this.#stop();
    }
    #tell(type) {
      if (this['on' + type]) this['on' + type]({ type });
    }
    #turn(state) {
      this.readyState = state;
      if (this.onreadystatechange) this.onreadystatechange();
    }
  };
}

/** As Internet Explorer 8 and 9 have them: an XMLHttpRequest for its own origin, and XDomainRequest. */
export function makeXDomainRequest(network, origin) {
  const Modern = makeXMLHttpRequest(network, origin);
  return {
    XMLHttpRequest: class {
      open() {
        throw new Error('access is denied');
      }
    },
    XDomainRequest: class {
      responseText = '';
      #request = new Modern();

      open(method, url) {
        this.#request.open(method, url);
      }
      send(body) {
        if (body && typeof body != 'string') throw new Error('XDomainRequest has text only');
        for (const type of ['onload', 'onerror', 'onprogress', 'ontimeout'])
          if (!this[type]) throw new Error(`without ${type} the request may be given up`);
        const request = this.#request;
        const tell = (type) => () => {
          this.responseText = request.responseText;
          // Everything but 2xx is an error, and has no text.
          if (type == 'onload' && !(request.status >= 200 && request.status < 300)) {
            this.responseText = '';
            return this.onerror();
          }
          this[type]();
        };
        for (const type of ['onload', 'onerror', 'onprogress']) request[type] = tell(type);
        request.send(body);
      }
      abort() {
        this.#request.abort();
      }
    },
  };
}
