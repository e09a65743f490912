/** Writes docs/SUPPORT.md anew. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { supportMatrix } from './support-matrix.ts';

writeFileSync(resolve(import.meta.dirname, '../../docs/SUPPORT.md'), supportMatrix());
