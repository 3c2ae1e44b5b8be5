export { startPolysocket } from './polysocket.mjs';
export { startUpstream, deadUrl } from './upstream.mjs';
export { startPages } from './pages.mjs';
export { run, RunFailed } from './run.mjs';
export { withAll, stopAll } from './with-all.mjs';
export { launch, ENGINES, MODERN, OLD } from '../engines/index.mjs';
export { CACHE, DIST, PROJECT, TESTS } from './places.mjs';
