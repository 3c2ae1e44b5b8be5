/** The WebSocket interface, as the standard of the WHATWG has it. */

import { socketAddress } from './address';
import { fromBuffer, fromCode, fromText } from './bytes';
import { Connection, connect } from './connect';
import { assign, hasBuffers, position, root } from './engine';
import { Listener, addListener, dispatch, exception, find, makeEvent } from './events';
import { BINARY, CLOSE, TEXT } from './frames';
import { optionsWith } from './options';
import { task } from './tasks';

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;

/** A subprotocol is a token (RFC 6455, section 4.1; RFC 9110, section 5.6.2). */
const TOKEN = /^[\w!#$%&'*+\-.^`|~]+$/;
const REASON_BYTES_MAX = 123;
const ATTRIBUTES = ['url', 'readyState', 'bufferedAmount', 'extensions', 'protocol', 'transport', 'reason'];
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
  return Object.defineProperty({}, 'x', {});
});

const hasBlobs = can(function () {
  return root.FileReader && new root.Blob([]);
});

function syntax(text: string): any {
  return exception('SyntaxError', 12, text);
}

function checkProtocols(given: any): string[] {
  const list = given === undefined ? [] : given && given.pop ? given : [given];
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
  for (let i = 0; i < ATTRIBUTES.length; i++) state[ATTRIBUTES[i]] = '';
  state.url = address;
  state.readyState = state.bufferedAmount = 0;
  state.binaryType = hasBlobs ? 'blob' : 'arraybuffer';
  state.listeners = [];
  for (let i = 0; i < EVENTS.length; i++) {
    state['on' + EVENTS[i]] = null;
    // Without accessors nobody notices when they are set.
    if (!hasAccessors) addListener(state.listeners, EVENTS[i]);
  }

  function fire(type: string, fields: any): void {
    dispatch(socket, state.listeners, state, makeEvent(type, fields, socket));
  }

  state.connection = connect(
    address,
    offered,
    optionsWith(options),
    function (type, changes, fields, failed) {
      task(function () {
        const before = state.readyState;
        const after = changes.readyState;
        if (after! <= before) return;
        assign(state, changes);
        // What is not a change of state comes only while it is open.
        if (!after && before != OPEN) return;
        const data = fields.data;
        if (data && typeof data != 'string' && state.binaryType == 'blob' && hasBlobs) fields.data = new root.Blob([data]);
        if (failed) fire('error', {});
        fire(type, fields);
      });
    },
    function (bytes) {
      state.bufferedAmount -= bytes;
    }
  );
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
  const before = state.readyState;
  if (code !== undefined) {
    code = Math.round(code);
    if (code != 1000 && !(code >= 3000 && code <= 4999)) throw exception('InvalidAccessError', 15, 'bad code: ' + code);
  }
  reason = reason === undefined ? '' : String(reason);
  if (fromText(reason).length > REASON_BYTES_MAX) throw syntax('reason over 123 bytes');
  // A frame cannot carry a reason without a code.
  if (reason && !code) code = 1000;
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
  const listeners: Listener[] = this._.listeners;
  const at = find(listeners, type, callback || this);
  if (at >= 0) listeners.splice(at, 1);
};

prototype.dispatchEvent = function (event: any): boolean {
  dispatch(this, this._.listeners, this._, event);
  return !event.defaultPrevented;
};

function accessor(name: string, set?: (this: any, value: any) => void): void {
  Object.defineProperty(prototype, name, {
    configurable: true,
    enumerable: true,
    get: function () {
      const state: State = this._;
      const native = name == 'bufferedAmount' && state.connection.own();
      return native ? native.bufferedAmount + state[name] : state[name];
    },
    set: set,
  });
}

function handler(type: string): void {
  accessor('on' + type, function (value) {
    this._['on' + type] = typeof value == 'function' ? value : null;
    // It is called in the place of the first time it was set.
    addListener(this._.listeners, type);
  });
}

if (hasAccessors) {
  for (let i = 0; i < ATTRIBUTES.length; i++) accessor(ATTRIBUTES[i]);
  for (let i = 0; i < EVENTS.length; i++) handler(EVENTS[i]);
  accessor('binaryType', function (value) {
    if (value == 'arraybuffer' || value == 'blob') this._.binaryType = value;
  });
}

const STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
assign(PolySocket, STATES);
assign(prototype, STATES);
