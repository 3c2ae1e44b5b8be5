// Figures that a test measured, as Markdown and JSON, in RESULTS or beside what set-up downloads.

import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { CACHE } from '../harness/index.mjs';

const FOLDER = process.env.RESULTS ?? join(CACHE, 'results');

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
  return text.join('\n');
}
