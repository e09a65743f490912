/** docs/SUPPORT.md says what the code says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';

import { supportMatrix } from './support-matrix.ts';

test('the support matrix is that of the code', () => {
  const kept = readFileSync(resolve(import.meta.dirname, '../../docs/SUPPORT.md'), 'utf8');
  assert.equal(kept, supportMatrix(), 'docs/SUPPORT.md is stale; make it anew with: npm run support-matrix');
});
