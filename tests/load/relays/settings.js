'use strict';

// node relays/NAME.js HOST:PORT ws://UPSTREAM/
const [, , listen, upstream] = process.argv;
if (!listen || !upstream) {
  console.error('usage: node NAME.js HOST:PORT ws://UPSTREAM/');
  process.exit(64);
}
const [host, port] = listen.split(':');

module.exports = {
  host,
  port: Number(port),
  upstream,
  // Longer than any run, so that no subject spends CPU on heartbeats while
  // another does not.
  heartbeatMs: 300000,
};
