// MQTT.js: a binary protocol as a stream of bytes over messages, the subprotocol mqtt, three qualities of service.

import mqtt from 'mqtt';

const { target } = window.report.query;
const COUNT = 60;
const LARGE = 100_000;

function payload(number) {
  const bytes = new Uint8Array(number === 0 ? LARGE : number % 7);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = number + at * 3;
  return bytes;
}

const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

async function converse() {
  const options = { reconnectPeriod: 0, protocolVersion: 4 };
  const listener = await mqtt.connectAsync(target, { ...options, clientId: 'listener' });
  const speaker = await mqtt.connectAsync(target, {
    ...options,
    clientId: 'speaker',
    will: { topic: 'last/words', payload: 'of the speaker', qos: 1 },
  });
  await listener.subscribeAsync(['numbers/+', 'last/words'], { qos: 2 });

  // Messages of one quality keep their order; those of another may overtake them.
  const orders = [[], [], []];
  let count = 0;
  let wrong = 0;
  const all = new Promise((resolve) => {
    listener.on('message', (topic, bytes) => {
      if (!topic.startsWith('numbers/')) return;
      const number = Number(topic.slice('numbers/'.length));
      if (!same(bytes, payload(number))) wrong += 1;
      orders[number % 3].push(number);
      count += 1;
      if (count === COUNT) resolve();
    });
  });
  for (let n = 0; n < COUNT; n += 1) {
    await speaker.publishAsync(`numbers/${n}`, payload(n), { qos: n % 3 });
  }
  await all;

  await speaker.publishAsync('kept', 'retained', { retain: true, qos: 1 });
  // The broker may still be telling it to who subscribes now: that copy is not the one that was kept.
  const retained = new Promise((resolve) => {
    listener.on('message', (topic, bytes, { retain }) => topic === 'kept' && retain && resolve(`${bytes} ${retain}`));
  });
  await listener.subscribeAsync('kept');

  const will = new Promise((resolve) => {
    listener.on('message', (topic, bytes) => topic === 'last/words' && resolve(String(bytes)));
  });
  // Ends the socket without a word of MQTT, so that the broker says its will.
  await speaker.endAsync(true);
  const inOrder = orders.every((order, quality) => order.every((number, at) => number === at * 3 + quality));
  const result = { inOrder, count, wrong, retained: await retained, will: await will };
  await listener.endAsync();
  return result;
}

converse().then(window.report.done, (error) => window.report.failed(error.stack ?? String(error)));
