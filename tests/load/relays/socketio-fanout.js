'use strict';

// node relays/socketio-fanout.js HOST:PORT: what one says, all are told.
const http = require('http');
const { Server } = require('socket.io');
const { host, port } = require('./listen');

const server = http.createServer();
const io = new Server(server, {
  transports: ['websocket'],
  perMessageDeflate: false,
  serveClient: false,
  // Longer than any run, so that no subject spends CPU on heartbeats while another does not.
  pingInterval: 300000,
});
io.on('connection', (socket) => {
  socket.on('m', (text) => io.emit('m', text));
});
server.listen(port, host);
