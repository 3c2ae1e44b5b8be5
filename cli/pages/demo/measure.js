// Figures of a conversation: round trips and messages a second. No clock and no page: times are passed in, in ms.

/** A median over the last so many is calm, and still follows a network that changes. */
const ROUND_TRIPS_MAX = 40;
/** A rate is of the last so many ms. */
const RATE_MS = 2000;
/** What has not come back by now will not, and is not waited for. */
const LOST_MS = 30_000;

export function median(values) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export class Measure {
  /** The last round trips, ms, the newest at the end. */
  roundTrips = [];
  /** Own messages that have come back. */
  echoed = 0;
  #sent = new Map();
  #arrivals = [];

  get pending() {
    return this.#sent.size;
  }

  /** For how long the oldest message has not come back, ms. */
  waits(now) {
    const [oldest] = this.#sent.values();
    return oldest === undefined ? 0 : now - oldest;
  }

  sent(text, now) {
    for (const [old, at] of this.#sent) {
      if (now - at < LOST_MS) break;
      this.#sent.delete(old);
    }
    // Of two alike the first that comes back is for the first.
    if (!this.#sent.has(text)) this.#sent.set(text, now);
  }

  /** Gives the round trip if it was one of ours, else null. */
  received(text, now) {
    this.#arrivals.push(now);
    const at = this.#sent.get(text);
    if (at === undefined) return null;
    this.#sent.delete(text);
    this.echoed += 1;
    this.roundTrips.push(now - at);
    if (this.roundTrips.length > ROUND_TRIPS_MAX) this.roundTrips.shift();
    return now - at;
  }

  /** Messages received a second. */
  rate(now) {
    const since = this.#arrivals.findIndex((at) => at > now - RATE_MS);
    this.#arrivals.splice(0, since < 0 ? this.#arrivals.length : since);
    return this.#arrivals.length / (RATE_MS / 1000);
  }
}
