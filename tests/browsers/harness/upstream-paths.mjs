// What the upstream does, by path. `connection` is a socket of npm `ws`.

const number = (url, name, otherwise) => Number(url.searchParams.get(name) ?? otherwise);

/** A server that answers in kind, and does as it is told by the texts `close …` and `kill`. */
function echo(connection) {
  connection.on('message', (data, binary) => {
    const text = binary || data.length > 200 ? '' : data.toString();
    const close = /^close(?: (\d+)(?: (.*))?)?$/s.exec(text);
    if (close) connection.close(close[1] && Number(close[1]), close[2]);
    else if (text === 'kill') connection.terminate();
    else connection.send(data, { binary });
  });
}

/** Counts what comes in; `report` asks for the count. Messages are the numbers from 0. */
function collect(connection) {
  const seen = { count: 0, bytes: 0, inOrder: true };
  connection.on('message', (data) => {
    const text = data.toString();
    if (text === 'report') return connection.send(JSON.stringify(seen));
    if (Number.parseInt(text, 10) !== seen.count) seen.inOrder = false;
    seen.count += 1;
    seen.bytes += data.length;
  });
}

export const PATHS = {
  '/echo': echo,
  '/watched': echo,
  '/protocol': echo,
  '/collect': collect,

  '/headers': (connection, { request }) => {
    connection.send(JSON.stringify({ url: request.url, headers: request.headers }));
    echo(connection);
  },

  '/burst': (connection, { url }) => {
    const bytes = number(url, 'bytes', 0);
    for (let n = 0; n < number(url, 'n', 100); n += 1) connection.send(`${n} `.padEnd(bytes, '.'));
    echo(connection);
  },

  '/greet': (connection, { url }) => {
    connection.send(url.searchParams.get('text') ?? 'hello');
    echo(connection);
  },

  '/close': (connection, { url }) => {
    const code = url.searchParams.get('code');
    if (code) connection.close(Number(code), url.searchParams.get('reason') ?? '');
    else connection.close();
  },

  '/last-close': (connection, { url, upstream }) => {
    const id = url.searchParams.get('id');
    // The close may still be on its way through the relay: the answer waits for it.
    connection.on('message', async () => {
      const close = await upstream.until(() => upstream.closes.get(id)).catch((error) => ({ error: String(error) }));
      connection.send(JSON.stringify(close));
    });
  },

  '/die': (connection, { url }) => {
    const timer = setTimeout(() => connection.terminate(), number(url, 'ms', 0));
    connection.on('close', () => clearTimeout(timer));
    echo(connection);
  },
};

/** Paths that never open. */
export const REFUSALS = {
  '/refuse': (socket, url) => {
    socket.end(`HTTP/1.1 ${number(url, 'status', 403)} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  },
  '/hang': () => {},
  '/reset': (socket) => socket.resetAndDestroy(),
};
