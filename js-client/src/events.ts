/** Events and exceptions: the browser's classes where they can be made, and objects with the same fields where not. */

import { assign, root } from './engine';

export interface Listener {
  type: string;
  /** A function, or an object with `handleEvent`; none for the `on…` handler, which its socket knows. */
  callback?: any;
  once?: boolean;
}

const CLASSES: { [type: string]: string } = { message: 'Message', close: 'Close' };

export function makeEvent(type: string, fields: any, target: any): any {
  try {
    const event = new root[(CLASSES[type] || '') + 'Event'](type, fields);
    if (aim(event, target)) return event;
  } catch (_) {
    // Those of this engine cannot be made.
  }
  return assign({ type: type, target: target, currentTarget: target }, fields);
}

/** Makes `target` that of the event. Returns whether it is: old WebKit takes it and forgets it. */
export function aim(event: any, target: any): boolean {
  const own = { value: target, configurable: true };
  try {
    Object.defineProperties(event, { target: own, currentTarget: own });
  } catch (_) {
    // An object like an event, in an engine that has accessors for elements only.
    event.target = event.currentTarget = target;
  }
  return event.target === target;
}

/** What the standard throws. */
export function exception(name: string, code: number, text: string): any {
  try {
    return new root.DOMException(text, name);
  } catch (_) {
    // Old engines keep that class to themselves.
    return assign(new Error(text), { name: name, code: code });
  }
}

/** Where it is in the list; -1 if it is not. A socket has no parents: capturing or not is the same. */
function find(list: Listener[], type: string, callback?: any): number {
  let i = list.length;
  while (i-- && (list[i].type != type || list[i].callback !== callback));
  return i;
}

export function addListener(list: Listener[], type: string, callback?: any, options?: any): void {
  if (find(list, type, callback) < 0)
    list.push({ type: type, callback: callback, once: options && options.once });
}

export function removeListener(list: Listener[], type: string, callback?: any): void {
  const at = find(list, type, callback);
  // It has no type from now on, so that it is not called by an event that is being told.
  if (at >= 0) list.splice(at, 1)[0].type = '';
}

/** `handlers` has the `on…` of the target. */
export function dispatch(target: any, list: Listener[], handlers: any, event: any): void {
  const type = event.type;
  const all = list.slice(0);
  let stopped = false;
  event.stopImmediatePropagation = function () {
    stopped = true;
  };
  for (let i = 0; i < all.length && !stopped; i++) {
    const listener = all[i];
    const callback = listener.callback;
    const run = callback || handlers['on' + type];
    if (listener.type != type || !run) continue;
    if (listener.once) removeListener(list, type, callback);
    try {
      if (typeof run == 'function') run.call(target, event);
      else if (callback) callback.handleEvent(event);
    } catch (error) {
      // It is no business of the other listeners: it is told as not caught.
      setTimeout(function () {
        throw error;
      }, 0);
    }
  }
}
