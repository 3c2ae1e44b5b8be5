import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const TESTS = fileURLToPath(new URL('..', import.meta.url));
export const PROJECT = join(TESTS, '../..');
/** What set-up downloads and builds; not in git. */
export const CACHE = join(PROJECT, 'tests/.cache/browsers');
export const DIST = join(PROJECT, 'js-client/dist');
