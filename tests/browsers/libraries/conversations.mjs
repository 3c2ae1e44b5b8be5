// What each conversation must have come to: `check` the page's side, `seen` what the server must hear meanwhile.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { start as startGraphql } from './servers/graphql-ws.mjs';
import { start as startMqtt } from './servers/mqtt.mjs';
import { start as startSocketIo } from './servers/socket.io.mjs';

const upTo = (count) => Array.from({ length: count }, (_each, n) => n + 1);
const SEEN_MS = 30_000;

export const CONVERSATIONS = {
  'graphql-ws': {
    start: startGraphql,
    seen: (server) => once(server, 'cancelled', { signal: AbortSignal.timeout(SEEN_MS) }),
    check(value) {
      assert.deepEqual(value, {
        hello: ['world'],
        failed: ['on purpose'],
        wrong: ['Cannot query field "nothingOfThatName" on type "Query".'],
        counted: upTo(200),
        others: upTo(50),
        some: [0, 1, 2],
        text: ['döne € 😀 </script>'],
        large: [100_000],
        closed: [{ code: 1000, wasClean: true }],
        refused: { code: 4403, reason: 'Forbidden' },
      });
    },
  },

  mqtt: {
    start: startMqtt,
    seen: async (server) => {
      // The speaker goes without a word; only the listener says goodbye as MQTT wants it.
      const gone = [];
      server.on('goodbye', (name) => gone.push(name));
      while (!gone.includes('listener')) await once(server, 'goodbye', { signal: AbortSignal.timeout(SEEN_MS) });
    },
    check(value) {
      assert.deepEqual(value, { inOrder: true, count: 60, wrong: 0, retained: 'retained true', will: 'of the speaker' });
    },
  },

  'socket.io': {
    start: startSocketIo,
    check(value) {
      assert.deepEqual(value, {
        greeting: 'hello döner € 😀',
        binary: { name: 'both', first: [1, 2, 255], second: 70_000 },
        inOrder: true,
        count: 200,
        refused: 'who are you?',
        reason: 'transport close',
        reconnected: true,
        again: 'hello again',
        last: 'io server disconnect',
      });
    },
  },
};
