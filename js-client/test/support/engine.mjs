// A browser as far as the client sees one, of the age that a test asks for, with the shipped file in it.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import WebSocket from 'ws';
import { makeDocument } from './document.mjs';
import { makeEventSource } from './eventsource.mjs';
import { makeFetch } from './fetch.mjs';
import { lookup, makeNetwork } from './network.mjs';
import { makeXDomainRequest, makeXMLHttpRequest } from './xhr.mjs';

const SHIPPED = readFileSync(fileURLToPath(new URL('../../dist/polysocket.js', import.meta.url)), 'utf8');

/** Page and relay are of different origins, as they are for users. */
const PAGE = 'http://page.example';

/** What engines of IE8's age lack. */
const AGE = `
  for (const name of ['ArrayBuffer', 'Uint8Array', 'DataView', 'Promise', 'Symbol', 'Map', 'Set', 'Proxy', 'Reflect'])
    delete globalThis[name];
  for (const name of ['bind']) delete Function.prototype[name];
  for (const name of ['indexOf', 'lastIndexOf', 'forEach', 'map', 'filter', 'some', 'every', 'reduce', 'includes', 'find', 'findIndex', 'fill', 'keys', 'values', 'entries'])
    delete Array.prototype[name];
  for (const name of ['isArray', 'from', 'of']) delete Array[name];
  for (const name of ['keys', 'create', 'assign', 'defineProperties', 'getOwnPropertyNames', 'freeze', 'entries', 'values', 'getPrototypeOf'])
    delete Object[name];
  Object.defineProperty = function () { throw new TypeError('elements only'); };
  for (const name of ['trim', 'startsWith', 'endsWith', 'includes', 'padStart', 'padEnd', 'repeat', 'codePointAt', 'normalize'])
    delete String.prototype[name];
  delete globalThis.atob; delete Date.now; delete Date.prototype.toISOString;
`;

export function makeEngine(origin, given = {}) {
  const has = { websocket: true, xhr: true, fetch: true, sse: true, document: true, age: false, json: true, storage: {}, ...given };
  const network = has.network || makeNetwork();
  const tracked = [];
  const timers = new Set();
  const listeners = {};
  let closed = false;
  const later = (run, ms) => {
    if (closed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, ms);
    timers.add(timer);
    return timer;
  };
  const never = (timer) => {
    timers.delete(timer);
    clearTimeout(timer);
  };
  const global = { console, atob, setTimeout: later, clearTimeout: never, location: { href: PAGE + '/', toString: () => PAGE + '/' } };
  if (has.websocket) {
    global.WebSocket = has.websocket === true ? makeWebSocket(tracked, has) : has.websocket;
    if (has.closeEvents !== false) global.CloseEvent = class CloseEvent extends Event {
      constructor(type, init) {
        super(type);
        Object.assign(this, init);
      }
    };
  }
  if (!has.age) {
    const channels = class extends MessageChannel {
      constructor() {
        super();
        // Nothing that waits for events only keeps a test from its end.
        this.port1.unref();
        Object.defineProperty(this.port1, 'onmessage', {
          set: (run) => {
            this.port1.on('message', run);
            this.port1.unref();
          },
        });
      }
    };
    Object.assign(global, { URL, Event, MessageEvent, DOMException, Blob, FileReader: makeFileReader(), MessageChannel: channels });
    if (has.storage) global.localStorage = has.storage;
    global.addEventListener = (type, run) => (listeners[type] ||= []).push(run);
    global.removeEventListener = (type, run) => (listeners[type] = (listeners[type] || []).filter((one) => one !== run));
    global.navigator = {};
    global.dispatch = (type, event = {}) => (listeners[type] || []).forEach((run) => run(event));
  }
  if (has.fetch && !has.age) Object.assign(global, { fetch: makeFetch(network, PAGE), AbortController, ReadableStream });
  if (has.xhr == 'xdr') Object.assign(global, makeXDomainRequest(network, PAGE));
  else if (has.xhr) global.XMLHttpRequest = makeXMLHttpRequest(network, PAGE);
  if (has.sse) global.EventSource = makeEventSource(network, PAGE);
  const context = vm.createContext(global);
  global.self = global.window = context;
  if (has.document)
    global.document = makeDocument(context, network, {
      href: PAGE + '/',
      scriptSource: origin + '/polysocket.js',
      tellsScript: !has.age,
      ...has.tag,
    });
  // Buffers of the page's own realm are what typed arrays of the client are made of.
  if (has.age) vm.runInContext(AGE, context);
  if (!has.json) vm.runInContext('delete globalThis.JSON', context);
  vm.runInContext(SHIPPED, context, { filename: 'polysocket.js' });
  return {
    context,
    network,
    global,
    storage: has.storage,
    listeners: () => Object.values(listeners).flat().length,
    /** Settles when the client has no timer and no request left. */
    quiet: () =>
      new Promise((resolve) => {
        const look = () => (timers.size || network.running.size ? setTimeout(look, 5) : resolve());
        look();
      }),
    PolySocket: context.PolySocket,
    run: (code) => vm.runInContext(code, context),
    close: () => {
      closed = true;
      timers.forEach(clearTimeout);
      network.agent.destroy();
      for (const socket of tracked) socket.terminate();
    },
  };
}

/** With a middlebox, all of them go through it. */
function makeWebSocket(tracked, { middlebox, sees }) {
  return class extends WebSocket {
    constructor(url, protocols) {
      const address = new URL(url);
      if (sees) sees(url);
      if (middlebox) address.port = middlebox.port;
      super(address, protocols || [], { lookup, perMessageDeflate: false });
      this.on('error', () => {});
      tracked.push(this);
    }
    send(data) {
      super.send(ArrayBuffer.isView(data) || /^\[object (ArrayBuffer|Blob)\]$/.test(Object.prototype.toString.call(data)) ? data : String(data));
    }
  };
}

function makeFileReader() {
  return class FileReader {
    readAsArrayBuffer(blob) {
      blob.arrayBuffer().then((buffer) => {
        this.result = buffer;
        for (const type of ['load', 'loadend']) if (this['on' + type]) this['on' + type]({ type });
      });
    }
  };
}
