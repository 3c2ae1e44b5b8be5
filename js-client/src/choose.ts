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

/** What a WebSocket to the router has shown of this network. */
export const enum Probe {
  /** It opened, and nothing came. */
  Silent,
  /** Nothing yet. */
  Trying,
  /** Nothing yet, and nobody waits for it longer. */
  Late,
  Delivered,
  /** It did not open: that says nothing of one that does. */
  Refused,
  /** Nobody asks. */
  None,
}

/** In the order in which `connect` has what is done for each. */
export const enum Choice {
  Wait,
  Native,
  Carry,
  Prepare,
  TryNative,
  Fail,
}

/**
 * `own` is the browser's, and may be tried if it is `ownLeft`; `place` is the session at the relay, of use where there is
 * a way to carry it (`canCarry`), and perhaps already on its way (`carrying`): then the first that is truly open wins.
 * `late`: the head start of the browser's own is over.
 */
export function choose(
  own: State,
  ownLeft: boolean,
  place: State,
  canCarry: boolean,
  carrying: boolean,
  probe: Probe,
  late: boolean
): Choice {
  const ready = own == State.Ready;
  if (ready && (place == State.Failed || probe > Probe.Trying)) return Choice.Native;
  if (carrying || (ready && probe == Probe.Trying) || (own == State.Trying && !(late && canCarry))) return Choice.Wait;
  if (place == State.Ready) return Choice.Carry;
  if (place == State.None && canCarry) return Choice.Prepare;
  if (place == State.Trying || own == State.Trying) return Choice.Wait;
  return ownLeft ? Choice.TryNative : Choice.Fail;
}
