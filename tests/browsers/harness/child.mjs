// A program that a test started: its output by lines, and its end. Whatever the test does, it does not outlive the test.

import { spawn } from 'node:child_process';

const STOP_MS = 10_000;
const LINES_MAX = 5_000;

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
// A test that was told to stop ends by `exit`, so that the hook above runs.
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]]) process.once(signal, () => process.exit(code));

export class Child {
  lines = [];
  #waiting = new Set();

  /** `onLine` sees every line of either output. */
  constructor(command, args, { env = {}, onLine = () => {} } = {}) {
    this.name = command.split('/').pop();
    this.process = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this.process);
    for (const output of [this.process.stdout, this.process.stderr]) this.#read(output, onLine);
    this.ended = new Promise((resolve) => {
      this.process.once('error', (error) => resolve(`did not start: ${error.message}`));
      this.process.once('close', (code, signal) => resolve(`ended with ${signal ?? code}`));
    }).then((how) => {
      running.delete(this.process);
      for (const waiter of this.#waiting) waiter.fail(`${this.name} ${how}`);
      return how;
    });
  }

  #read(output, onLine) {
    let rest = '';
    output.setEncoding('utf8');
    output.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        if (this.lines.push(line) > LINES_MAX) this.lines.shift();
        onLine(line);
        for (const waiter of this.#waiting) waiter.see(line);
      }
    });
  }

  /** The first line for which `pick` gives something, and what it gives. */
  line(pick, timeout) {
    for (const line of this.lines) {
      const found = pick(line);
      if (found) return Promise.resolve(found);
    }
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        this.#waiting.delete(waiter);
        settle(value);
      };
      const fail = (why) => end(reject, new Error(`${why}; it said:\n${this.lines.join('\n')}`));
      const waiter = {
        fail,
        see(line) {
          const found = pick(line);
          if (found) end(resolve, found);
        },
      };
      const timer = setTimeout(fail, timeout, `${this.name} did not say in ${timeout} ms what was waited for`);
      this.#waiting.add(waiter);
    });
  }

  async stop(signal = 'SIGTERM') {
    if (!running.has(this.process)) return;
    this.process.kill(signal);
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS);
    await this.ended;
    clearTimeout(timer);
  }
}
