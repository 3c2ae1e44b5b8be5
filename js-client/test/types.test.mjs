// The shipped types, with each way to get at them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const TSC = join(HERE, 'node_modules/typescript/bin/tsc');

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'polysocket-types-'));
  const installed = join(folder, 'node_modules/polysocket');
  mkdirSync(installed, { recursive: true });
  cpSync(join(HERE, 'package.json'), join(installed, 'package.json'));
  cpSync(join(HERE, 'dist'), join(installed, 'dist'), { recursive: true });
});
after(() => rmSync(folder, { recursive: true }));

/** Compiles programs, by file names; what is wrong with them, or nothing. */
function compile(programs, ...options) {
  const files = Object.keys(programs).map((name) => join(folder, name));
  for (const [name, program] of Object.entries(programs)) writeFileSync(join(folder, name), program);
  const common = ['--noEmit', '--strict', '--lib', 'es2020,dom', '--skipDefaultLibCheck'];
  try {
    execFileSync(process.execPath, [TSC, ...common, ...options, ...files], { cwd: folder, encoding: 'utf8' });
    return '';
  } catch (error) {
    return error.stdout;
  }
}

const USE = `
PolySocket.configure({ router: ['https://router.example'], token: async (target: string) => target, transports: ['relay', 'poll'], probe: false });
PolySocket.configure({ token: (target, answer) => { answer(target); }, headStart: 100, remember: 0 });
const socket = new PolySocket('wss://a.example', ['chat'], { transports: 'poll' });
const same: WebSocket = socket;
socket.addEventListener('message', (event) => console.log(event.data, event.origin));
socket.addEventListener('close', (event) => console.log(event.code, event.wasClean));
socket.addEventListener('transport', () => console.log(socket.transport, socket.reason));
socket.ontransport = function () { this.close(1000, 'done'); };
socket.binaryType = 'arraybuffer';
socket.send(new Uint8Array(3));
const state: number = PolySocket.OPEN + socket.CLOSED;
PolySocket.install();
const native = PolySocket.WebSocket && new PolySocket.WebSocket(same.url);
export {};
`;

const NODE = ['--module', 'nodenext', '--moduleResolution', 'nodenext'];

test('imported as a default, by name, and in CommonJS', () => {
  const programs = {
    'default.mts': `import PolySocket from 'polysocket';${USE}`,
    'named.mts': `import { PolySocket } from 'polysocket';${USE}`,
    'required.cts': `import PolySocket = require('polysocket');${USE}`,
  };
  assert.equal(compile(programs, ...NODE), '');
});

test('as a global, where the script came by a tag', () => {
  const program = `/// <reference path="./node_modules/polysocket/dist/polysocket.d.ts" />${USE.replace('export {};', '')}`;
  assert.equal(compile({ 'global.ts': program }, '--module', 'esnext', '--moduleResolution', 'bundler', '--moduleDetection', 'legacy'), '');
});

test('mistakes are found', () => {
  const mistakes = [
    'new PolySocket();',
    `PolySocket.configure({ routers: 'x' });`,
    `new PolySocket('ws://a').readyState = 1;`,
    `new PolySocket('ws://a').addEventListener('message', (event) => event.code);`,
    `PolySocket.configure({ transports: ['telegraph'] });`,
  ];
  const said = compile({ 'wrong.mts': [`import PolySocket from 'polysocket';`, ...mistakes].join('\n') }, ...NODE);
  for (let line = 0; line < mistakes.length; line++)
    assert.ok(said.includes(`wrong.mts(${line + 2},`), `not found: ${mistakes[line]}`);
});
