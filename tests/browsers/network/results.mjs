// Figures that a test measured, as Markdown and JSON, in RESULTS or beside what set-up downloads; with WRITE_DOCS=1 also
// in docs/PERFORMANCE.md, between the marks that have their name.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { CACHE } from '../harness/index.mjs';

const FOLDER = process.env.RESULTS ?? join(CACHE, 'results');
const PAGE = new URL('../../../docs/PERFORMANCE.md', import.meta.url);

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** `rows` are objects with the same keys, which become the columns. */
export function table(rows) {
  const columns = Object.keys(rows[0]);
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map((row) => line(columns.map((name) => row[name])))].join('\n');
}

/** Writes `{name}.md` and `{name}.json`, and gives the Markdown. `goals`, if any, are a table of their own. */
export async function writeResults(name, title, rows, notes = [], goals = []) {
  const where = `Measured ${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model}), loopback.`;
  const text = [`# ${title}`, '', where, '', table(rows), '', ...notes.map((note) => `- ${note}`), ''];
  if (goals.length) text.push(table(goals), '');
  await mkdir(FOLDER, { recursive: true });
  await writeFile(join(FOLDER, `${name}.md`), text.join('\n'));
  await writeFile(join(FOLDER, `${name}.json`), `${JSON.stringify(rows, null, 2)}\n`);
  if (process.env.WRITE_DOCS === '1') await writePage(name, text);
  return text.join('\n');
}

async function writePage(name, text) {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const page = await readFile(PAGE, 'utf8');
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/PERFORMANCE.md has no ${begin} and ${end}`);
  const block = [begin, ...text].join('\n').replace(/^# /m, '### ');
  await writeFile(PAGE, page.slice(0, from) + block + page.slice(to));
}
