/** Connects a socket: tries, prepares, chooses, and replaces what turns out not to work while the page cannot notice. */

import { toBuffer } from './bytes';
import { Stop } from './call';
import { Carrier, carry } from './carrier';
import { Probe, State, choose } from './choose';
import { hasBuffers, nothing, now, position } from './engine';
import { drop, openNative, whyNot } from './native';
import { Options } from './options';
import { Place, release } from './place';
import { ask } from './probe';
import { create } from './router';
import { NATIVE, carriers } from './transports';
import { recall, remember } from './verdicts';

/** A WebSocket that is cut within this was cut by the network, more likely than by the target. */
const YOUNG_MS = 75000;

/** How long the browser's own is alone with the probe before a session is prepared. */
const PREPARE_MS = 50;

/** How long one may deliver nothing where another was mute, once the page has sent. */
const MUTE_MS = 5000;

/** Why it is left for a session, by its state. */
const WHY = ['', 'hanging', 'mute'];

/**
 * An event of the socket, with its fields, and the `readyState` it brings; if that is the last, before it an `error` if
 * it `failed`. The fields of `open` and `transport` are attributes of the socket.
 */
export type Tell = (type: string, fields: any, readyState?: number, failed?: boolean) => void;

export interface Connection {
  /** A message of a frame's type, of bytes or a Blob; or the page's close. */
  send(type: number, data: any): void;
  /** The page gives up before it is open. */
  fail(): void;
  /** The browser's own, where that is what carries. `use`: 1 when the page sends by it, 2 when it closes it. */
  own(use?: number): any;
}

export function connect(
  address: string,
  protocols: string[],
  options: Options,
  tell: Tell,
  drained: (bytes: number) => void
): Connection {
  const names = options.transports;
  const router = options.router[0];
  const all = carriers(names, []);
  const canCarry = !!(router && all[0]);
  const origin = address.split('/', 3).join('/');
  const known = options.remember ? recall(origin) : null;
  /** Names of what does not work here. */
  const skip = (known || []).slice(0);
  /** Why the browser's own does not carry. */
  let why = position(names, NATIVE) < 0 ? 'chosen' : whyNot();
  const began = now();
  /** The browser's own, how it is, and whether it has still to be tried. */
  let native: any;
  let own = State.None;
  let ownLeft = !why;
  let erred = false;
  /** The head start of the browser's own is over. */
  let late = false;
  /** The session at the relay, while nobody carries it. */
  let place: Place | null;
  let placed = State.None;
  let stopCreate: Stop = nothing;
  let probe = known ? Probe.None : Probe.Late;
  let stopProbe: Stop = nothing;
  let carrier: Carrier | null;
  /** The page has been told that it is open, or that it will never be. */
  let decided = false;
  let protocol: string;
  /** The browser's own is what the page has. */
  let adopted = false;
  /** The page has sent, or received: from now on nothing can be replaced unseen. */
  let touched = false;
  /** The page has closed it. */
  let closing = false;

  // --- What the page is told --------------------------------------------------------------------------------

  function open(chosen: string, extensions: string): void {
    protocol = chosen;
    decided = true;
    tell('open', { protocol: chosen, extensions: extensions }, 1);
  }

  function message(data: any, binary?: boolean): void {
    tell('message', { data: binary && hasBuffers ? toBuffer(data) : data, origin: origin });
  }

  function carried(transport: string, reason: string): void {
    tell('transport', { transport: transport, reason: reason });
  }

  function finish(code: number, reason: string, wasClean: boolean, failed?: boolean): void {
    decided = true;
    dropNative();
    dropCarrier();
    stopProbe();
    giveBack();
    tell('close', { code: code, reason: reason, wasClean: wasClean }, 3, failed);
  }

  function fail(): void {
    finish(1006, '', false, true);
  }

  // --- The browser's own ------------------------------------------------------------------------------------

  function tryNative(): void {
    ownLeft = false;
    own = State.Trying;
    native = openNative(address, protocols);
    native.binaryType = 'arraybuffer';
    native.onopen = function () {
      own = State.Ready;
      decide();
      // The probe began when this did, and takes about as long.
      setTimeout(function () {
        if (probe == Probe.Trying) probe = Probe.Late;
        decide();
      }, now() - began + options.headStart);
    };
    native.onmessage = function (event: any) {
      if (!adopted) adopt();
      touched = true;
      if (probe < Probe.Delivered) {
        // It delivers, which is all that a probe could show.
        probe = Probe.Delivered;
        settle();
      }
      message(event.data);
    };
    native.onerror = function () {
      erred = true;
      // Chromium says no more than this of one that the page's CSP forbids.
      if (!adopted) native.onclose();
    };
    native.onclose = function (event: any) {
      const was = adopted;
      dropNative();
      if (!was) {
        own = State.Failed;
        if (!carrier) why = 'refused';
        return decide();
      }
      const young = canCarry && !closing && event.code == 1006 && now() - began < YOUNG_MS;
      if (young && !touched) return replace('cut');
      if (young) learn(NATIVE);
      finish(event.code, event.reason, event.wasClean, erred);
    };
  }

  function dropNative(): void {
    // What it had to send stays in the sum.
    if (adopted) drained(-native.bufferedAmount);
    adopted = false;
    if (native) drop(native);
    native = null;
  }

  function adopt(): void {
    adopted = true;
    dropCarrier();
    carried(NATIVE, '');
    open(native.protocol || '', native.extensions || '');
    // Not before the page has been told.
    setTimeout(function () {
      if (adopted) settle();
    }, 0);
  }

  /** The browser's own carries. A probe that is late may yet tell that it is mute. */
  function settle(): void {
    if (probe == Probe.Delivered) {
      stopProbe();
      learn();
    }
    giveBack();
  }

  // --- The session ------------------------------------------------------------------------------------------

  function prepare(): void {
    placed = State.Trying;
    stopCreate = create(options, address, protocols, function (where) {
      place = where;
      placed = where ? State.Ready : State.Failed;
      if (carrier) begin();
      else decide();
    });
  }

  function probed(result: Probe): void {
    probe = result;
    if (!adopted) return decide();
    if (result == Probe.Silent) {
      if (!touched) return replace('mute');
      learn(NATIVE);
      // What the page has sent is lost; what it waits for would never come.
      setTimeout(function () {
        if (adopted && probe == Probe.Silent) fail();
      }, MUTE_MS);
    }
    settle();
  }

  /** Carries on by a session what the page believes to be open. */
  function replace(word: string): void {
    dropNative();
    startCarrier(word);
    prepare();
  }

  function startCarrier(word: string): void {
    if (own != State.None) skip.push(NATIVE);
    why = word;
    carrier = carry({
      opened: function (chosen) {
        learn();
        dropNative();
        if (!decided) open(chosen, '');
        else if (chosen != protocol) fail();
      },
      message: message,
      closed: lost,
      drained: drained,
      carried: function (name, word) {
        why = word || why;
        if (decided) learn();
        carried(name, why);
      },
    });
  }

  /** There is a session for the carrier, or there is none. */
  function begin(): void {
    if (!place) return fail();
    stopProbe();
    // A WebSocket to the relay would fare as the probe, or as the browser's own, did.
    const hangs = probe == Probe.Trying && now() - began > 100 + 2 * place.rtt;
    if (hangs || probe == Probe.Silent || probe == Probe.Refused || why == 'cut') skip.push('relay');
    const list = carriers(names, skip);
    carrier!.begin(place, list[0] ? list : all, why, skip);
    place = null;
  }

  function lost(code: number, reason: string, wasClean: boolean): void {
    if (decided) return finish(code, reason, wasClean);
    dropCarrier();
    placed = State.Failed;
    decide();
  }

  function dropCarrier(): void {
    if (carrier) carrier.stop();
    carrier = null;
  }

  /** A prepared session is not needed. */
  function giveBack(): void {
    stopCreate();
    if (place) release(place);
    place = null;
  }

  // --- All together -----------------------------------------------------------------------------------------

  /** What does not work is left out next time. What was only remembered is not remembered longer for it. */
  function learn(more?: string): void {
    if (more) skip.push(more);
    if (options.remember && (!known || skip.length > known.length)) remember(origin, skip, options.remember);
  }

  function decide(): void {
    if (!decided)
      [nothing, adopt, startCarrying, prepare, tryNative, fail][
        choose(own, ownLeft, placed, canCarry, !!carrier, probe, late)
      ]();
  }

  function startCarrying(): void {
    // Where everything takes long, so may the browser's own.
    const early = own == State.Trying ? began + 2 * place!.rtt - now() : 0;
    if (early > 0) setTimeout(decide, early);
    else {
      startCarrier(WHY[own] || why);
      begin();
    }
  }

  if (!why && canCarry && position(skip, NATIVE) >= 0) why = 'remembered';
  if (!why) {
    tryNative();
    setTimeout(function () {
      late = true;
      decide();
    }, options.headStart);
    if (!known && canCarry) {
      if (options.probe) {
        probe = Probe.Trying;
        stopProbe = ask(router, probed);
      }
      // Not at once: what is beside it makes the browser's own slower.
      setTimeout(function () {
        if (!decided && placed == State.None) prepare();
      }, PREPARE_MS);
    }
  } else decide();

  return {
    send: function (type, data) {
      if (carrier) carrier.send(type, data);
    },
    fail: fail,
    own: function (use) {
      if (use) touched = true;
      closing = closing || use == 2;
      return adopted && native;
    },
  };
}
