// A PostgreSQL server of the test's own, on a free port. It does not run as root.

import { execFile } from 'node:child_process';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Child } from '../harness/child.mjs';

const START_MS = 30_000;
const INSTALLED = '/usr/lib/postgresql';
const USER = 'postgres';

const run = promisify(execFile);

/** Where the newest server's programs are: Debian does not put them into the path. */
async function binaries() {
  const versions = (await readdir(INSTALLED)).sort((one, other) => Number(one) - Number(other));
  return join(INSTALLED, versions.at(-1), 'bin');
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A command as the server's user, which becomes the program: its process is that of the server. */
const asServer = (program, ...args) =>
  process.getuid() === 0 ? ['setpriv', '--reuid', USER, '--regid', USER, '--clear-groups', program, ...args] : [program, ...args];

async function own(folder) {
  if (process.getuid() !== 0) return;
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (which) => Number((await run('id', [which, USER])).stdout)));
  await chown(folder, uid, gid);
}

/** `{ url, sql(statements), stop() }`; `sql` is done by psql, and gives what it says. */
export async function startDatabase() {
  const [bin, port, folder] = await Promise.all([binaries(), freePort(), mkdtemp(join(tmpdir(), 'polysocket-'))]);
  const data = join(folder, 'data');
  const remove = () => rm(folder, { recursive: true, force: true });
  let child;
  try {
    await own(folder);
    const [command, ...args] = asServer(join(bin, 'initdb'), '--no-sync', '-A', 'trust', '-U', USER, '-E', 'UTF8', '--locale', 'C', '-D', data);
    await run(command, args, { cwd: '/' });
    const settings = ['listen_addresses=127.0.0.1', 'fsync=off'].flatMap((setting) => ['-c', setting]);
    child = new Child('env', ['-C', '/', ...asServer(join(bin, 'postgres'), '-D', data, '-k', folder, '-p', String(port), ...settings)]);
    await child.line((line) => line.includes('ready to accept connections'), START_MS);
  } catch (error) {
    await child?.stop('SIGKILL');
    await remove();
    throw error;
  }
  const url = `postgres://${USER}@127.0.0.1:${port}/postgres`;
  const psql = (...args) => run(join(bin, 'psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', url, ...args]);
  return {
    url,
    sql: async (statements) => (await psql('-c', statements)).stdout,
    /** Statements one after the other, as somebody pastes them. */
    paste: async (statements) => (await psql(...statements.split('\n').filter((line) => line && !line.startsWith('--')).flatMap((line) => ['-c', line]))).stdout,
    async stop() {
      // Its fast stop: clients are not waited for.
      await child.stop('SIGINT');
      await remove();
    },
  };
}
