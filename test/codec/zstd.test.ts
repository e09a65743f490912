/**
 * zstd frames, laid out byte by byte from RFC 8878; what the zstd program makes, where it is installed; and damaged ones.
 * Blocks that real dumps hold are compared page by page in test/image/kdump.test.ts.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { decompressZstd } from '../../debug-adapter/codec/zstd.ts';
import { bundled } from '../support/dumps.ts';
import { fc } from '../support/properties.ts';

const magic = [0x28, 0xb5, 0x2f, 0xfd];
const bytesOf = (text: string): number[] => [...Buffer.from(text)];
/** A block's header: 0 raw, 1 one byte repeated, 2 compressed. */
const block = (type: number, size: number, last = true): number[] => {
  const header = (size << 3) | (type << 1) | (last ? 1 : 0);
  return [header & 0xff, (header >>> 8) & 0xff, header >>> 16];
};
/** A frame in one segment, whose header says how many bytes it holds. */
const frame = (size: number, ...blocks: number[]): number[] => [...magic, 0x60, (size - 256) & 0xff, (size - 256) >>> 8, ...blocks];
const unpack = (input: readonly number[], size = 4096): string => Buffer.from(decompressZstd(Uint8Array.from(input), size)).toString();

describe('what the format says', () => {
  test('nothing at all', () => {
    assert.equal(unpack([]), '');
  });

  test('a raw block, with a window and without a size', () => {
    assert.equal(unpack([...magic, 0, 0, ...block(0, 4), ...bytesOf('page')]), 'page');
  });

  test('sizes of one, two, four and eight bytes', () => {
    const rest = [...block(1, 300), 0x61];
    const text = 'a'.repeat(300);
    assert.equal(unpack([...magic, 0x20, 4, ...block(0, 4), ...bytesOf('page')]), 'page');
    assert.equal(unpack([...magic, 0x60, 300 - 256, 0, ...rest]), text);
    assert.equal(unpack([...magic, 0xa0, 300 & 0xff, 1, 0, 0, ...rest]), text);
    assert.equal(unpack([...magic, 0xe0, 300 & 0xff, 1, 0, 0, 0, 0, 0, 0, ...rest]), text);
  });

  test('several blocks, frames, and frames to skip', () => {
    const first = [...magic, 0, 0, ...block(0, 2, false), ...bytesOf('pa'), ...block(1, 3), 0x67];
    const skipped = [0x5f, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 0xff, 0xff];
    assert.equal(unpack([...first, ...skipped, ...magic, 0, 0, ...block(0, 1), 0x65]), 'paggge');
  });

  test('a checksum is stepped over', () => {
    assert.equal(unpack([...magic, 0x24, 2, ...block(0, 2), ...bytesOf('ok'), 1, 2, 3, 4]), 'ok');
  });

  test('literals alone in a compressed block: raw, and one byte repeated', () => {
    assert.equal(unpack([...magic, 0x20, 3, ...block(2, 5), 3 << 3, ...bytesOf('abc'), 0]), 'abc');
    assert.equal(unpack([...magic, 0x20, 3, ...block(2, 3), (3 << 3) | 1, 0x7a, 0]), 'zzz');
  });

  test('a sequence of codes that take no bits: three literals, and a match of the last offset', () => {
    // All three tables have one symbol: literal length 3, offset code 0 (the last offset, 1), match length 3 + 2.
    const sequences = [1, 0b0101_0100, 3, 0, 2, 1];
    assert.equal(unpack([...magic, 0x20, 8, ...block(2, 4 + sequences.length), 3 << 3, ...bytesOf('abc'), ...sequences]), 'abcccccc');
  });
});

describe(
  'what the zstd program makes',
  { skip: spawnSync('zstd', ['--version']).status === 0 ? false : 'needs zstd, which is not installed' },
  () => {
    const source = readFileSync(bundled.image);
    for (const options of ['-1', '-3', '-19', '--ultra -22', '--fast=5']) {
      for (const size of [1, 50, 255, 256, 1000, 4096, 65_536, 400_000]) {
        test(`zstd ${options}, ${size} bytes`, () => {
          // Headers and bitmaps compress, page data does not: the parts between have both.
          for (const at of [0, 4000, 20_000, 40_000, 400_000]) {
            const text = Buffer.concat([source.subarray(at, at + Math.ceil(size / 2)), source.subarray(at, at + Math.floor(size / 2))]);
            const packed = execFileSync('zstd', [...options.split(' '), '-c', '-q'], { input: text });
            assert.equal(Buffer.compare(decompressZstd(packed, text.length), text), 0, `at ${at}`);
            assert.throws(() => decompressZstd(packed, text.length - 1), RangeError);
            assert.equal(decompressZstd(packed, text.length + 100).length, text.length);
          }
        });
      }
    }

    test('a stream without sizes', () => {
      const text = source.subarray(0, 300_000);
      assert.equal(
        Buffer.compare(decompressZstd(execFileSync('zstd', ['-c', '-q', '--no-content-size'], { input: text }), text.length), text),
        0,
      );
    });

    test('flipped bits and cut ends: as many bytes as were asked for at most, or a RangeError', () => {
      const text = Buffer.concat([source.subarray(0, 2048), source.subarray(400_000, 402_048)]);
      const packed = [1, 3, 19].map((level) => execFileSync('zstd', [`-${level}`, '-c', '-q'], { input: text }));
      fc.assert(
        fc.property(
          fc.constantFrom(...packed),
          fc.array(fc.tuple(fc.nat(5000), fc.nat(7)), { maxLength: 4 }),
          fc.option(fc.nat(5000)),
          (original, flips, cut) => {
            const damaged = Buffer.from(original.subarray(0, cut ?? original.length));
            for (const [at, bit] of flips)
              if (damaged.length > 0) damaged.writeUInt8((damaged[at % damaged.length] ?? 0) ^ (1 << bit), at % damaged.length);
            boundedOrRefused(damaged);
          },
        ),
        { numRuns: 4000, seed: 1 },
      );
    });
  },
);

function boundedOrRefused(input: Uint8Array): void {
  try {
    assert.ok(decompressZstd(input, 4096).length <= 4096);
  } catch (error) {
    assert.ok(error instanceof RangeError, String(error));
  }
}

describe('damaged frames are refused', () => {
  for (const [what, input] of [
    ['another magic number', [1, 2, 3, 4, 5]],
    ['half a magic number', [0x28, 0xb5]],
    ['nothing after the magic number', magic],
    ['a reserved bit', [...magic, 0x28, 0, ...block(0, 0)]],
    ['a dictionary', [...magic, 0x21, 5, 0, ...block(0, 0)]],
    ['a size of more than the page', frame(4097, ...block(1, 4097), 0)],
    ['a size of 2^64 - 1', [...magic, 0xe0, ...Array<number>(8).fill(0xff), ...block(1, 1), 0]],
    ['fewer bytes than its size', frame(4096, ...block(0, 4), 1, 2, 3, 4)],
    ['more bytes than its size', frame(256, ...block(1, 257), 0)],
    ['more bytes than the page', [...magic, 0, 0, ...block(1, 4097), 0]],
    ['no last block', [...magic, 0, 0, ...block(0, 1, false), 1]],
    ['a reserved block type', [...magic, 0, 0, ...block(3, 1), 1]],
    ['a raw block that is cut off', [...magic, 0, 0, ...block(0, 5), 1]],
    ['an empty compressed block', [...magic, 0, 0, ...block(2, 0)]],
    ['literals that are cut off', [...magic, 0, 0, ...block(2, 2), 9 << 3, 1]],
    ['literals of a Huffman table that no block brought', [...magic, 0, 0, ...block(2, 4), 0x13, 0x40, 0, 1]],
    ['sequences that are cut off', [...magic, 0, 0, ...block(2, 3), 1 << 3, 1, 1]],
    ['reserved sequence modes', [...magic, 0, 0, ...block(2, 5), 1 << 3, 1, 1, 1, 1]],
    ['tables to be used again that no block brought', [...magic, 0, 0, ...block(2, 5), 1 << 3, 1, 1, 0xfc, 1]],
    ['an unknown literal length', [...magic, 0, 0, ...block(2, 8), 1 << 3, 1, 1, 0x54, 36, 0, 0, 1]],
    ['a sequence without its bit stream', [...magic, 0, 0, ...block(2, 7), 1 << 3, 1, 1, 0x54, 0, 0, 0]],
    ['a match from before the start', [...magic, 0, 0, ...block(2, 8), 1 << 3, 1, 1, 0x54, 0, 0, 0, 1]],
    ['more literals than there are', [...magic, 0, 0, ...block(2, 8), 1 << 3, 1, 1, 0x54, 2, 0, 0, 1]],
    ['a cut checksum', [...magic, 0x24, 1, ...block(0, 1), 1, 2]],
    ['a frame to skip that is cut off', [0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff]],
  ] as const) {
    test(what, () => {
      assert.throws(() => decompressZstd(Uint8Array.from(input), 4096), RangeError);
    });
  }

  test('98,000 sequences of the longest match in twenty bytes: refused at once', () => {
    const sequences = [1 << 3, 7, 255, 255, 255, 0x54, 0, 0, 52, 1];
    assert.throws(() => decompressZstd(Uint8Array.from(frame(4096, ...block(2, sequences.length), ...sequences)), 4096), RangeError);
  });

  test('any bytes behind the magic number', () => {
    const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 5, 0x54, 0xfc, 0xff));
    fc.assert(
      fc.property(fc.constantFrom([0, 0], [0x60, 0, 15], [0x20, 200]), fc.array(byte, { maxLength: 120 }), (header, rest) => {
        boundedOrRefused(Uint8Array.from([...magic, ...header, ...rest]));
        boundedOrRefused(Uint8Array.from([...magic, ...header, ...block(2, rest.length), ...rest]));
      }),
      { numRuns: 5000, seed: 2 },
    );
  });
});
