/** As a classic script, in workers, and as CommonJS. */

import { root } from './engine';
import PolySocket from './entry';

declare const module: any;

if (typeof module == 'object' && module.exports) module.exports = PolySocket;
else root.PolySocket = PolySocket;
