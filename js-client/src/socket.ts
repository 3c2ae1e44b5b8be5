/** The WebSocket interface, as the standard of the WHATWG has it. */

import { socketAddress } from './address';
import { fromBuffer, fromCode, fromText } from './bytes';
import { Connection, connect } from './connect';
import { assign, position, root } from './engine';
import { Listener, addListener, aim, dispatch, exception, makeEvent, removeListener } from './events';
import { BINARY, CLOSE, TEXT } from './frames';
import { optionsWith } from './options';
import { task } from './tasks';

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;

/** A subprotocol is a token (RFC 6455, section 4.1; RFC 9110, section 5.6.2). */
const TOKEN = /^[!#-'*+.^-z|~\w-]+$/;
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
  [handler: string]: any;
}

const INITIAL: any = {
  url: '',
  readyState: CONNECTING,
  bufferedAmount: 0,
  extensions: '',
  protocol: '',
  transport: '',
  reason: '',
  binaryType: 'blob',
};

try {
  new root.Blob([]);
} catch (_) {
  INITIAL.binaryType = 'arraybuffer';
}
const hasBlobs = INITIAL.binaryType == 'blob';

for (let i = 0; i < EVENTS.length; i++) INITIAL['on' + EVENTS[i]] = null;

function syntax(what: string, value: any): any {
  return exception('SyntaxError', 12, 'bad ' + what + ': ' + value);
}

function checkProtocols(given: any): string[] {
  const from = (Array as any).from;
  // Of any iterable, where there are such.
  const list = given === undefined ? [] : given && typeof given == 'object' && from ? from(given) : [].concat(given);
  const names: string[] = [];
  for (let i = 0; i < list.length; i++) {
    const name = String(list[i]);
    if (!TOKEN.test(name) || position(names, name) >= 0) throw syntax('protocol', name);
    names.push(name);
  }
  return names;
}

/** Besides the URL: protocols, and options for this one. */
export function PolySocket(this: any, url: any): void {
  const socket = this;
  const given = arguments;
  if (!(socket instanceof (PolySocket as any) && given.length)) throw new TypeError('no URL');
  const address = socketAddress(String(url));
  if (!address) throw syntax('URL', url);
  const offered = checkProtocols(given[1]);
  const listeners: Listener[] = [];
  const state: State = assign(hasAccessors ? {} : socket, INITIAL);
  socket._ = state;
  state.url = address;
  state.listeners = listeners;
  // Without accessors nobody notices when a handler is set.
  for (let i = 0; i < EVENTS.length && !hasAccessors; i++) addListener(listeners, EVENTS[i]);

  function fire(type: string, fields: any): void {
    dispatch(socket, listeners, state, makeEvent(type, fields, socket));
  }

  state.connection = connect(
    address,
    offered,
    optionsWith(given[2]),
    function (type, fields, readyState, failed) {
      task(function () {
        const before = state.readyState;
        const data = fields.data;
        if (readyState! <= before) return;
        state.readyState = readyState || before;
        // Those of a message are in nobody's way.
        if (type != 'close') assign(state, fields);
        // What is not a change of state comes only while it is open.
        if (!readyState && before != OPEN) return;
        if (data && data.byteLength >= 0 && state.binaryType == 'blob') fields.data = new root.Blob([data]);
        if (failed) fire('error', {});
        fire(type, fields);
      });
    },
    function (bytes) {
      state.bufferedAmount -= bytes;
    }
  );
}

const prototype: any = assign(PolySocket.prototype, {
  send: function (data: any): void {
    const state: State = this._;
    const connection = state.connection;
    if (!arguments.length) throw new TypeError('no data');
    if (state.readyState == CONNECTING) throw exception('InvalidStateError', 11, 'not open');
    const native = connection.own(1);
    if (native) return native.send(data);
    const isBuffer = data && data.byteLength >= 0;
    const isBlob = hasBlobs && data instanceof root.Blob;
    // Taken now: the page may write into its buffer later.
    if (!isBlob) data = isBuffer ? fromBuffer(data) : fromText(String(data));
    state.bufferedAmount += isBlob ? data.size : data.length;
    if (state.readyState == OPEN) connection.send(isBuffer || isBlob ? BINARY : TEXT, data);
  },

  close: function (code?: any, reason?: any): void {
    const state: State = this._;
    const connection = state.connection;
    const before = state.readyState;
    if (code !== undefined) {
      // Halves go to the even neighbour (Web IDL, [Clamp]).
      code = code % 2 == 0.5 ? code - 0.5 : Math.round(code);
      if (code != 1000 && !(code >= 3000 && code < 5000)) throw exception('InvalidAccessError', 15, 'bad code: ' + code);
    }
    const bytes = reason === undefined ? '' : fromText(String(reason));
    if (bytes.length > REASON_BYTES_MAX) throw syntax('reason', reason);
    // A frame cannot carry a reason without a code.
    if (bytes) code = code || 1000;
    if (before >= CLOSING) return;
    const native = connection.own(2);
    state.readyState = CLOSING;
    if (before == CONNECTING) connection.fail();
    else if (!native) connection.send(CLOSE, code ? fromCode(code >> 8, code & 255) + bytes : '');
    // Some engines take an undefined argument for a 0, or for a text.
    else native.close.apply(native, code ? (bytes ? [code, reason] : [code]) : []);
  },

  addEventListener: function (type: any, callback: any, options?: any): void {
    if (callback) addListener(this._.listeners, type, callback, options);
  },

  removeEventListener: function (type: any, callback: any): void {
    if (callback) removeListener(this._.listeners, type, callback);
  },

  dispatchEvent: function (event: any): boolean {
    if (!event.type) throw new TypeError('no event');
    aim(event, this);
    dispatch(this, this._.listeners, this._, event);
    return !event.defaultPrevented;
  },
});

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
  const name = 'on' + type;
  accessor(name, function (value) {
    value = value === Object(value) ? value : null;
    this._[name] = value;
    (value ? addListener : removeListener)(this._.listeners, type);
  });
}

let hasAccessors = true;
try {
  for (const name in INITIAL) accessor(name);
  accessor('binaryType', function (value) {
    if (value == 'arraybuffer' || (value == 'blob' && hasBlobs)) this._.binaryType = value;
  });
  for (let i = 0; i < EVENTS.length; i++) handler(EVENTS[i]);
} catch (_) {
  // IE8 has them for elements only.
  hasAccessors = false;
}

const STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
assign(PolySocket, STATES);
assign(prototype, STATES);
