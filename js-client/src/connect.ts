/** Connects a socket: tries, prepares, chooses, and replaces what turns out not to work while the page cannot notice. */

import { Stop } from './call';
import { Carrier, carry } from './carrier';
import { Choice, Facts, Probe, State, choose } from './choose';
import { now, position } from './engine';
import { drop, openNative, whyNot } from './native';
import { Options } from './options';
import { Place, release } from './place';
import { ask } from './probe';
import { create } from './router';
import { NATIVE, carriers } from './transports';
import { recall, remember } from './verdicts';

/** A WebSocket that is cut within this was cut by the network, more likely than by the target. */
const YOUNG_MS = 75000;

/** What the socket is told. */
export interface Host {
  opened(protocol: string, extensions: string): void;
  /** Binary is an ArrayBuffer, or bytes as a string. */
  message(data: any, binary: boolean): void;
  closed(code: number, reason: string, wasClean: boolean, failed: any): void;
  drained(bytes: number): void;
  /** What carries it now, and why not the browser's own. */
  carried(transport: string, why: string): void;
}

export interface Connection {
  /** A message of a frame's type, or the close. */
  send(type: number, bytes: string): void;
  /** The page gives up before it is open. */
  fail(): void;
  /** The browser's own, where that is what carries. `use`: the page sends by it. */
  own(use?: boolean): any;
}

export function connect(address: string, protocols: string[], options: Options, host: Host): Connection {
  const names = options.transports;
  const known = options.remember ? recall(address) : null;
  /** Names of what does not work here. */
  const skip = (known || []).slice(0);
  /** Why the browser's own does not carry. */
  let why = position(names, NATIVE) < 0 ? 'chosen' : whyNot();
  const all = carriers(names, []);
  const canCarry = !!all[0];
  const facts: Facts = {
    own: State.None,
    ownLeft: !why,
    place: State.None,
    carriers: canCarry,
    probe: !known && options.probe && canCarry ? Probe.Trying : Probe.None,
    late: false,
  };
  const began = now();
  let native: any;
  let erred = false;
  let place: Place | null;
  let stopCreate: Stop | null;
  let stopProbe: Stop | null;
  let probeBegan = 0;
  let carrier: Carrier | null;
  let timer: any;
  let over = false;
  /** Told to the page. */
  let opened = false;
  let protocol: string;
  /** The browser's own is what the page has. */
  let adopted = false;
  /** The page has sent, or received: from now on nothing can be replaced unseen. */
  let touched = false;

  // --- The browser's own ------------------------------------------------------------------------------------

  function tryNative(): void {
    facts.ownLeft = false;
    facts.own = State.Trying;
    try {
      native = openNative(address, protocols);
    } catch (_) {
      return nativeGone();
    }
    native.binaryType = 'arraybuffer';
    native.onopen = function () {
      facts.own = State.Ready;
      decide();
    };
    native.onmessage = function (event: any) {
      if (!adopted) adopt();
      // It delivers, which is all that a probe could show.
      if (!touched && !known) learn();
      touched = true;
      host.message(event.data, typeof event.data != 'string');
    };
    native.onerror = function () {
      erred = true;
    };
    native.onclose = function (event: any) {
      if (adopted) cut(event);
      else nativeGone();
    };
  }

  function nativeGone(): void {
    dropNative();
    facts.own = State.Failed;
    if (!carrier) {
      why = 'refused';
      timer = setTimeout(decide, 0);
    }
  }

  function dropNative(): void {
    adopted = false;
    if (native) drop(native);
    native = null;
  }

  function adopt(): void {
    adopted = opened = true;
    protocol = native.protocol || '';
    if (carrier) carrier.stop();
    carrier = null;
    if (facts.probe == Probe.Delivered) learn();
    // A probe that is still on its way may yet tell that this one is mute.
    if (facts.probe != Probe.Trying) giveBack();
    host.carried(NATIVE, '');
    host.opened(protocol, native.extensions || '');
  }

  function cut(event: any): void {
    dropNative();
    const young = canCarry && event.code == 1006 && now() - began < YOUNG_MS;
    if (young && !touched) return replace('cut');
    if (young) learn(NATIVE);
    finish(event.code, event.reason, event.wasClean, erred);
  }

  // --- The session ------------------------------------------------------------------------------------------

  function prepare(): void {
    facts.place = State.Trying;
    stopCreate = create(options, address, protocols, function (where) {
      stopCreate = null;
      place = where;
      facts.place = where ? State.Ready : State.Failed;
      if (where && native && facts.probe == Probe.Trying) {
        probeBegan = now();
        stopProbe = ask(where, probed);
      }
      if (carrier) begin();
      else decide();
    });
  }

  function probed(result: Probe): void {
    stopProbe = null;
    facts.probe = result;
    if (result == Probe.None) skip.push('relay');
    if (!adopted) return decide();
    if (result == Probe.Silent && !touched) return replace('mute');
    if (result != Probe.None) learn(result == Probe.Silent ? NATIVE : undefined);
    giveBack();
  }

  /** Carries on by a session what the page believes to be open. */
  function replace(word: string): void {
    dropNative();
    startCarrier(word);
    if (place) begin();
    else prepare();
  }

  function startCarrier(word: string): void {
    if (position(skip, NATIVE) < 0 && facts.own != State.None) skip.push(NATIVE);
    why = word;
    carrier = carry({
      opened: function (chosen) {
        learn();
        if (!opened) host.opened((protocol = chosen), '');
        else if (chosen != protocol) lost(1006, '', false, true);
        opened = true;
        dropNative();
      },
      message: host.message,
      closed: lost,
      drained: host.drained,
      carried: function (name, word) {
        why = word || why;
        if (opened) learn();
        host.carried(name, why);
      },
    });
  }

  /** There is a session for the carrier, or there is none. */
  function begin(): void {
    if (!place) return lost(1006, '', false, true);
    // A WebSocket to the relay that does not come up, or does not last, is no way either.
    if ((stopProbe && now() - probeBegan > 100 + 2 * place.rtt) || facts.probe == Probe.Silent || why == 'cut')
      skip.push('relay');
    if (stopProbe) stopProbe();
    const list = carriers(names, skip);
    carrier!.begin(place, list[0] ? list : all, why, skip);
    place = stopProbe = null;
  }

  function lost(code: number, reason: string, wasClean: boolean, failed: any): void {
    if (carrier) carrier.stop();
    carrier = null;
    facts.place = State.Failed;
    if (opened) finish(code, reason, wasClean, failed);
    else decide();
  }

  /** A prepared session is not needed. */
  function giveBack(): void {
    if (stopCreate) stopCreate();
    if (stopProbe) stopProbe();
    if (place) release(place);
    stopCreate = stopProbe = place = null;
  }

  // --- All together -----------------------------------------------------------------------------------------

  /** What does not work is left out next time. What was only remembered is not remembered longer for it. */
  function learn(more?: string): void {
    if (more) skip.push(more);
    if (options.remember && (!known || skip.length > known.length)) remember(address, skip, options.remember);
  }

  function decide(): void {
    if (over || opened) return;
    if (carrier) {
      // The first that is truly open wins.
      if (facts.own == State.Ready && facts.probe != Probe.Silent) adopt();
      return;
    }
    const choice = choose(facts);
    // Where everything takes long, so may the browser's own.
    const early = place && facts.own == State.Trying ? began + 2 * place.rtt - now() : 0;
    if (choice == Choice.Native) adopt();
    else if (choice == Choice.Prepare) prepare();
    else if (choice == Choice.TryNative) tryNative();
    else if (choice == Choice.Fail) finish(1006, '', false, true);
    else if (choice == Choice.Carry) {
      if (early > 0) timer = setTimeout(decide, early);
      else {
        const word = facts.own == State.Ready ? 'mute' : facts.own == State.Trying ? 'hanging' : why;
        if (word == 'mute') dropNative();
        startCarrier(word);
        begin();
      }
    }
  }

  function finish(code: number, reason: string, wasClean: boolean, failed: any): void {
    over = true;
    clearTimeout(timer);
    dropNative();
    if (carrier) carrier.stop();
    giveBack();
    host.closed(code, reason, wasClean, failed);
  }

  if (!why && canCarry && position(skip, NATIVE) >= 0) why = 'remembered';
  if (why) timer = setTimeout(decide, 0);
  else {
    tryNative();
    setTimeout(function () {
      facts.late = true;
      decide();
    }, options.headStart);
    if (!known && canCarry) prepare();
  }

  return {
    send: function (type, bytes) {
      touched = true;
      if (carrier) carrier.send(type, bytes);
    },
    fail: function () {
      finish(1006, '', false, true);
    },
    own: function (use) {
      if (use) touched = true;
      return adopted && native;
    },
  };
}
