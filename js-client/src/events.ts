/** Events and exceptions: the browser's classes where they can be made, and objects with the same fields where not. */

import { assign, nothing, position, root } from './engine';

export interface Listener {
  type: string;
  /** A function, or an object with `handleEvent`; none for the `on…` handler, which its socket knows. */
  callback?: any;
  once?: boolean;
}

const CLASSES: { [type: string]: string } = { message: 'MessageEvent', close: 'CloseEvent' };

export function makeEvent(type: string, fields: any, target: any): any {
  let event: any;
  try {
    event = new root[CLASSES[type] || 'Event'](type, fields);
    Object.defineProperty(event, 'target', { value: target });
    Object.defineProperty(event, 'currentTarget', { value: target });
  } catch (_) {
    // The events of this engine cannot be made, or belong to elements only.
    event = assign({ type: type, target: target, currentTarget: target, preventDefault: nothing }, fields);
  }
  return event;
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
export function find(list: Listener[], type: string, callback?: any): number {
  let i = list.length;
  while (i-- && (list[i].type != type || list[i].callback !== callback));
  return i;
}

export function addListener(list: Listener[], type: string, callback?: any, options?: any): void {
  if (find(list, type, callback) < 0)
    list.push({ type: type, callback: callback, once: options && options.once });
}

/** `handlers` has the `on…` of the target. */
export function dispatch(target: any, list: Listener[], handlers: any, event: any): void {
  const all = list.slice(0);
  let stopped = false;
  event.stopImmediatePropagation = function () {
    stopped = true;
  };
  for (let i = 0; i < all.length && !stopped; i++) {
    const listener = all[i];
    const at = position(list, listener);
    const callback = listener.callback || handlers['on' + event.type];
    // It may have been removed by one before it.
    if (listener.type != event.type || at < 0 || !callback) continue;
    if (listener.once) list.splice(at, 1);
    try {
      callback.handleEvent ? callback.handleEvent(event) : callback.call(target, event);
    } catch (error) {
      rethrow(error);
    }
  }
}

/** An error of one listener is no business of the others: it is told as not caught. */
function rethrow(error: any): void {
  setTimeout(function () {
    throw error;
  }, 0);
}
