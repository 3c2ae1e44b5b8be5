// The page of a library: its client as the package ships it for browsers, bundled with what the page does with it.

import { build } from 'esbuild';
import { join } from 'node:path';
import { TESTS } from '../harness/index.mjs';

/** By `way`: what stands between the library and the target. The library never knows. */
const PREPARE = `
  if (report.query.way !== 'native') {
    // Gone before anybody could keep it, as in an engine that never had one.
    delete window.WebSocket;
    document.write('<script src="/dist/polysocket.js"><\\/script>');
  }`;
const INSTALL = `
  if (report.query.way !== 'native') {
    PolySocket.configure({ router: report.query.router, transports: report.query.way });
    PolySocket.install();
  }`;

/** HTML with the bundle of `libraries/pages/{name}.js` in it. */
export async function libraryPage(name) {
  const { outputFiles } = await build({
    entryPoints: [join(TESTS, `libraries/pages/${name}.js`)],
    bundle: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2020',
    write: false,
    logLevel: 'silent',
  });
  const script = outputFiles[0].text.replaceAll('</script', '<\\/script');
  return `<!DOCTYPE html><meta charset="utf-8"><title>${name}</title>
<script src="/harness/report.js"></script><script>${PREPARE}</script><script>${INSTALL}</script><script>${script}</script>`;
}
