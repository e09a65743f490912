/** QEMU's dumps with paging, where one mapping lies in two memory backends: its segment ends with the first, its bytes do not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../debug-adapter/base/limits.ts';
import { elfFile, filled, joinBytes, x8664 } from '../builders/elf-file.ts';
import { byteAt, openBytes } from './built-image.ts';

const base = 0x1_0000;
/** Where the first segment's bytes stand: behind the headers of two segments. */
const first = 64 + 2 * 56;
const bytes = joinBytes([1, 2, 3, 4].map((byte) => filled(0x1000, byte)));

/** Four pages of which the header tells two; another segment has a page of the same memory at `offset`. */
function pages(other: { readonly page: number; readonly offset: number }): (number | string | undefined)[] {
  const image = openBytes(
    elfFile(
      [
        { physical: BigInt(base), data: bytes, fileSize: 0x2000n, memorySize: 0x4000n },
        { physical: BigInt(base + other.page * 0x1000), offset: BigInt(first + other.offset), fileSize: 0x1000n, memorySize: 0x1000n },
      ],
      x8664,
    ),
  );
  return [0, 1, 2, 3].map((page) => byteAt(image, base + page * 0x1000));
}

test('bytes go on where another segment shows that they do', () => {
  assert.deepEqual(pages({ page: 3, offset: 0x3000 }), [1, 2, 3, 4]);
  assert.deepEqual(pages({ page: 2, offset: 0x2000 }), [1, 2, 3, 4]);
});

test('of more cut segments than the bound none is looked at, and it is said', () => {
  const cuts = Array.from({ length: limits.cutSegments + 1 }, (_, index) => ({
    physical: BigInt(base * (index + 1)),
    data: filled(0x1000, 1),
    fileSize: 0x1000n,
    memorySize: 0x2000n,
  }));
  const said = /more than 16 PT_LOADs have less bytes than memory/;
  assert.match(openBytes(elfFile(cuts, x8664)).warnings.join(), said);
  assert.doesNotMatch(openBytes(elfFile(cuts.slice(1), x8664)).warnings.join(), said);
});

test('and no further than the header says, where none does, or one says otherwise', () => {
  assert.deepEqual(pages({ page: 1, offset: 0x1000 }), [1, 2, 'zero-filled', 'zero-filled']);
  assert.deepEqual(pages({ page: 3, offset: 0x2000 }), [1, 2, 'zero-filled', 3]);
});
