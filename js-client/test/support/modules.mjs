// The source's modules by name, for what is tested without a network: compiled, joined, and run in an engine of its own.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { rollup } from 'rollup';

const HERE = fileURLToPath(new URL('../..', import.meta.url));

export async function loadModules(names, self = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'polysocket-modules-'));
  try {
    execFileSync(process.execPath, [join(HERE, 'node_modules/typescript/bin/tsc'), '-p', HERE, '--outDir', folder, '--noCheck']);
    const entry = join(folder, 'entry.js');
    const built = await rollup({
      input: entry,
      plugins: [
        {
          name: 'entry',
          load: (id) => (id == entry ? names.map((name) => `export * as ${name} from './${name}.js';`).join('\n') : null),
          resolveId: (id) => (id == entry ? id : null),
        },
      ],
    });
    const { output } = await built.generate({ format: 'iife', name: 'modules' });
    await built.close();
    const context = vm.createContext({ console, setTimeout, clearTimeout });
    context.self = Object.assign(context, self);
    vm.runInContext(output[0].code, context);
    return vm.runInContext('modules', context);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
