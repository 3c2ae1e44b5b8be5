// The zoo: middleboxes that were met in the wild, by name. Each is a list of modes, made anew for a run.

import { bufferStreams } from './modes/buffer-streams.mjs';
import { delay } from './modes/delay.mjs';
import { dieReused } from './modes/die-reused.mjs';
import { fewConnections } from './modes/few-connections.mjs';
import { loseAnswers } from './modes/lose-answers.mjs';
import { answerUpgrade, hangUpgrade, resetUpgrade } from './modes/refuse-upgrade.mjs';
import { repeat } from './modes/repeat.mjs';
import { smallBodies } from './modes/small-bodies.mjs';
import { stripCookies, stripCors } from './modes/strip.mjs';
import { truncate } from './modes/truncate.mjs';
import { cutAfter, mute } from './modes/tunnels.mjs';

/** The share of requests that meet a fault where one that hit all of them would leave no way at all. */
const RATE = 0.3;

const blocked = () => answerUpgrade(403, 'Forbidden');

/**
 * Name → modes for a seed, and the count that shows that the fault took place. What comes after the upgrades has them
 * blocked as well: otherwise nothing of it would meet a request.
 */
export const zoo = {
  'none': { modes: () => [], happened: null },
  'upgrade answered 403': { modes: () => [answerUpgrade(403, 'Forbidden')], happened: 'upgrades refused' },
  'upgrade answered 502': { modes: () => [answerUpgrade(502, 'Bad Gateway')], happened: 'upgrades refused' },
  'upgrade hangs': { modes: () => [hangUpgrade()], happened: 'upgrades swallowed' },
  'upgrade reset': { modes: () => [resetUpgrade()], happened: 'upgrades reset' },
  'opens, then mute': { modes: () => [mute()], happened: 'tunnels muted' },
  'cut after 200 ms': { modes: () => [cutAfter(200)], happened: 'tunnels cut' },
  'cut after 5 s': { modes: () => [cutAfter(5000)], happened: 'tunnels cut' },
  'streams held back': { modes: () => [blocked(), bufferStreams()], happened: 'streams held' },
  'answers truncated': {
    modes: (seed) => [blocked(), truncate({ seed, rate: RATE })],
    happened: 'answers truncated',
  },
  'answers lost': { modes: (seed) => [blocked(), loseAnswers({ seed, rate: RATE })], happened: 'answers lost' },
  'reused connections die': {
    modes: (seed) => [blocked(), dieReused({ seed, rate: RATE })],
    happened: 'reused connections died',
  },
  'requests repeated': { modes: (seed) => [blocked(), repeat({ seed })], happened: 'requests repeated' },
  'requests reordered': {
    modes: (seed) => [blocked(), delay({ seed, maxMs: 2000 })],
    happened: 'requests overtaken',
  },
  'two connections': { modes: () => [blocked(), fewConnections({ max: 2 })], happened: 'connections to a host' },
  'bodies answered 413': { modes: () => [blocked(), smallBodies({ maxBytes: 4096 })], happened: 'bodies refused' },
  'bodies reset': {
    modes: () => [blocked(), smallBodies({ maxBytes: 4096, byReset: true })],
    happened: 'bodies refused',
  },
  'cookies stripped': { modes: () => [stripCookies(), blocked()], happened: 'cookies stripped' },
  'CORS stripped': { modes: () => [blocked(), stripCors()], happened: 'CORS answers stripped' },
};
