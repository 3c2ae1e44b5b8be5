/**
 * Which way a socket goes: the browser's own WebSocket or a carried session. Pure: it is asked again whenever something
 * has happened.
 */

export const enum State {
  /** Not begun. */
  None,
  Trying,
  /** Open; or, of a session, prepared. */
  Ready,
  Failed,
}

/** What asking the relay for a byte over a WebSocket has shown. */
export const enum Probe {
  /** Nothing: no reason to distrust. */
  None,
  Trying,
  /** It opened, and delivers nothing. */
  Silent,
  Delivered,
}

export const enum Choice {
  Wait,
  Native,
  Carry,
  Prepare,
  TryNative,
  Fail,
}

export interface Facts {
  /** The browser's own. */
  own: State;
  /** It has not been tried, and may be. */
  ownLeft: boolean;
  /** The session at the relay. */
  place: State;
  /** There are transports for one. */
  carriers: boolean;
  probe: Probe;
  /** The head start of the browser's own is over. */
  late: boolean;
}

export function choose(facts: Facts): Choice {
  const own = facts.own;
  const place = facts.place;
  const probe = facts.probe;
  if (own == State.Ready) {
    if (probe == Probe.Silent && place == State.Ready) return facts.late ? Choice.Carry : Choice.Wait;
    return probe == Probe.Trying && place != State.Failed && !facts.late ? Choice.Wait : Choice.Native;
  }
  if (own == State.Trying && (!facts.late || !facts.carriers)) return Choice.Wait;
  if (place == State.Ready) return Choice.Carry;
  if (place == State.None && facts.carriers) return Choice.Prepare;
  if (place == State.Trying || own == State.Trying) return Choice.Wait;
  return facts.ownLeft ? Choice.TryNative : Choice.Fail;
}
