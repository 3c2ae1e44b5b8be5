// The engines, all with one interface: `open(url, { onConsole, shared })` gives a tab, `stop()` ends it.

import { launchModern } from './modern.mjs';

export const MODERN = ['chromium', 'firefox'];
export const OLD = ['phantomjs2', 'phantomjs1', 'khtml'];
export const ENGINES = [...MODERN, ...OLD];

/** `proxy` is `host:port` of an HTTP proxy for everything, loopback addresses included. */
export async function launch(name, options = {}) {
  if (MODERN.includes(name)) return launchModern(name, options);
  if (!OLD.includes(name)) throw new Error(`there is no engine ${name}; there are ${ENGINES.join(', ')}`);
  const { launchOld } = await import('./old.mjs');
  return launchOld(name, options);
}
