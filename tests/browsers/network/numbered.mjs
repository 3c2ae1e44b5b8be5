// The server's side of a comparison, over whatever connection: counts numbered texts and sends as many.

import { setTimeout as wait } from 'node:timers/promises';
import './page/tally.js';

const BURST = 25;

/**
 * `tallies` gets the tally of what came up, by the id that the page says first. `connection` is
 * `{ send, onText, onClose }`.
 */
export function serveNumbered(tallies) {
  return (connection) => {
    const tally = globalThis.makeTally();
    let wanted;
    let closed = false;
    connection.onClose(() => (closed = true));
    connection.onText((text) => {
      if (wanted) {
        tally.take(text);
        if (tally.arrived === wanted.count) connection.send('all');
        return;
      }
      wanted = JSON.parse(text);
      // A page whose first word arrives twice has two tallies; what counts is that both ends agree on one.
      tallies.set(wanted.id, [...(tallies.get(wanted.id) ?? []), tally]);
      send();
    });

    async function send() {
      const { count, spread } = wanted;
      for (let sent = 0; sent < count && !closed; ) {
        for (const end = Math.min(sent + BURST, count); sent < end; sent += 1) connection.send(String(sent));
        await wait((spread * BURST) / count + 1);
      }
    }
  };
}
