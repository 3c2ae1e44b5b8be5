// Builds dist/ from src/: types, bundle, minified, checked. With --check: builds in memory and compares with dist/. With
// --names: searches short names anew, as has to be done after each change of what is minified; takes a minute.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { parse } from 'acorn';
import { rollup } from 'rollup';
import UglifyJS from 'uglify-js';
import { INTERNAL } from './internal.mjs';
import { rename, search } from './names.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const DIST = join(HERE, 'dist');
const MODULES = join(HERE, '.build');
const NAMES = join(HERE, 'names.json');
/** What the search of names tries: more changes little. */
const TRIALS = 60_000;
const GZIP_BYTES_MAX = 7168;
const VERSION = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8')).version;
const BANNER = `/*! polysocket ${VERSION} */`;

function compile() {
  rmSync(MODULES, { recursive: true, force: true });
  execFileSync(process.execPath, [join(HERE, 'node_modules/typescript/bin/tsc'), '-p', HERE], { stdio: 'inherit' });
}

/** tsc leaves ES5; rollup joins it; uglify shortens it and quotes what ES3 reserves. */
async function bundle(entry, format, map) {
  const built = await rollup({
    input: join(MODULES, entry),
    plugins: [sources()],
    onwarn(warning) {
      throw new Error(warning.message);
    },
  });
  const { output } = await built.generate({
    format,
    strict: false,
    sourcemap: true,
    sourcemapPathTransform: (path) => path.replace(/^.*\/(\.build|src)\//, 'src/'),
    generatedCode: 'es5',
    exports: 'auto',
    esModule: false,
  });
  await built.close();
  const [chunk] = output;
  const result = UglifyJS.minify(
    { [map]: chunk.code },
    {
      ie: true,
      module: format == 'es',
      toplevel: true,
      // Much that is written to be read is a function that is called once; but what is called twice stays one.
      compress: { passes: 4, inline: 1, collapse_vars: false },
      mangle: { properties: { regex: INTERNAL, domprops: true } },
      output: { preamble: BANNER, ascii_only: true },
      // Servers name the map in a header, so that the file need not.
      sourceMap: { content: chunk.map, filename: map.replace(/\.map$/, ''), includeSources: true },
    },
  );
  if (result.error) throw result.error;
  return result;
}

/** Under names by which it is smallest. */
function shorten(code) {
  if (process.argv.includes('--names')) {
    const record = search(code, TRIALS, (trial, size) => trial % 10_000 || console.log(`names: ${trial} of ${TRIALS}, ${size} bytes`));
    writeFileSync(NAMES, JSON.stringify(record) + '\n');
  }
  const shorter = existsSync(NAMES) && rename(code, JSON.parse(readFileSync(NAMES, 'utf8')));
  if (!shorter) console.log('names.json is for other code than this; npm run names makes it smaller');
  return shorter || code;
}

/** Hands the source maps of tsc to rollup. */
function sources() {
  return {
    name: 'sources',
    load(id) {
      return { code: readFileSync(id, 'utf8').replace(/\n\/\/# sourceMappingURL=.*/, ''), map: readFileSync(id + '.map', 'utf8') };
    },
  };
}

/** The gate: what old engines cannot even parse. */
function checkSyntax(code) {
  parse(code, { ecmaVersion: 3, allowReserved: 'never' });
}

function checkSize(code) {
  const size = gzipSync(code, { level: 9 }).length;
  if (size > GZIP_BYTES_MAX) throw new Error(`${size} bytes gzipped; the budget is ${GZIP_BYTES_MAX}`);
  return size;
}

export async function build() {
  compile();
  const classic = await bundle('classic.js', 'iife', 'polysocket.js.map');
  const module = await bundle('module.js', 'es', 'polysocket.mjs.map');
  classic.code = shorten(classic.code);
  checkSyntax(classic.code);
  const integrity = 'sha384-' + createHash('sha384').update(classic.code).digest('base64');
  const types = readFileSync(join(HERE, 'src/polysocket.d.ts'), 'utf8');
  return {
    'polysocket.js': classic.code,
    'polysocket.js.map': classic.map,
    'polysocket.js.sri': integrity + '\n',
    'polysocket.mjs': module.code,
    'polysocket.mjs.map': module.map,
    'polysocket.d.ts': types + 'export = PolySocket;\nexport as namespace PolySocket;\n',
    'polysocket.d.mts': types + 'export default PolySocket;\nexport { PolySocket };\n',
  };
}

if (process.argv[1] == fileURLToPath(import.meta.url)) {
  const files = await build();
  const code = files['polysocket.js'];
  console.log(`polysocket.js: ${code.length} bytes, ${gzipSync(code, { level: 9 }).length} gzipped (budget ${GZIP_BYTES_MAX})`);
  console.log(`integrity: ${files['polysocket.js.sri'].trim()}`);
  if (process.argv.includes('--check')) {
    const stale = Object.keys(files).filter(
      (name) => !existsSync(join(DIST, name)) || readFileSync(join(DIST, name), 'utf8') != files[name],
    );
    if (stale.length) {
      console.error(`stale in dist/: ${stale.join(', ')}; run npm run build and commit`);
      process.exit(1);
    }
  } else {
    mkdirSync(DIST, { recursive: true });
    for (const name of Object.keys(files)) writeFileSync(join(DIST, name), files[name]);
  }
  checkSize(code);
}
