/** What can be set: for all sockets by `configure` or on the script tag, for one by its third argument. */

import { absolute } from './address';
import { assign, page, root } from './engine';
import { NAMES } from './transports';

export interface Options {
  /** Without a slash at their end. */
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

let current: any = { headStart: 300, probe: true, remember: 600000 };

/** What is configured, and over it `changes`. */
export function optionsWith(changes: any): Options {
  const options = assign(assign({}, current), changes);
  options.router = list(options.router);
  for (let i = 0; i < options.router.length; i++) options.router[i] = absolute(options.router[i]).replace(/\/$/, '');
  options.transports = list(options.transports || NAMES);
  return options;
}

/** Words of a text, or of a list. */
function list(value: any): string[] {
  return String(value || '').match(/[^\s,]+/g) || [];
}

export function configure(changes: any): void {
  current = optionsWith(changes);
}

/** Reads the tag this script came by. Returns whether it asks to be installed: by `data-install`, with or without a value. */
export function readTag(): boolean {
  const tags = page && page.getElementsByTagName('script');
  // Engines that do not tell are at the last one while they read the page. For a module the answer is null: it has no tag.
  const tag = page && (page.currentScript === undefined ? tags[tags.length - 1] : page.currentScript);
  function attribute(name: string) {
    return tag && tag.getAttribute('data-' + name);
  }
  configure({
    router: attribute('router') || (/^https?:\/\/[^\/]+/.exec((tag && tag.src) || root.location) || '')[0],
    token: attribute('token'),
    transports: attribute('transports'),
  });
  return attribute('install') != null;
}
