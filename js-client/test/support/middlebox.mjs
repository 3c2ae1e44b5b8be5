// What stands between browser and network, and does something to WebSockets.

import net from 'node:net';

/**
 * A TCP proxy to `origin`. `mode`: 'pass', 'refuse' (403), 'reset', 'hang', 'mute' (the handshake passes, nothing after
 * it), { cutAfter } or { delay } in ms.
 */
export async function startMiddlebox(origin, mode) {
  const { hostname, port } = new URL(origin);
  const open = new Set();
  const box = { mode, connections: 0 };
  const server = net.createServer((client) => {
    box.connections++;
    open.add(client);
    client.on('close', () => open.delete(client));
    client.on('error', () => {});
    client.once('data', (head) => {
      const mode = box.mode;
      if (mode === 'refuse') return client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
      if (mode === 'reset') return client.destroy();
      if (mode === 'hang') return;
      const upstream = net.connect(Number(port), hostname);
      open.add(upstream);
      upstream.on('close', () => {
        open.delete(upstream);
        if (mode !== 'mute') client.destroy();
      });
      upstream.on('error', () => {});
      client.on('close', () => upstream.destroy());
      const pass = () => upstream.write(head);
      if (mode.delay) setTimeout(pass, mode.delay);
      else pass();
      if (mode === 'mute') {
        upstream.once('data', (answer) => {
          const end = answer.indexOf('\r\n\r\n') + 4;
          client.write(answer.subarray(0, end));
        });
        client.on('data', () => {});
        return;
      }
      upstream.pipe(client);
      client.pipe(upstream);
      if (mode.cutAfter !== undefined)
        setTimeout(() => {
          client.destroy();
          upstream.destroy();
        }, mode.cutAfter);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  box.port = server.address().port;
  box.stop = () => {
    for (const socket of open) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  };
  return box;
}
