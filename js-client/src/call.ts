/** Requests with an answer. Two ways to make them; what is sent and what comes back is the same. */

/** What a router or a relay answers. */
export interface Answer {
  ok: boolean;
  code?: string;
  [field: string]: any;
}

/** Null when there was no answer that could be read. */
export type Done = (answer: Answer | null) => void;

/** Forgets the request; `done` is not called any more. */
export type Stop = () => void;

/**
 * GET, or POST when there is a `body`. After `timeout` ms without an answer it counts as lost; without a `timeout` the
 * caller watches it.
 */
export interface Call {
  (url: string, body: any, timeout: number, done: Done): Stop;
  /** Has bodies; otherwise all is in the URL. */
  posts?: boolean;
}

/**
 * The end of a request, which comes once: with its answer, with null when it failed or `timeout` is over, with nothing
 * when it is stopped. `clean` forgets the request.
 */
export function once(timeout: number, done: Done, clean: () => void): (answer?: Answer | null) => void {
  let over = false;
  const timer =
    timeout &&
    setTimeout(function () {
      finish(null);
    }, timeout);
  function finish(answer?: Answer | null) {
    if (over) return;
    over = true;
    clearTimeout(timer as any);
    clean();
    if (answer !== undefined) done(answer);
  }
  return finish;
}
