/** Names that are none: labels of compilers and assemblers, which would hide the function that they stand in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isName } from '../../debug-adapter/symbols/symbol-table.ts';

test('labels are no names, names that resemble them are', () => {
  for (const label of ['', '$x', '$d.12', '.LC17', '.L0 ', 'L0\u0001', 'L0\u0002']) assert.equal(isName(label), false, label);
  for (const name of ['vfs_read', 'L1_tables', 'Lock', '.text', '__L0']) assert.equal(isName(name), true, name);
});
