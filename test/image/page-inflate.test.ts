/** Pages of zlib data, one after the other in one decompressor: each as if it were alone, after damaged ones too. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as zlib from 'node:zlib';
import { pageInflate } from '../../debug-adapter/platform/page-inflate.ts';
import { fc } from '../support/properties.ts';

const page = fc.oneof(
  fc.uint8Array({ minLength: 0, maxLength: 4096 }),
  fc.tuple(fc.integer({ min: 0, max: 4096 }), fc.integer({ min: 0, max: 255 })).map(([length, byte]) => new Uint8Array(length).fill(byte)),
);

/** The public way. */
function alone(input: Uint8Array, size: number): Uint8Array | undefined {
  try {
    return new Uint8Array(zlib.inflateSync(input, { maxOutputLength: size }));
  } catch {
    return undefined;
  }
}

describe('zlib pages', () => {
  test('are what inflateSync makes of each, whole, damaged, cut off or too long', () => {
    const inflate = pageInflate();
    const input = fc
      .record({
        page,
        level: fc.integer({ min: 0, max: 9 }),
        keep: fc.double({ min: 0, max: 1, noNaN: true }),
        damage: fc.option(fc.nat()),
      })
      .map(({ page: bytes, level, keep, damage }) => {
        const packed = new Uint8Array(zlib.deflateSync(bytes, { level }));
        if (damage !== null) packed[damage % packed.length] = (packed[damage % packed.length] ?? 0) ^ 0x55;
        return packed.subarray(0, keep < 0.2 ? Math.floor(packed.length * keep * 5) : packed.length);
      });
    fc.assert(
      fc.property(fc.array(fc.tuple(input, fc.constantFrom(4096, 1024)), { minLength: 1, maxLength: 8 }), (pages) => {
        for (const [packed, size] of pages) {
          const expected = alone(packed, size);
          if (expected === undefined) assert.throws(() => inflate(packed, size));
          else assert.deepEqual(Buffer.from(inflate(packed, size)), Buffer.from(expected));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('of which each has its own memory', () => {
    const inflate = pageInflate();
    const first = inflate(zlib.deflateSync(new Uint8Array(4096).fill(1)), 4096);
    inflate(zlib.deflateSync(new Uint8Array(4096).fill(2)), 4096);
    assert.ok(first.every((byte) => byte === 1));
  });

  test('in the room that is given, where there is any', () => {
    const inflate = pageInflate();
    const room = new Uint8Array(4097);
    for (const byte of [1, 2]) {
      const bytes = inflate(zlib.deflateSync(new Uint8Array(4096).fill(byte)), 4096, room);
      assert.equal(bytes.buffer, room.buffer);
      assert.ok(bytes.length === 4096 && bytes.every((each) => each === byte));
    }
  });
});
