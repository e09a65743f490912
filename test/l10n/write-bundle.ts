/** `npm run strings`: writes the bundle of strings anew. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { bundlePath, bundleText } from './bundle.ts';

mkdirSync(dirname(bundlePath), { recursive: true });
writeFileSync(bundlePath, bundleText());
