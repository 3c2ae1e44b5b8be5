/** What can be set: for all sockets by `configure` or on the script tag, for one by its third argument. */

import { assign, page, root } from './engine';
import { NAMES } from './transports';

export interface Options {
  router: string[];
  token?: string | ((target: string, answer: (token: string) => void) => any);
  transports: string[];
  /** How long the browser's own is alone, ms. */
  headStart: number;
  /** Whether the network is asked if WebSockets deliver. */
  probe: boolean;
  /** How long it is remembered what does not work, ms. */
  remember: number;
}

let current: any = { transports: NAMES, headStart: 300, probe: true, remember: 600000 };

/** What is configured, and over it `changes`. */
export function optionsWith(changes: any): Options {
  const options = assign(assign({}, current), changes);
  options.router = list(options.router);
  options.transports = list(options.transports);
  return options;
}

/** Words of a text, or of a list. */
function list(value: any): string[] {
  return String(value || '').match(/[^\s,]+/g) || [];
}

export function configure(changes: any): void {
  current = optionsWith(changes);
}

/** Reads the tag this script came by. Returns whether it asks to be installed. */
export function readTag(): boolean {
  let tag = page && page.currentScript;
  if (page && !tag) {
    // Engines that do not tell are at the last one while they read the page.
    const tags = page.getElementsByTagName('script');
    tag = tags[tags.length - 1];
  }
  function attribute(name: string) {
    return tag && tag.getAttribute('data-' + name);
  }
  const origin = /^https?:\/\/[^\/]+/;
  configure({
    router: attribute('router') || ((tag && origin.exec(tag.src)) || origin.exec(root.location) || '')[0],
    token: attribute('token'),
    transports: attribute('transports'),
  });
  return attribute('install') != null;
}
