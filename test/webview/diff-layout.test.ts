/** What of two dumps is shown in how much room: never more than fits, never one side alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../support/properties.ts';
import { layoutFor } from '../../webview/diff/layout.ts';
import type { Layout, Needs } from '../../webview/diff/layout.ts';

const x86: Needs = { address: 18, words: 35, compactWords: 23, owners: true };
const shown = ({ single, compact, ends, level, owner }: Layout): string =>
  [single ? 'one column' : 'side by side', ...(compact ? ['compact'] : []), ...(ends ? ['ends'] : []), ...(level ? ['level'] : [])]
    .concat(owner ? ['owner'] : [])
    .join(', ');

for (const [room, expected] of [
  [38, 'one column, compact'],
  [64, 'one column, compact, level'],
  [78, 'one column, compact, level, owner'],
  [105, 'one column, compact, ends, level, owner'],
  [130, 'side by side, compact, level'],
  [150, 'side by side, compact, level, owner'],
  [175, 'side by side, level, owner'],
  [220, 'side by side, ends, level, owner'],
] as const)
  test(`in ${room} characters: ${expected}`, () => {
    assert.equal(shown(layoutFor(room, x86)), expected);
  });

test('texts have no owners, and their ranges get that room', () => {
  const layout = layoutFor(184, { ...x86, owners: false });
  assert.equal(shown(layout), 'side by side, ends, level');
});

test('columns never take more than there is, and more room never shows less', () => {
  const needs = fc.record({ address: fc.constantFrom(10, 18), compactWords: fc.nat(40), more: fc.nat(30), owners: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 45, max: 300 }), needs, (room, { address, compactWords, more, owners }) => {
      const all: Needs = { address, compactWords, words: compactWords + more, owners };
      const layout = layoutFor(room, all);
      const fixed = [...layout.columns.matchAll(/([\d.]+)ch/g)].reduce((sum, [, width]) => sum + Number(width), 0);
      assert.ok((layout.single ? fixed : 2 * fixed + 3) <= room, `${layout.columns} in ${room}`);
      const roomier = layoutFor(room + 20, all);
      assert.ok(layout.single || !roomier.single);
      assert.ok(layout.single !== roomier.single || !layout.owner || roomier.owner);
    }),
  );
});
