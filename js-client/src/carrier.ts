/** Carries one session over time: receives, sends, retries, and changes the transport. */

import { fromBuffer, toBase64, toBuffer } from './bytes';
import { Done, Stop } from './call';
import { CoreEvents, UNIT_BYTES_MAX, makeCore } from './core';
import { hasBuffers, nothing, now, page, root } from './engine';
import { CLOSE } from './frames';
import { Place, sessionUrl } from './place';
import { IDLE, Link, Receiver, Transport } from './receive';
import { transports } from './transports';

/**
 * A body of frames has at most so many bytes, which all browsers take for a beacon, too. It shrinks when somebody in
 * between may have refused it, down to a unit with its head of 3 bytes, and grows again by a sixteenth of what got through.
 */
const BODY_BYTES_MAX = 60000;
const BODY_BYTES_MIN = UNIT_BYTES_MAX + 3;
/** Units in one body (docs/PROTOCOL.md §4). */
const BODY_UNITS_MAX = 1000;
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
/** A relay of which nothing was ever heard is given up: it has given up the session by then. */
const FIRST_MS = 10000;
/** A send is answered within 10 s, by the rules of the relay. */
const SEND_MS = 12000;
/** Words after which nothing can be sent: closed, conflict, invalid-text, too-big. What follows comes as `close`. */
const SHUT = /^[cit]/;
/** A poll that ends empty so soon was replaced. */
const CHASE_MS = 100;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5000;
/** A transport that has worked is left after so many failures in a row; one that never did, after the first. */
const FAILURES_MAX = 4;

const navigator = root.navigator || {};

export interface CarrierEvents extends CoreEvents {
  /** The first byte came over this transport. `why` it is not a better one; empty when that has been told. */
  carried(transport: string, why: string): void;
}

export interface Carrier {
  /**
   * The session is there; until then all waits. `why` the browser's own WebSocket does not carry it; transports that
   * turn out not to work are added to `skip`.
   */
  begin(place: Place, names: string[], why: string, skip: string[]): void;
  /** A message of a frame's type, of bytes or a Blob; or the page's close. */
  send(type: number, data: any): void;
  /** Ends it without a word to the page. */
  stop(): void;
}

export function carry(on: CarrierEvents): Carrier {
  const core = makeCore(on);
  let place: Place;
  /** Names of transports; the first carries. */
  let list: string[];
  let why: string;
  let skip: string[];
  /** Names of transports that have delivered, and the one that did so last. */
  const proven: { [name: string]: boolean } = {};
  let carrying = '';
  let ended = false;

  let receiver: Receiver | null;
  /** Names the receiver; late words of an older one are not heard. */
  let turn = 0;
  /** Of the receiver: until it counts as broken; without one: until the next. */
  let timer: any;
  let ttl: number;
  let failures = 0;
  /** When the relay was last heard. */
  let last: number;

  /** Stops the request that sends, or the pause before its repeat. */
  let sending: Stop | null;
  let sendFailures = 0;
  let bodyBytes = BODY_BYTES_MAX;
  let ackTimer: any;
  let unacked = 0;
  /** The relay takes no more units. */
  let shut = false;

  function current(): Transport {
    return transports[list[0]] as Transport;
  }

  function url(path: string): string {
    return sessionUrl(place, path, core.received);
  }

  /** How long the session is to live without a request, ms. A page that is hidden may be put to sleep. */
  function patience(): number {
    return page && page.hidden ? place.pause_max : place.idle;
  }

  // --- Down -------------------------------------------------------------------------------------------------

  function receive(): void {
    halt();
    const name = list[0];
    const transport = current();
    const mine = turn;
    const began = now();
    const streams = transport.call && transport.patience;
    const onTrial = streams && !proven[name];
    const beat = onTrial ? TRIAL_TTL_MS : ttl;
    // Less than the session lives without a request: what is lost can be asked for again.
    const margin = beat + place.idle / 6 + 4 * place.rtt;

    /** Whether it is still this receiver that speaks. */
    function speaks(): boolean {
      return mine == turn;
    }
    function watch(ms: number) {
      clearTimeout(timer);
      timer = setTimeout(function () {
        broken('', onTrial ? 'buffered' : 'failed');
      }, ms);
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
      heard: function (idle) {
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
        if (!speaks() || message.type == IDLE) return;
        proven[name] = true;
        shut = shut || !!message.code;
        unacked += (message.data || '').length;
        if (!core.unit(number, message)) failed();
        else if (streams)
          if (unacked > ACK_BYTES) pump(true);
          else if (!ackTimer)
            ackTimer = setTimeout(function () {
              ackTimer = 0;
              pump(true);
            }, ACK_MS);
      },
      acked: function (number) {
        if (!speaks()) return;
        core.acked(number);
        pump();
      },
      over: function (empty) {
        // Should another receiver of ours have taken its place, they must not chase each other.
        if (!speaks()) return;
        halt();
        if (empty && now() - began < CHASE_MS) timer = setTimeout(receive, CHASE_MS);
        else receive();
      },
      failed: failed,
    };
    watch(!proven[name] && transport.patience && list[1] ? Math.max(transport.patience, 4 * place.rtt) : margin);
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
    if (receiver) receiver();
    receiver = null;
  }

  function broken(code: string | undefined, word: string): void {
    const name = list[0];
    if (code == 'gone' || now() - last > (carrying ? patience() * 1.2 : FIRST_MS)) return lost();
    if (failures++ % 2)
      place.call(place.router + '/alive/' + place.socket + '?v=1', null, SEND_MS, function (answer) {
        if (answer.alive === false) lost();
      });
    if (!proven[name]) skip.push(name);
    if (word == 'buffered') skip.push('sse');
    if (!proven[name] || failures % FAILURES_MAX == 0) change(word);
    // Is the session still there?
    pump(true);
    halt();
    timer = setTimeout(receive, failures > list.length ? backoff(failures) : 0);
  }

  /** On to the next transport. */
  function change(word: string): void {
    list.push(list.shift()!);
    // Who holds back one kind of stream holds back the other.
    if (word == 'buffered' && list[0] == 'sse') list.push(list.shift()!);
    // Before anything came, the reason is still why it is carried at all.
    if (carrying || word == 'buffered') why = word;
    unsend();
  }

  function backoff(count: number): number {
    return Math.min(RETRY_MS_MAX, RETRY_MS_MIN * count * count) * (0.5 + Math.random() / 2);
  }

  // --- Up ---------------------------------------------------------------------------------------------------

  /** Sends frames from the first unit that is not acked, at least one; or only an ack. Without `done` for good. */
  function post(ack: boolean, done?: (size: number) => Done): Stop | void {
    const call = current().call || place.call;
    const posts = call.posts;
    let target = url('s');
    let body: any = posts ? '' : null;
    let frames = '';
    let unit;
    const bytesMax = posts ? bodyBytes : Math.min(bodyBytes, ((URL_MAX - target.length) * 3) / 4);
    for (let n = core.first; !shut && n - core.first < BODY_UNITS_MAX && (unit = core.frame(n)); n++) {
      if (frames && frames.length + unit.length > bytesMax) break;
      frames += unit;
    }
    if (frames) {
      target += '&t=f&n=' + core.first;
      // What has XDomainRequest only has no buffers.
      if (posts && hasBuffers) body = toBuffer(frames);
      else {
        body = toBase64(frames);
        target += posts ? '&e=64' : '&d=' + body;
      }
    } else if (!ack) return;
    clearTimeout(ackTimer);
    ackTimer = unacked = 0;
    if (!done && navigator.sendBeacon) navigator.sendBeacon(target, posts ? body : '');
    else return call(target, body, SEND_MS, done ? done(frames.length) : nothing);
  }

  function pump(ack?: boolean): void {
    if (ended || !place) return;
    if (receiver && receiver.pump) return receiver.pump();
    if (sending || !current().call) return;
    sending = post(!!ack, function (size) {
      return function (answer) {
        const code = answer.code;
        sending = null;
        if (answer.ok) {
          last = now();
          sendFailures = 0;
          bodyBytes = Math.min(bodyBytes + size / 16, BODY_BYTES_MAX);
          core.acked(answer.ack);
          pump();
        } else if (code == 'gone') lost();
        else if (SHUT.test(code!)) shut = true;
        else unsent(size, code);
      };
    }) as Stop;
  }

  function unsent(bytes: number, code?: string): void {
    // A word is the relay's own: nobody in between has refused anything.
    const large = !code && bytes > BODY_BYTES_MIN;
    if (large) bodyBytes = Math.max(bytes / 4, BODY_BYTES_MIN);
    else if (++sendFailures % FAILURES_MAX == 0 && !code) {
      change('failed');
      receive();
    }
    const pause = setTimeout(
      function () {
        sending = null;
        pump(true);
      },
      large ? 0 : backoff(sendFailures)
    );
    sending = function () {
      clearTimeout(pause);
    };
  }

  /** What is under way is sent anew. */
  function unsend(): void {
    if (sending) sending();
    sending = null;
  }

  // --- Sleep and wake, and the end --------------------------------------------------------------------------

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
    if (!(page && page.hidden) && now() - last < ACK_MS) return;
    unsend();
    receive();
    pump();
  }

  function leave(event: any): void {
    // A page that is kept for the way back goes on from where it is, if that is soon enough.
    if (!event.persisted) stop();
  }

  function stop(): void {
    if (ended) return;
    ended = true;
    if (!place) return;
    listen('removeEventListener');
    halt();
    unsend();
    // What the page has sent, a close behind it, and an ack: of the target's close, if that was the end.
    core.send(CLOSE, '');
    post(true);
  }

  function lost(): void {
    shut = true;
    if (!ended) on.closed(1006, '', false);
  }

  return {
    stop: stop,
    send: function (type, data) {
      if (typeof data == 'string') core.send(type, data);
      else {
        const message = core.send(type);
        const reader = new root.FileReader();
        reader.onloadend = function () {
          if (!reader.result) return lost();
          message.bytes = fromBuffer(reader.result);
          pump();
        };
        reader.readAsArrayBuffer(data);
      }
      pump();
    },
    begin: function (where, names, word, without) {
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
}
