'use strict';

const http = require('http');
const sockjs = require('sockjs');
const { openUpstream } = require('./upstream');
const { host, port, upstream, heartbeatMs } = require('./settings');

const relay = sockjs.createServer({
  websocket: false,
  heartbeat_delay: heartbeatMs,
  log: () => {},
});

relay.on('connection', (session) => {
  const target = openUpstream(
    upstream,
    (data) => session.write(data),
    () => session.close(),
  );
  session.on('data', (data) => target.send(data));
  session.on('close', () => target.close());
});

const server = http.createServer();
relay.installHandlers(server, { prefix: '/echo' });
server.listen(port, host);
