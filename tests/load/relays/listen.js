'use strict';

// node relays/NAME.js HOST:PORT
const [, , listen] = process.argv;
if (!listen) {
  console.error('usage: node NAME.js HOST:PORT');
  process.exit(64);
}
const [host, port] = listen.split(':');

module.exports = { host, port: Number(port) };
