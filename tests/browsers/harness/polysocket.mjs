// `polysocket dev`: router and relay in one process, on a free port.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.mjs';
import { PROJECT } from './places.mjs';

const START_MS = 10_000;
const ASK_EVERY_MS = 50;

const program = () => process.env.POLYSOCKET_BIN ?? join(PROJECT, 'target/release/polysocket');

/** A port that was free a moment ago: for settings that must name it before anybody listens. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

class Polysocket {
  constructor(child, origin, adminOrigin, folder) {
    Object.assign(this, { child, origin, adminOrigin, folder });
    this.port = Number(new URL(origin).port);
  }

  log() {
    return this.child.lines.join('\n');
  }

  async metrics() {
    const answer = await fetch(`${this.adminOrigin}/metrics`);
    return answer.text();
  }

  /** The value of a series as Prometheus writes it, `name` or `name{label="value"}`; 0 when it has none yet. */
  async metric(series) {
    const line = (await this.metrics()).split('\n').find((each) => each.startsWith(`${series} `));
    return line ? Number(line.slice(series.length)) : 0;
  }

  /** Waits until a series has a value of which `test` is true. Metrics have no events: they are asked again. */
  async untilMetric(series, test, timeout = 5_000) {
    const until = Date.now() + timeout;
    for (;;) {
      const value = await this.metric(series);
      if (test(value)) return value;
      if (Date.now() > until) throw new Error(`${series} is still ${value} after ${timeout} ms`);
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  }

  async stop(signal) {
    await this.child.stop(signal);
    if (this.folder) await rm(this.folder, { recursive: true });
  }
}

/**
 * `set` is `{ 'section.key': value }`, `config` the text of a TOML file.
 * With `oneHost` sockets live under `127.0.0.1:port/r/tom` instead of on names of their own.
 */
export async function startPolysocket({ set = {}, config, oneHost = false, args = [], env = {} } = {}) {
  const port = oneHost ? await freePort() : 0;
  // Tests end abruptly, and nobody shall wait for the sessions they leave.
  const all = { 'relayd.drain_timeout': '0s', ...(oneHost && { 'relayd.one_host': `127.0.0.1:${port}` }), ...set };
  const command = ['dev', '--listen', `127.0.0.1:${port}`, ...args];
  for (const [key, value] of Object.entries(all)) command.push('--set', `${key}=${value}`);
  let folder;
  if (config) {
    folder = await mkdtemp(join(tmpdir(), 'polysocket-'));
    await writeFile(join(folder, 'polysocket.toml'), config);
    command.push('--config', join(folder, 'polysocket.toml'));
  }
  // Every POLYSOCKET_… variable is a key to the program, and this one is none of its.
  const child = new Child(program(), command, { env: { ...env, POLYSOCKET_BIN: undefined } });
  const said = (what) => child.line((line) => line.startsWith(what) && line.slice(what.length).trim(), START_MS);
  try {
    return new Polysocket(child, await said('listening on '), await said('admin on '), folder);
  } catch (error) {
    await child.stop('SIGKILL');
    throw error;
  }
}
