/**
 * Snappy blocks, laid out byte by byte from google/snappy's format_description.txt: a length, then literals and copies.
 * Blocks that real dumps hold are compared page by page in test/image/kdump.test.ts.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decompressSnappy } from '../../debug-adapter/codec/snappy.ts';
import { fc } from '../support/properties.ts';

const bytesOf = (text: string): number[] => [...Buffer.from(text)];
const unpack = (...block: number[]): string => Buffer.from(decompressSnappy(Uint8Array.from(block), 4096)).toString();

describe('what the format says', () => {
  test('nothing', () => {
    assert.equal(unpack(0), '');
  });

  test('a literal whose length is in its tag', () => {
    assert.equal(unpack(4, 3 << 2, ...bytesOf('page')), 'page');
  });

  for (const [fieldSize, length] of [
    [1, 61],
    [1, 256],
    [2, 300],
    [3, 400],
    [4, 500],
  ] as const) {
    test(`a literal of ${length} bytes whose length field has ${fieldSize} bytes`, () => {
      const text = 'x'.repeat(length - 1) + 'y';
      const field = Array.from({ length: fieldSize }, (_, index) => ((length - 1) >>> (8 * index)) & 0xff);
      assert.equal(unpack((length & 0x7f) | 0x80, length >>> 7, ((59 + fieldSize) << 2) | 0, ...field, ...bytesOf(text)), text);
    });
  }

  test('a copy with an 11-bit offset', () => {
    const text = 'ab'.repeat(150);
    // Offset 300 is 1 in the tag's upper three bits and 44 in the byte after it; length 4 is 0.
    const literal = [61 << 2, 43, 1, ...bytesOf(text)];
    assert.equal(unpack(0xb0, 0x02, ...literal, (1 << 5) | 1, 44), `${text}abab`);
  });

  test('a copy with a two-byte offset, and one with a four-byte offset', () => {
    assert.equal(unpack(12, 3 << 2, ...bytesOf('pfn '), (3 << 2) | 2, 4, 0, (3 << 2) | 3, 8, 0, 0, 0), 'pfn pfn pfn ');
  });

  test('a copy that overlaps itself repeats', () => {
    assert.equal(unpack(10, 1 << 2, ...bytesOf('ab'), (7 << 2) | 2, 2, 0), 'ababababab');
  });
});

describe('damaged blocks are refused', () => {
  for (const [what, block] of [
    ['an empty block', []],
    ['a length that does not end', [0x80, 0x80]],
    ['a length of more than 32 bits', [0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['a length of more than the page', [0x81, 0x20, 0]],
    ['a literal that leads back to its own tag when its length is read as signed', [16, 0xfc, 0xfa, 0xff, 0xff, 0xff]],
    ['a literal of 4 GiB', [16, 0xfc, 0xff, 0xff, 0xff, 0xff]],
    ['a literal longer than the block', [16, 15 << 2, 1, 2]],
    ['a literal longer than the claimed length', [2, 3 << 2, 1, 2, 3, 4]],
    ['a literal length that is cut off', [16, 62 << 2, 1]],
    ['a copy from before the start', [8, 0, 1, (6 << 2) | 2, 2, 0]],
    ['a copy of offset 0', [8, 0, 1, (6 << 2) | 2, 0, 0]],
    ['a copy whose offset is negative when read as signed', [8, 0, 1, (6 << 2) | 3, 0xff, 0xff, 0xff, 0xff]],
    ['a copy that is cut off', [8, 0, 1, (6 << 2) | 2, 1]],
    ['a copy beyond the claimed length', [4, 0, 1, (6 << 2) | 2, 1, 0]],
    ['fewer bytes than the length says', [8, 3 << 2, 1, 2, 3, 4]],
  ] as const) {
    test(what, () => {
      assert.throws(() => decompressSnappy(Uint8Array.from(block), 4096), RangeError);
    });
  }

  test('any bytes: as many as the block says, or a RangeError', () => {
    // Tags and length bytes that are all ones or all zeros are where decoders go wrong.
    const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 0xfa, 0xfc, 0xff));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 127 }), fc.array(byte, { maxLength: 200 }), (length, elements) => {
        let output: Uint8Array;
        try {
          output = decompressSnappy(Uint8Array.of(length, ...elements), 4096);
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error));
          return;
        }
        assert.equal(output.length, length);
      }),
      { numRuns: 5000 },
    );
  });
});
