declare namespace PolySocket {
  /** Ways to carry a socket, the better before the worse. `websocket` is the browser's own, straight to the target. */
  type Transport = 'websocket' | 'relay' | 'stream' | 'sse' | 'poll' | 'jsonp';

  /** Why a socket is carried by what carries it. */
  type Reason =
    | ''
    | 'absent'
    | 'dead'
    | 'refused'
    | 'hanging'
    | 'mute'
    | 'cut'
    | 'remembered'
    | 'chosen'
    | 'buffered'
    | 'failed';

  interface Options {
    /** Where routers are: origins, tried in turn. Default: where the script came from. */
    router?: string | string[];
    /** What the router asks for; or how to get it, now or later. It is asked for once for each socket. */
    token?: string | ((target: string, answer: (token: string) => void) => string | PromiseLike<string> | void);
    /** What may be used, the better before the worse: a list, or one text with spaces or commas. */
    transports?: string | readonly Transport[];
    /** How long the browser's own WebSocket is tried alone, ms. Default: 300. */
    headStart?: number;
    /** Whether the network is asked if WebSockets deliver, before `open` is told. Default: true. */
    probe?: boolean;
    /** How long it is remembered what does not work, ms; 0: not at all. Default: 600000. */
    remember?: number;
  }

  interface EventMap extends WebSocketEventMap {
    /** `transport` or `reason` of the socket has changed. */
    transport: Event;
  }
}

/** A WebSocket, as the browser has it, in every browser and on every network. */
declare class PolySocket extends EventTarget implements WebSocket {
  constructor(url: string | URL, protocols?: string | string[], options?: PolySocket.Options);

  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;
  /** The browser's own, where it has one. */
  static readonly WebSocket: typeof WebSocket | undefined;
  /** For all sockets that are made from now on. */
  static configure(options: PolySocket.Options): void;
  /** From now on, `WebSocket` is this. */
  static install(): void;

  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  readonly url: string;
  readonly readyState: WebSocket['readyState'];
  readonly bufferedAmount: number;
  readonly extensions: string;
  readonly protocol: string;
  binaryType: BinaryType;
  /** What carries it; empty before anything does. */
  readonly transport: PolySocket.Transport | '';
  /** Why nothing better does; empty where the best does. */
  readonly reason: PolySocket.Reason;

  onopen: ((this: WebSocket, event: Event) => any) | null;
  onmessage: ((this: WebSocket, event: MessageEvent) => any) | null;
  onerror: ((this: WebSocket, event: Event) => any) | null;
  onclose: ((this: WebSocket, event: CloseEvent) => any) | null;
  ontransport: ((this: PolySocket, event: Event) => any) | null;

  send(data: Parameters<WebSocket['send']>[0]): void;
  close(code?: number, reason?: string): void;

  addEventListener<Type extends keyof PolySocket.EventMap>(
    type: Type,
    listener: (this: PolySocket, event: PolySocket.EventMap[Type]) => any,
    options?: boolean | AddEventListenerOptions
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions
  ): void;
  removeEventListener<Type extends keyof PolySocket.EventMap>(
    type: Type,
    listener: (this: PolySocket, event: PolySocket.EventMap[Type]) => any,
    options?: boolean | EventListenerOptions
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions
  ): void;
}

export = PolySocket;
export as namespace PolySocket;
