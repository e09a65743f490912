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

test('nothing goes on where more segments are cut than QEMU cuts', () => {
  for (const [more, last] of [
    [limits.cutSegments - 1, 4],
    [limits.cutSegments, 'zero-filled'],
  ] as const) {
    const at = 64 + (more + 2) * 56;
    const others = Array.from({ length: more }, (_, index) => ({
      physical: BigInt(base * (index + 2)),
      data: filled(0x1000, 9),
      fileSize: 0x1000n,
      memorySize: 0x2000n,
    }));
    const image = openBytes(
      elfFile(
        [
          { physical: BigInt(base), data: bytes, fileSize: 0x2000n, memorySize: 0x4000n },
          { physical: BigInt(base + 0x2000), offset: BigInt(at + 0x2000), fileSize: 0x1000n, memorySize: 0x1000n },
          ...others,
        ],
        x8664,
      ),
    );
    assert.equal(byteAt(image, base + 0x3000), last);
  }
});

test('and no further than the header says, where none does, or one says otherwise', () => {
  assert.deepEqual(pages({ page: 1, offset: 0x1000 }), [1, 2, 'zero-filled', 'zero-filled']);
  assert.deepEqual(pages({ page: 3, offset: 0x2000 }), [1, 2, 'zero-filled', 3]);
});
