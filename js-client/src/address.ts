/** URLs, in engines with and without `URL`. */

import { page, root } from './engine';

/** The address that `url` has on this page; empty when it has none. */
export function absolute(url: string): string {
  if (!page) {
    try {
      return new root.URL(url, root.location).href;
    } catch (_) {
      return '';
    }
  }
  const link = page.createElement('a');
  link.href = url;
  // IE makes it absolute when it is set to what it says itself.
  link.href = link.href;
  return link.host ? link.href : '';
}

/** The address of a WebSocket as its `url` tells it; empty when it cannot be one (WHATWG, "new WebSocket"). */
export function socketAddress(url: string): string {
  // `ws` is parsed as `http` is, which every engine can.
  const http = absolute(url.replace(/^\s*ws(s?:)[\\\/]*/i, 'http$1//'));
  return /^http[^#]+$/.test(http) ? http.replace('http', 'ws') : '';
}
