/** As an ES module. */

export { default, default as PolySocket } from './entry';
