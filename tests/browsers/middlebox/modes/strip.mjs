// Filters that take header fields out.

/** No cookie passes, either way. */
export function stripCookies() {
  const strip = (exchange, next, { counts }) => {
    counts.add('cookies stripped', exchange.head.remove((name) => name === 'cookie'));
    exchange.editAnswer((head) => counts.add('cookies stripped', head.remove((name) => name === 'set-cookie')));
    return next();
  };
  return { request: strip, upgrade: strip };
}

/** No answer keeps its CORS fields, so that pages of other origins can read scripts only. */
export const stripCors = () => ({
  request(exchange, next, { counts }) {
    exchange.editAnswer((head) => {
      const gone = head.remove((name) => name.startsWith('access-control-'));
      if (gone > 0) counts.add('CORS answers stripped');
    });
    return next();
  },
});
