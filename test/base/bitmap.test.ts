/** The ranked bitmap against counting bit by bit. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RankedBitmap } from '../../debug-adapter/base/bitmap.ts';
import { fc } from '../support/properties.ts';

function bitmapOf(bytes: Uint8Array, length = bytes.length * 8): RankedBitmap {
  return new RankedBitmap((offset, count) => bytes.slice(offset, offset + count), length);
}

/** Bytes that are mostly runs, as the bitmaps of dumps are, over several blocks. */
const bytes = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom(0, 0xff), fc.nat(255)), fc.integer({ min: 1, max: 3000 })), { minLength: 1, maxLength: 12 })
  .map((runs) => Buffer.concat(runs.map(([value, count]) => Buffer.alloc(count, value))));

describe('a ranked bitmap', () => {
  test('has, rank, population and runs are what counting gives', () => {
    fc.assert(
      fc.property(bytes, fc.nat(7), (map, cut) => {
        const length = map.length * 8 - cut;
        const bitmap = bitmapOf(map, length);
        const step = 37;
        let rank = 0;
        const runs: { start: number; end: number }[] = [];
        for (let bit = 0; bit < length; bit++) {
          if (bit % step === 0) assert.equal(bitmap.rank(bit), rank, `rank of ${bit}`);
          const set = (((map[bit >>> 3] ?? 0) >>> (bit & 7)) & 1) === 1;
          if (bit % step === 0) assert.equal(bitmap.has(bit), set, `bit ${bit}`);
          if (!set) continue;
          rank++;
          const last = runs.at(-1);
          if (last?.end === bit) last.end++;
          else runs.push({ start: bit, end: bit + 1 });
        }
        assert.equal(bitmap.population, rank);
        assert.equal(bitmap.rank(length + 100), rank);
        assert.deepEqual([...bitmap.runs()], runs);
      }),
      { numRuns: 60, seed: 5 },
    );
  });

  test('outside of it nothing is set', () => {
    const bitmap = bitmapOf(Uint8Array.of(0xff), 5);
    assert.deepEqual(
      [-1, 5, 7, 8, 1e9, NaN, 0.5 - 1].map((bit) => bitmap.has(bit)),
      [false, false, false, false, false, false, false],
    );
    assert.equal(bitmap.rank(-5), 0);
    assert.equal(bitmap.population, 5);
  });

  test('bits that the file is too short for are clear', () => {
    const bitmap = bitmapOf(Uint8Array.of(1, 2, 3), 1_000_000);
    assert.equal(bitmap.population, 4);
    assert.equal(bitmap.has(999_999), false);
  });

  test('pages beyond 2^32', () => {
    // 640 MiB of bits: only the last block is not clear.
    const length = 5 * 2 ** 30;
    const bitmap = new RankedBitmap((offset, count) => {
      const part = new Uint8Array(count);
      const last = length / 8 - 1 - offset;
      if (last >= 0 && last < count) part[last] = 0x80;
      return part;
    }, length);
    assert.equal(bitmap.population, 1);
    assert.ok(bitmap.has(length - 1));
    assert.ok(!bitmap.has((length - 1) % 2 ** 32));
    assert.equal(bitmap.rank(length - 1), 0);
    assert.deepEqual([...bitmap.runs()], [{ start: length - 1, end: length }]);
  });
});
