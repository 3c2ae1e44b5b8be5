/** The WebSocket interface, as the standard of the WHATWG has it. */

import { socketAddress } from './address';
import { fromBuffer, fromCode, fromText, toBuffer } from './bytes';
import { Connection, connect } from './connect';
import { hasBuffers, position, root } from './engine';
import { Listener, addListener, dispatch, exception, find, makeEvent } from './events';
import { BINARY, CLOSE, TEXT } from './frames';
import { optionsWith } from './options';
import { task } from './tasks';

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** A subprotocol is a token (RFC 6455, section 4.1; RFC 9110, section 5.6.2). */
const TOKEN = /^[\w!#$%&'*+\-.^`|~]+$/;
const REASON_BYTES_MAX = 123;
const EVENTS = ['open', 'message', 'error', 'close', 'transport'];

/** The attributes of a socket, and what is its own. Where there are no accessors this is the socket itself. */
interface State {
  url: string;
  readyState: number;
  bufferedAmount: number;
  extensions: string;
  protocol: string;
  binaryType: string;
  transport: string;
  reason: string;
  listeners: Listener[];
  connection: Connection;
  /** What waits for a Blob that is being read. */
  waiting: (() => void)[] | null;
  [handler: string]: any;
}

function can(tried: () => any): boolean {
  try {
    return tried();
  } catch (_) {
    return false;
  }
}

/** IE8 has them for elements only. */
const hasAccessors = can(function () {
  return (Object.defineProperty({}, 'x', { value: 1 }) as any).x;
});

const hasBlobs = can(function () {
  return root.FileReader && new root.Blob(['x']).size;
});

function syntax(text: string): any {
  return exception('SyntaxError', 12, text);
}

function checkProtocols(given: any): string[] {
  const list = given === undefined ? [] : typeof given == 'object' && given ? given : [given];
  const names: string[] = [];
  for (let i = 0; i < list.length; i++) {
    const name = String(list[i]);
    if (!TOKEN.test(name) || position(names, name) >= 0) throw syntax('bad subprotocol: ' + name);
    names.push(name);
  }
  return names;
}

export function PolySocket(this: any, url: any, protocols?: any, options?: any): void {
  const socket = this;
  if (!(socket instanceof (PolySocket as any)) || !arguments.length) throw new TypeError('use: new PolySocket(url)');
  const address = socketAddress(String(url));
  if (!address) throw syntax('bad URL: ' + url);
  const offered = checkProtocols(protocols);
  const state: State = hasAccessors ? {} : socket;
  if (hasAccessors) Object.defineProperty(socket, '_', { value: state });
  else socket._ = state;
  state.listeners = [];
  state.url = address;
  state.readyState = state.bufferedAmount = 0;
  state.extensions = state.protocol = state.transport = state.reason = '';
  state.binaryType = hasBlobs ? 'blob' : 'arraybuffer';
  for (let i = 0; i < EVENTS.length; i++) {
    state['on' + EVENTS[i]] = null;
    // Without accessors nobody notices when they are set.
    if (!hasAccessors) state.listeners.push({ type: EVENTS[i] });
  }

  function fire(type: string, fields: any): void {
    dispatch(socket, state.listeners, state, makeEvent(type, fields, socket));
  }

  state.connection = connect(address, offered, optionsWith(options), {
    opened: function (protocol, extensions) {
      task(function () {
        if (state.readyState != CONNECTING) return;
        state.readyState = OPEN;
        state.protocol = protocol;
        state.extensions = extensions;
        fire('open', {});
      });
    },
    message: function (data, binary) {
      task(function () {
        if (state.readyState != OPEN) return;
        if (binary && hasBuffers) {
          if (typeof data == 'string') data = toBuffer(data);
          if (state.binaryType == 'blob' && hasBlobs) data = new root.Blob([data]);
        }
        fire('message', { data: data, origin: address.split('/', 3).join('/').replace(/\/[^\/]*@/, '/') });
      });
    },
    closed: function (code, reason, wasClean, failed) {
      task(function () {
        if (state.readyState == CLOSED) return;
        state.readyState = CLOSED;
        if (failed) fire('error', {});
        fire('close', { code: code, reason: reason, wasClean: wasClean });
      });
    },
    drained: function (bytes) {
      state.bufferedAmount -= bytes;
    },
    carried: function (transport, why) {
      task(function () {
        state.transport = transport;
        state.reason = why;
        if (state.readyState == OPEN) fire('transport', {});
      });
    },
  });
}

/** Does `run` after every Blob before it has been read. */
function inOrder(state: State, run: () => void): void {
  if (state.waiting) state.waiting.push(run);
  else run();
}

const prototype: any = PolySocket.prototype;

prototype.send = function (data: any): void {
  const state: State = this._;
  const connection = state.connection;
  if (state.readyState == CONNECTING) throw exception('InvalidStateError', 11, 'not open yet');
  const native = connection.own(true);
  if (native) return native.send(data);
  const isBuffer = hasBuffers && data && data.byteLength >= 0;
  const isBlob = hasBlobs && data instanceof root.Blob;
  // Taken now: the page may write into its buffer later.
  const bytes = isBlob ? '' : isBuffer ? fromBuffer(data) : fromText(String(data));
  state.bufferedAmount += isBlob ? data.size : bytes.length;
  if (state.readyState != OPEN) return;
  inOrder(state, function () {
    if (!isBlob) return connection.send(isBuffer ? BINARY : TEXT, bytes);
    const rest: (() => void)[] = (state.waiting = []);
    const reader = new root.FileReader();
    reader.onloadend = function () {
      state.waiting = null;
      if (reader.result) connection.send(BINARY, fromBuffer(reader.result));
      // One of these may be a Blob again, behind which the others wait.
      for (let i = 0; i < rest.length; i++) inOrder(state, rest[i]);
    };
    reader.readAsArrayBuffer(data);
  });
};

prototype.close = function (code?: any, reason?: any): void {
  const state: State = this._;
  const connection = state.connection;
  if (code !== undefined) {
    code = Math.round(code);
    if (code != 1000 && !(code >= 3000 && code <= 4999)) throw exception('InvalidAccessError', 15, 'bad code: ' + code);
  }
  reason = reason === undefined ? '' : String(reason);
  if (fromText(reason).length > REASON_BYTES_MAX) throw syntax('reason over 123 bytes');
  // A frame cannot carry a reason without a code.
  if (reason && !code) code = 1000;
  const before = state.readyState;
  if (before >= CLOSING) return;
  state.readyState = CLOSING;
  if (before == CONNECTING) return connection.fail();
  inOrder(state, function () {
    const native = connection.own();
    if (!native) connection.send(CLOSE, code ? fromCode(code >> 8, code & 255) + fromText(reason) : '');
    else if (code) native.close(code, reason);
    else native.close();
  });
};

prototype.addEventListener = function (type: any, callback: any, options?: any): void {
  if (callback) addListener(this._.listeners, type, callback, options);
};

prototype.removeEventListener = function (type: any, callback: any): void {
  const at = callback ? find(this._.listeners, type, callback) : -1;
  if (at >= 0) this._.listeners.splice(at, 1);
};

prototype.dispatchEvent = function (event: any): boolean {
  dispatch(this, this._.listeners, this._, event);
  return !event.defaultPrevented;
};

function accessor(name: string, set?: (state: State, value: any) => void): void {
  Object.defineProperty(prototype, name, {
    configurable: true,
    enumerable: true,
    get: function () {
      const state: State = this._;
      const native = name == 'bufferedAmount' && state.connection.own();
      return native ? native.bufferedAmount + state[name] : state[name];
    },
    set:
      set &&
      function (this: any, value: any) {
        set(this._, value);
      },
  });
}

function handler(type: string): void {
  accessor('on' + type, function (state, value) {
    state['on' + type] = typeof value == 'function' ? value : null;
    // It is called in the place of the first time it was set.
    addListener(state.listeners, type);
  });
}

if (hasAccessors) {
  const names = 'url readyState bufferedAmount extensions protocol transport reason'.split(' ');
  for (let i = 0; i < names.length; i++) accessor(names[i]);
  for (let i = 0; i < EVENTS.length; i++) handler(EVENTS[i]);
  accessor('binaryType', function (state, value) {
    if (value === 'arraybuffer' || value === 'blob') state.binaryType = value;
  });
}

const STATES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'];
for (let i = 0; i < STATES.length; i++) (PolySocket as any)[STATES[i]] = prototype[STATES[i]] = i;
