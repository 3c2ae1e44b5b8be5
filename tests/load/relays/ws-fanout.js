'use strict';

// node relays/ws-fanout.js HOST:PORT: what one says, all are told. As the README of `ws` has it ("Server broadcast").
const { WebSocketServer } = require('ws');
const { host, port } = require('./listen');

const server = new WebSocketServer({ host, port, perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('error', () => {}); // 'close' follows it
  socket.on('message', (data, isBinary) => {
    for (const client of server.clients) {
      if (client.readyState === 1) client.send(data, { binary: isBinary });
    }
  });
});
