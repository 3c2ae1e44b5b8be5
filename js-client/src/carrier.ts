/** Carries one session over time: receives, sends, retries, and changes the transport. */

import { toBase64, toBuffer } from './bytes';
import { Stop } from './call';
import { makeCore } from './core';
import { now, page, root } from './engine';
import { CLOSE } from './frames';
import { Place, aside, sessionUrl } from './place';
import { Link, Receiver, Transport } from './receive';
import { transports } from './transports';
import { hasBinaryBodies } from './xhr';

/** A body of frames begins with so many bytes, and shrinks when somebody in between refuses it, down to the least. */
const BODY_BYTES_MAX = 65536;
const BODY_BYTES_MIN = 1024;
/** Units in one body (docs/PROTOCOL.md §4). */
const BODY_UNITS_MAX = 1000;
/** What a beacon may carry in all browsers. */
const BEACON_BYTES_MAX = 60000;
/** Longest URL that every engine and every proxy takes, less the callback. */
const URL_MAX = 1860;
/** Streams: acks are due after so many bytes, or so much time. */
const ACK_BYTES = 32768;
const ACK_MS = 1000;
/** Between heartbeats, or until a poll is answered by one: under the 30 s at which the strictest proxies give up. */
const TTL_MS_MAX = 25000;
const TTL_MS_MIN = 1000;
/** A first stream is asked for a heartbeat so soon, to see whether anybody holds it back. */
const TRIAL_TTL_MS = 2000;
/** How long the first byte of a stream, or of a WebSocket to the relay, may take at least. */
const STREAM_PATIENCE_MS = 3000;
const RELAY_PATIENCE_MS = 300;
/** A send is answered within 10 s, by the rules of the relay. */
const SEND_MS = 12000;
/** A poll that ends empty so soon was replaced. */
const CHASE_MS = 100;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5000;
/** A transport that has worked is left after so many failures in a row; one that never did, after the first. */
const FAILURES_MAX = 4;

export interface CarrierEvents {
  opened(protocol: string): void;
  message(data: string, binary: boolean): void;
  /** `failed`: it never opened, or the relay is lost; otherwise the target closed. */
  closed(code: number, reason: string, wasClean: boolean, failed: any): void;
  drained(bytes: number): void;
  /** The first byte came over this transport. */
  carried(transport: string, why: string): void;
}

export interface Carrier {
  /**
   * The session is there; until then all waits. `why` the browser's own WebSocket does not carry it; transports that
   * turn out not to work are added to `skip`.
   */
  begin(place: Place, list: string[], why: string, skip: string[]): void;
  /** A message, or the page's close. */
  send(type: number, bytes: string): void;
  /** Ends it without a word. */
  stop(): void;
}

export function carry(on: CarrierEvents): Carrier {
  let place: Place;
  /** Names of transports. */
  let list: string[];
  let skip: string[];
  let at = 0;
  let ended = false;
  let why: string;

  let receiver: Receiver | null;
  /** Names the receiver; late words of an older one are not heard. */
  let turn = 0;
  /** Of the receiver: until it counts as broken; without one: until the next. */
  let timer = 0;
  let ttl: number;
  let failures = 0;
  /** When the relay was last heard. */
  let last: number;
  /** The transport that came through last. */
  let carrying = '';
  /** Names of transports that have delivered. */
  const proven: { [name: string]: boolean } = {};

  /** Stops the request that sends, or the pause before its repeat. */
  let sending: Stop | null;
  let sendFailures = 0;
  let bodyBytes = BODY_BYTES_MAX;
  let ackTimer = 0;
  let unacked = 0;
  /** The relay takes no more units. */
  let shut = false;

  const core = makeCore({
    opened: on.opened,
    message: on.message,
    drained: on.drained,
    closed: function (code, reason, wasClean, error) {
      // It is served until it is acked.
      aside(place, current().call || place.call, core.received, '');
      end(code, reason, wasClean, error);
    },
  });

  const self = {
    stop: stop,
    send: function (type: number, bytes: string) {
      core.send(type, bytes);
      pump();
    },
    begin: function (where: Place, names: string[], word: string, without: string[]) {
      place = where;
      list = names;
      why = word;
      skip = without;
      ttl = Math.min(TTL_MS_MAX, place.idle / 2);
      last = now();
      listen('addEventListener');
      receive();
      pump();
    },
  };

  // --- Sleep and wake, and the end of the page ----------------------------------------------------------------

  function listen(how: string): void {
    if (!root[how]) return;
    root[how]('online', wake);
    root[how]('pageshow', wake);
    root[how]('pagehide', leave);
    if (page) page[how]('visibilitychange', wake);
  }

  /** The page may have slept: connections may be dead, and timers late. Or it is about to. */
  function wake(): void {
    // What was heard just now is awake.
    if (patience() == place.idle && now() - last < ACK_MS) return;
    unsend();
    receive();
    pump();
  }

  function leave(event: any): void {
    // A page that is kept for the way back goes on from where it is, if that is soon enough.
    if (event.persisted) return;
    core.send(CLOSE, '');
    const target = url('s') + '&t=f&n=' + core.first;
    if (root.navigator.sendBeacon) root.navigator.sendBeacon(target, toBuffer(batch(BEACON_BYTES_MAX)));
    stop();
  }

  /** How long the session is to live without a request, ms. A page that is hidden may be put to sleep. */
  function patience(): number {
    return page && page.hidden ? place.pause_max : place.idle;
  }

  function current(): Transport {
    return transports[list[at]] as Transport;
  }

  function url(path: string): string {
    return sessionUrl(place, path, core.received);
  }

  // --- Down -------------------------------------------------------------------------------------------------

  function receive(): void {
    halt();
    const name = list[at];
    const transport = current();
    const mine = turn;
    const began = now();
    const streams = !transport.polls && transport.call;
    const beat = streams && !proven[name] ? TRIAL_TTL_MS : ttl;
    // Less than the session lives without a request: what is lost can be asked for again.
    const margin = beat + place.idle / 6 + 4 * place.rtt;

    /** Whether it is still this receiver that speaks. */
    function speaks(): boolean {
      return mine == turn && !ended;
    }
    function watch(ms: number) {
      clearTimeout(timer);
      timer = setTimeout(function () {
        broken('', streams && !proven[name] ? 'buffered' : 'failed');
      }, ms) as any;
    }
    function failed(code?: string) {
      if (!speaks()) return;
      // Somebody ends what takes so long: let the next be shorter.
      if (now() - began > ttl / 2) ttl = Math.max(ttl / 2, TTL_MS_MIN);
      broken(code, 'failed');
    }
    const link: Link = {
      core: core,
      window: place.window,
      url: function (path) {
        return (
          url(path) +
          '&ttl=' + beat +
          '&pause=' + patience() +
          (core.received ? '' : '&dial=1') +
          (why ? '&why=' + why : '')
        );
      },
      alive: function (idle) {
        if (!speaks()) return;
        last = now();
        failures = 0;
        if (name != carrying) on.carried((carrying = name), why);
        why = '';
        watch(margin);
        // The first bytes of a stream may come through while what follows is held back.
        if (idle || !streams) proven[name] = true;
        // It was asked for heartbeats so close only to see one.
        if (idle && beat < ttl) receive();
      },
      unit: function (number, message) {
        if (!current() || !/^[tboc]/.test(message.type)) return;
        proven[name] = true;
        unacked += (message.data || '').length;
        if (!core.unit(number, message)) failed();
        else if (streams)
          if (unacked > ACK_BYTES) pump(true);
          else if (!ackTimer)
            ackTimer = setTimeout(function () {
              ackTimer = 0;
              pump(true);
            }, ACK_MS) as any;
      },
      acked: function (number) {
        if (!speaks()) return;
        core.acked(number);
        pump();
      },
      over: function (empty) {
        // Should another receiver of ours have taken its place, they must not chase each other.
        if (speaks()) empty && now() - began < CHASE_MS ? again(CHASE_MS) : receive();
      },
      failed: failed,
    };
    watch(
      !proven[name] && !transport.polls && list[1]
        ? Math.max(streams ? STREAM_PATIENCE_MS : RELAY_PATIENCE_MS, 4 * place.rtt)
        : margin
    );
    try {
      receiver = transport.receive(link);
    } catch (_) {
      // A constructor may refuse, as by the rules of the page's CSP.
      failed();
    }
  }

  /** Ends the receiver, unheard. */
  function halt(): void {
    turn++;
    clearTimeout(timer);
    if (receiver) receiver.stop();
    receiver = null;
  }

  function again(ms: number): void {
    halt();
    timer = setTimeout(receive, ms) as any;
  }

  function broken(code: string | undefined, word: string): void {
    if (code == 'gone' || now() - last > patience() * 1.2) return lost();
    if (failures++ % 2)
      place.call(place.router + '/alive/' + place.socket + '?v=1', null, SEND_MS, function (answer) {
        if (answer && (answer.alive === false || answer.code == 'gone')) lost();
      });
    const name = list[at];
    const works = proven[name];
    if (!works) skip.push(name);
    if (!works || failures % FAILURES_MAX == 0) change(word);
    again(failures < 2 || failures < list.length ? 0 : backoff(failures));
  }

  /** On to the next transport. */
  function change(word: string): void {
    at = (at + 1) % list.length;
    // Before anything came, the reason is still why it is carried at all.
    if (carrying || word == 'buffered') why = word;
    unsend();
  }

  /** What is under way is sent anew. */
  function unsend(): void {
    if (sending) sending();
    sending = null;
  }

  function backoff(count: number): number {
    return Math.min(RETRY_MS_MAX, RETRY_MS_MIN << count) * (0.5 + Math.random() / 2);
  }

  // --- Up ---------------------------------------------------------------------------------------------------

  /** Frames from the first unit that is not acked; at least one, if there is any. */
  function batch(bytesMax: number): string {
    let frames = '';
    let unit;
    for (let n = core.first; n - core.first < BODY_UNITS_MAX && (unit = core.frame(n)); n++) {
      if (frames && frames.length + unit.length > bytesMax) break;
      frames += unit;
    }
    return frames;
  }

  function pump(ack?: boolean): void {
    if (ended || !place) return;
    if (receiver && receiver.pump) return receiver.pump();
    const call = current().call;
    if (!call || sending || shut) return;
    let target = url('s');
    let body: any = call.posts ? '' : null;
    const frames = batch(call.posts ? bodyBytes : ((URL_MAX - target.length) * 3) / 4);
    if (frames) {
      target += '&t=f&n=' + core.first;
      if (!call.posts) target += '&d=' + toBase64(frames);
      else if (hasBinaryBodies) body = toBuffer(frames);
      else {
        target += '&e=64';
        body = toBase64(frames);
      }
    } else if (!ack) return;
    unacked = 0;
    sending = call(target, body, SEND_MS, function (answer) {
      const code = answer && answer.code;
      sending = null;
      if (answer && answer.ok) {
        last = now();
        sendFailures = 0;
        core.acked(answer.ack);
        pump();
      } else if (code == 'gone') lost();
      // What follows from these comes down as `close`.
      else if (/^(cl|co|i|t)/.test(code || '')) shut = true;
      else unsent(frames.length);
    });
  }

  function unsent(bytes: number): void {
    const small = bytes <= BODY_BYTES_MIN;
    bodyBytes = Math.max(bytes / 4, BODY_BYTES_MIN);
    if (small && ++sendFailures % FAILURES_MAX == 0) {
      change('failed');
      again(0);
    }
    const pause = setTimeout(
      function () {
        sending = null;
        pump(true);
      },
      small ? backoff(sendFailures) : 0
    );
    sending = function () {
      clearTimeout(pause);
    };
  }

  // --- The end ----------------------------------------------------------------------------------------------

  function stop(): void {
    ended = true;
    listen('removeEventListener');
    halt();
    unsend();
  }

  function lost(): void {
    end(1006, '', false, true);
  }

  function end(code: number, reason: string, wasClean: boolean, failed: any): void {
    if (ended) return;
    stop();
    on.closed(code, reason, wasClean, failed);
  }

  return self;
}
