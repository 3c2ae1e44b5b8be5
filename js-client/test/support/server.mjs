// The real program: router, relay and echo targets in one process.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BUILT = fileURLToPath(new URL('../../../target/release/polysocket', import.meta.url));

export const program = process.env.POLYSOCKET_BIN || BUILT;

export async function startServer(settings = []) {
  if (!existsSync(program)) throw new Error(`${program} is not there: build it, or say where by POLYSOCKET_BIN`);
  const args = ['dev', '--listen', '127.0.0.1:0'];
  for (const setting of ['admin.listen=', 'log.level=warn', ...settings]) args.push('--set', setting);
  // It takes every variable of this prefix for a setting.
  const env = { ...process.env };
  delete env.POLYSOCKET_BIN;
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const origin = await new Promise((resolve, reject) => {
    const read = (chunk) => {
      said += chunk;
      const match = /listening on (http:\/\/[\d.:]+)/.exec(said);
      if (match) resolve(match[1]);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('exit', () => reject(new Error(`the server ended: ${said}`)));
  });
  return {
    origin,
    echo: origin.replace('http', 'ws') + '/echo',
    process: child,
    said: () => said,
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode) return resolve();
        child.on('exit', resolve);
        child.kill('SIGKILL');
      }),
  };
}
