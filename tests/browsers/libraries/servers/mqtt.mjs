import { Aedes } from 'aedes';
import { createWebSocketStream } from 'ws';
import { startServer } from './server.mjs';

/** Emits `goodbye` with the name of each client that has disconnected as MQTT wants it. */
export async function start() {
  const broker = await Aedes.createBroker();
  return startServer({ handleProtocols: (offered) => offered.has('mqtt') && 'mqtt' }, (sockets, seen) => {
    sockets.on('connection', (socket, request) => {
      const stream = createWebSocketStream(socket);
      // A socket that was cut; the broker hears of it by its end.
      stream.on('error', () => {});
      broker.handle(stream, request);
    });
    broker.on('clientDisconnect', (client) => seen.emit('goodbye', client.id));
    return () => new Promise((resolve) => broker.close(resolve));
  });
}
