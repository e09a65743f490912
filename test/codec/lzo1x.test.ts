/**
 * LZO1X streams, laid out byte by byte from the kernel's Documentation/staging/lzo.rst. Streams that real dumps hold are
 * compared page by page in test/image/kdump.test.ts.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decompressLzo1x } from '../../debug-adapter/codec/lzo1x.ts';
import { fc } from '../support/properties.ts';

const bytesOf = (text: string): number[] => [...Buffer.from(text)];
const end = [0x11, 0, 0];
const unpack = (...stream: number[]): string => Buffer.from(decompressLzo1x(Uint8Array.from([...stream, ...end]), 70_000)).toString();
const letters = (count: number): string =>
  Array.from({ length: count }, (_, index) => String.fromCharCode(0x61 + ((index * 7) % 26))).join('');

describe('what the format says', () => {
  test('nothing but the end mark', () => {
    assert.equal(unpack(), '');
  });

  test('a first byte above 17: so many literals less 17', () => {
    assert.equal(unpack(18, ...bytesOf('a')), 'a');
    assert.equal(unpack(21, ...bytesOf('page')), 'page');
    assert.equal(unpack(255, ...bytesOf(letters(238))), letters(238));
  });

  for (const [count, header] of [
    [4, [1]],
    [18, [15]],
    [19, [0, 1]],
    [273, [0, 255]],
    [274, [0, 0, 1]],
    [529, [0, 0, 0, 1]],
  ] as const) {
    test(`a run of ${count} literals`, () => {
      assert.equal(unpack(...header, ...bytesOf(letters(count))), letters(count));
    });
  }

  test('two bytes from near, after one to three literals', () => {
    // Distance (H << 2) + D + 1: 4 is H 0, D 3.
    assert.equal(unpack(21, ...bytesOf('abcd'), 0x20 | 1, 1, 0, ...bytesOf('x'), 3 << 2, 0), 'abcddddxdd');
  });

  test('three bytes from 2049 and more, after four literals and more', () => {
    const text = letters(2100);
    const run = 2100 - 18;
    const zeros = Math.floor((run - 1) / 255);
    // Distance (H << 2) + D + 2049: 2100 is H 12, D 3.
    assert.equal(unpack(0, ...Array<number>(zeros).fill(0), run - zeros * 255, ...bytesOf(text), 3 << 2, 12), text + text.slice(0, 3));
  });

  test('three and four bytes from within 2 KiB, five to eight bytes', () => {
    // Distance (H << 3) + D + 1: 4 is H 0, D 3. Lengths by the upper bits: 64 is 3, 96 is 4, 128 to 224 are 5 to 8.
    for (const [bits, length] of [
      [64, 3],
      [96, 4],
      [128, 5],
      [160, 6],
      [192, 7],
      [224, 8],
    ] as const) {
      assert.equal(unpack(21, ...bytesOf('abcd'), bits | (3 << 2), 0), `abcd${'abcdabcd'.slice(0, length)}`);
    }
  });

  test('a match of any length from within 16 KiB, its length extended', () => {
    assert.equal(unpack(21, ...bytesOf('abcd'), 0x20 | 31, 0, 0), `abcd${'d'.repeat(33)}`);
    assert.equal(unpack(21, ...bytesOf('abcd'), 0x20, 1, 0, 0), `abcd${'d'.repeat(34)}`);
    assert.equal(unpack(21, ...bytesOf('abcd'), 0x20, 0, 1, 0, 0), `abcd${'d'.repeat(33 + 255 + 1)}`);
  });

  test('a match from beyond 16 KiB, and beyond 32 KiB', () => {
    const text = letters(40_000);
    const run = text.length - 18;
    const zeros = Math.floor((run - 1) / 255);
    const literals = [0, ...Array<number>(zeros).fill(0), run - zeros * 255, ...bytesOf(text)];
    // Distance 16384 + (H << 14) + D; D is 14 bits above the two of the trailing literals.
    const near = (20_000 - 16_384) << 2;
    assert.equal(unpack(...literals, 0x10 | 3, near & 0xff, near >>> 8), text + text.slice(20_000, 20_005));
    const far = (36_000 - 32_768) << 2;
    assert.equal(unpack(...literals, 0x18 | 3, far & 0xff, far >>> 8), text + text.slice(4000, 4005));
  });

  test('literals that trail a match', () => {
    assert.equal(unpack(21, ...bytesOf('abcd'), 0x20 | 2, (3 << 2) | 3, 0, ...bytesOf('xyz')), 'abcdabcdxyz');
  });
});

describe('damaged streams are refused', () => {
  for (const [what, stream] of [
    ['nothing', []],
    ['no end mark', [18, 1]],
    ['literals that are cut off', [30, 1]],
    ['a run that is cut off', [0, 0, 0]],
    ['a run of more than the page', [0, ...Array<number>(100).fill(0), 1]],
    ['a match from before the start', [18, 1, 0x26, 8, 0]],
    ['a match that is cut off', [18, 1, 0x26]],
    ['a match of more than the page', [18, 1, 0x20, ...Array<number>(17).fill(0), 1, 0, 0]],
    ['a match length without end', [18, 1, 0x20, ...Array<number>(60).fill(0)]],
  ] as const) {
    test(what, () => {
      assert.throws(() => decompressLzo1x(Uint8Array.from(stream), 4096), RangeError);
    });
  }

  test('any bytes: a page at most, or a RangeError', () => {
    const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 0x11, 0x20, 0x40, 0xff));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 300 }), (stream) => {
        try {
          assert.ok(decompressLzo1x(Uint8Array.from(stream), 4096).length <= 4096);
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error));
        }
      }),
      { numRuns: 8000, seed: 3 },
    );
  });
});
