/** What of a region stands in its row, and what of a toolbar beside the menu, in as much room as there is: never more than fits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../support/properties.ts';
import { shownActions } from '../../webview/panel/shown-actions.ts';
import { layoutFor } from '../../webview/ptdump/layout.ts';
import type { Layout } from '../../webview/ptdump/layout.ts';

const x86 = { address: 18, rights: 6, flags: 11 };
const shown = ({ tall, ends, flags }: Layout): string =>
  [tall ? 'two lines' : 'one line', ...(ends ? ['ends'] : []), ...(flags ? ['flags'] : [])].join(', ');

for (const [room, expected] of [
  [31, 'two lines'],
  [58, 'two lines'],
  [59, 'one line'],
  [70, 'one line, flags'],
  [89, 'one line, ends, flags'],
] as const)
  test(`a region in ${room} characters: ${expected}`, () => {
    assert.equal(shown(layoutFor(room, x86)), expected);
  });

test('a column that is empty in every row takes no room', () => {
  assert.equal(layoutFor(78, { ...x86, flags: 0 }).ends, true);
  assert.equal(layoutFor(77, { ...x86, flags: 0 }).ends, false);
});

test('columns never take more than there is, and more room never shows less', () => {
  const needs = fc.record({ address: fc.constantFrom(10, 18), rights: fc.nat(10), flags: fc.nat(20) });
  fc.assert(
    fc.property(fc.integer({ min: 36, max: 300 }), needs, (room, each) => {
      const layout = layoutFor(room, each);
      const fixed = [...layout.columns.matchAll(/(\d+)ch/g)].reduce((sum, [, width]) => sum + Number(width), 0);
      assert.ok(fixed <= room, `${layout.columns} in ${room}`);
      const roomier = layoutFor(room + 20, each);
      for (const [more, less] of [
        [roomier.ends, layout.ends],
        [roomier.flags, layout.flags],
        [!roomier.tall, !layout.tall],
      ])
        assert.ok(more === true || less === false);
    }),
  );
});

test('actions lose their words first, and then go behind the ellipsis from the last on', () => {
  const widths = [40, 60, 0, 0];
  assert.deepEqual(shownActions(1000, widths), { count: 4, words: true });
  assert.deepEqual(shownActions(150, widths), { count: 4, words: false });
  assert.deepEqual(shownActions(90, widths), { count: 2, words: false });
  assert.deepEqual(shownActions(0, widths), { count: 0, words: false });
});
