/** Requests with an answer. Two ways to make them; what is sent and what comes back is the same. */

/** What a router or a relay answers; empty when there was no answer that could be read. */
export interface Answer {
  ok?: boolean;
  code?: string;
  [field: string]: any;
}

export type Done = (answer: Answer) => void;

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
 * The end of a request, which comes once: with its answer, or with nothing when it is stopped. `clean` forgets the
 * request.
 */
export function once(timeout: number, done: Done, clean: () => void): (answer?: Answer) => void {
  let over = false;
  const timer: any =
    timeout &&
    setTimeout(function () {
      finish({});
    }, timeout);
  function finish(answer?: Answer) {
    if (over) return;
    over = true;
    clearTimeout(timer);
    clean();
    if (answer) done(answer);
  }
  return finish;
}
