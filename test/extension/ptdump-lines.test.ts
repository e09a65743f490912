/** Lines of page-table dumps of every architecture that the truth files have: each is understood, each word has a meaning. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { blockPicture } from '../../extension/views/block-picture.ts';
import { markerGroups, ptdumpLine } from '../../extension/documents/ptdump-lines.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { bundled } from '../support/dumps.ts';

describe('a line of a page-table dump', () => {
  const cases: readonly (readonly [string, string, string, string])[] = [
    ['0xffffffffa3e00000-0xffffffffa5000000          18M     ro         PSE         x  pmd', '18M', 'pmd', 'x'],
    ['0xffffd4bf80000000-0xffffd4bf80004000          16K     RW                     NX pte', '16K', 'pte', 'w'],
    ['0xffffd4bf80004000-0xffffd4bf80005000           4K                               pte', '4K', 'pte', 'hole'],
    ['0xffffd4bf81c00000-0xffffd4bf81c01000           4K     RW                     x  pte', '4K', 'pte', 'wx'],
    ['0xffff800080000000-0xffff800080200000           2M PMD       ro x  SHD AF        BLK UXN    MEM/NORMAL', '2M', 'PMD', 'x'],
    ['0xffff8f8000000000-0xffff8f8000004000    0x0000000081068000        16K PTE     .   ..     ..   D A G . . W R V', '16K', 'PTE', 'w'],
    ['0x0000000000000000-0x0000000000001000         4K PTE I', '4K', 'PTE', 'hole'],
  ];
  for (const [text, size, level, rights] of cases)
    test(text, () => {
      const line = ptdumpLine(text);
      assert.deepEqual([line?.size, line?.level, line?.rights], [size, level, rights]);
      for (const { word, meaning } of line?.words ?? []) assert.ok(meaning !== undefined, word);
    });

  test('what is no line is none', () => {
    for (const text of ['', '---[ Modules ]---', '... 12 entries skipped ...', '0x1-0x2 nonsense'])
      assert.equal(ptdumpLine(text), undefined);
  });

  test("every line of the bundled dump's text, and its markers", () => {
    const session = openSession(nodeHost(), { paths: [bundled.image] });
    const lines = session.ptdumpLines({}).map(({ text }) => text);
    session.close();
    const regions = lines.filter((text) => text.startsWith('0x'));
    assert.ok(regions.length > 100);
    for (const text of regions) assert.ok(ptdumpLine(text) !== undefined, text);
    const groups = markerGroups(lines);
    assert.equal(groups.length, lines.filter((text) => text.startsWith('---[')).length);
    assert.equal(
      groups.at(-1)?.last,
      lines.findLastIndex((text) => text !== ''),
    );
    for (const { first, last } of groups) for (const text of lines.slice(first + 1, last + 1)) assert.ok(!text.startsWith('---['));
  });
});

test('the picture of a block has a shape for each page', () => {
  const block = {
    address: '0x1',
    free: 2,
    dirty: 1,
    dirtyMin: 0,
    dirtyMax: 0,
    pages: 8,
    cpu: 0,
    freeListCpu: 0,
    index: '0x0',
    arrayCpu: 0,
  };
  const svg =
    blockPicture({
      ...block,
      used: [
        [0, 2],
        [3, 2],
      ],
    }) ?? '';
  const count = (pattern: RegExp): number => svg.match(pattern)?.length ?? 0;
  assert.deepEqual([count(/fill="#c8a13a"/g), count(/<path/g), count(/stroke=/g)], [4, 2, 2]);
  assert.equal(blockPicture({ ...block, used: null }), undefined);
});
