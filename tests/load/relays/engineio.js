'use strict';

const http = require('http');
const engine = require('engine.io');
const { openUpstream } = require('./upstream');
const { host, port, upstream, heartbeatMs } = require('./settings');

const server = http.createServer();
const relay = engine.attach(server, {
  transports: ['polling'],
  allowUpgrades: false,
  httpCompression: false,
  pingInterval: heartbeatMs,
});

relay.on('connection', (session) => {
  const target = openUpstream(
    upstream,
    (data) => session.send(data),
    () => session.close(),
  );
  session.on('message', (data) => target.send(data));
  session.on('close', () => target.close());
});

server.listen(port, host);
