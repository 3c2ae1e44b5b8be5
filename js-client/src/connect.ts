/** Connects a socket: tries, prepares, chooses, and replaces what turns out not to work while the page cannot notice. */

import { toBuffer } from './bytes';
import { Stop } from './call';
import { Carrier, carry } from './carrier';
import { Choice, Facts, Probe, State, choose } from './choose';
import { hasBuffers, now, position } from './engine';
import { drop, openNative, whyNot } from './native';
import { Options } from './options';
import { Place, release } from './place';
import { ask } from './probe';
import { create } from './router';
import { NATIVE, carriers } from './transports';
import { recall, remember } from './verdicts';

/** A WebSocket that is cut within this was cut by the network, more likely than by the target. */
const YOUNG_MS = 75000;

/** An event of the socket: the attributes that change with it, and its fields. Before it an `error` if it `failed`. */
export type Tell = (
  type: string,
  changes: { readyState?: number; [attribute: string]: any },
  fields: any,
  failed?: any
) => void;

export interface Connection {
  /** A message of a frame's type, or the close. */
  send(type: number, bytes: string): void;
  /** The page gives up before it is open. */
  fail(): void;
  /** The browser's own, where that is what carries. `use`: the page sends by it. */
  own(use?: boolean): any;
}

export function connect(
  address: string,
  protocols: string[],
  options: Options,
  tell: Tell,
  drained: (bytes: number) => void
): Connection {
  const names = options.transports;
  const all = carriers(names, []);
  const canCarry = !!all[0];
  const known = options.remember ? recall(address) : null;
  /** Names of what does not work here. */
  const skip = (known || []).slice(0);
  /** Why the browser's own does not carry. */
  let why = position(names, NATIVE) < 0 ? 'chosen' : whyNot();
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

  // --- What the page is told --------------------------------------------------------------------------------

  function open(chosen: string, extensions: string): void {
    protocol = chosen;
    opened = true;
    tell('open', { readyState: 1, protocol: chosen, extensions: extensions }, {});
  }

  function message(data: any, binary?: boolean): void {
    const origin = address.split('/', 3).join('/').replace(/\/[^\/]*@/, '/');
    tell('message', {}, { data: binary && hasBuffers ? toBuffer(data) : data, origin: origin });
  }

  function carried(transport: string, reason: string): void {
    tell('transport', { transport: transport, reason: reason }, {});
  }

  function finish(code: number, reason: string, wasClean: boolean, failed: any): void {
    over = true;
    clearTimeout(timer);
    dropNative();
    dropCarrier();
    giveBack();
    tell('close', { readyState: 3 }, { code: code, reason: reason, wasClean: wasClean }, failed);
  }

  function fail(): void {
    finish(1006, '', false, true);
  }

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
      message(event.data);
    };
    native.onerror = function () {
      erred = true;
    };
    native.onclose = function (event: any) {
      if (!adopted) return nativeGone();
      dropNative();
      const young = canCarry && event.code == 1006 && now() - began < YOUNG_MS;
      if (young && !touched) return replace('cut');
      if (young) learn(NATIVE);
      finish(event.code, event.reason, event.wasClean, erred);
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
    adopted = true;
    dropCarrier();
    if (facts.probe == Probe.Delivered) learn();
    // A probe that is still on its way may yet tell that this one is mute.
    if (facts.probe != Probe.Trying) giveBack();
    carried(NATIVE, '');
    open(native.protocol || '', native.extensions || '');
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
    if (result != Probe.None) learn(result == Probe.Silent ? NATIVE : '');
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
    if (facts.own != State.None) skip.push(NATIVE);
    why = word;
    carrier = carry({
      opened: function (chosen) {
        learn();
        dropNative();
        if (!opened) open(chosen, '');
        else if (chosen != protocol) fail();
      },
      message: message,
      closed: lost,
      drained: drained,
      carried: function (name, word) {
        why = word || why;
        if (opened) learn();
        carried(name, why);
      },
    });
  }

  /** There is a session for the carrier, or there is none. */
  function begin(): void {
    if (!place) return fail();
    // A WebSocket to the relay that does not come up, or does not last, is no way either.
    if ((stopProbe && now() - probeBegan > 100 + 2 * place.rtt) || facts.probe == Probe.Silent || why == 'cut')
      skip.push('relay');
    if (stopProbe) stopProbe();
    const list = carriers(names, skip);
    carrier!.begin(place, list[0] ? list : all, why, skip);
    place = stopProbe = null;
  }

  function lost(code: number, reason: string, wasClean: boolean, failed: any): void {
    if (opened) return finish(code, reason, wasClean, failed);
    dropCarrier();
    facts.place = State.Failed;
    decide();
  }

  function dropCarrier(): void {
    if (carrier) carrier.stop();
    carrier = null;
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
    const own = facts.own;
    if (over || opened) return;
    // The first that is truly open wins.
    const choice = !carrier ? choose(facts) : own == State.Ready && facts.probe != Probe.Silent ? Choice.Native : Choice.Wait;
    // Where everything takes long, so may the browser's own.
    const early = choice == Choice.Carry && own == State.Trying ? began + 2 * place!.rtt - now() : 0;
    if (early > 0) timer = setTimeout(decide, early);
    else if (choice == Choice.Native) adopt();
    else if (choice == Choice.Prepare) prepare();
    else if (choice == Choice.TryNative) tryNative();
    else if (choice == Choice.Fail) fail();
    else if (choice == Choice.Carry) {
      if (own == State.Ready) dropNative();
      startCarrier(own == State.Ready ? 'mute' : own == State.Trying ? 'hanging' : why);
      begin();
    }
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
    fail: fail,
    own: function (use) {
      touched = touched || !!use;
      return adopted && native;
    },
  };
}
