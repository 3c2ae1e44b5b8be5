import { Server } from 'socket.io';
import { startServer } from './server.mjs';

export function start() {
  return startServer(null, (_sockets, seen, http) => {
    const server = new Server(http, { transports: ['websocket'], pingInterval: 300 });
    server.on('connection', (socket) => {
      socket.on('greet', (name, answer) => answer(`hello ${name}`));
      socket.on('binary', (given, answer) => answer(given));
      socket.on('number', (n) => socket.emit('number', n));
      socket.on('cut me', () => socket.conn.close());
      socket.on('dismiss me', () => socket.disconnect(true));
    });
    server.of('/admin').use((socket, next) => next(socket.handshake.auth.token === 'right' ? null : new Error('who are you?')));
    return () => server.close();
  });
}
