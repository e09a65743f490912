/** The search for texts in physical memory, against a search of the bytes themselves. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CancellationSource } from '../../debug-adapter/base/cancellation.ts';
import { Cancelled, errors } from '../../debug-adapter/base/errors.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { MemoryScan } from '../../debug-adapter/memory/memory-scan.ts';
import { frameSize } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { bytesFile, fileHost, pieceOf, sparseFile } from '../builders/file-host.ts';
import { avmlRecord } from '../builders/lime-file.ts';
import { fc } from '../support/properties.ts';

const texts = ['OSRELEASE=', 'Linux\0', 'aa'];
const blockSize = 256 * 1024;

function rawMemory(bytes: Uint8Array, start = 0): PhysicalMemory {
  return openImage(fileHost({ raw: bytesFile(bytes) }), ['raw'], { rawRanges: [{ start, end: undefined }] }).memory;
}

function placed(size: number, what: readonly (readonly [at: number, text: string])[]): Uint8Array {
  const bytes = new Uint8Array(size);
  for (const [at, text] of what) bytes.set(new TextEncoder().encode(text).subarray(0, size - at), at);
  return bytes;
}

function expected(bytes: Uint8Array, text: string, start = 0): number[] {
  const found: number[] = [];
  const buffer = Buffer.from(bytes);
  for (let at = buffer.indexOf(text, 0, 'latin1'); at >= 0; at = buffer.indexOf(text, at + 1, 'latin1')) found.push(start + at);
  return found;
}

describe('places of texts', () => {
  const arbitrary = fc.array(fc.tuple(fc.nat({ max: 3 * blockSize }), fc.constantFrom('OSRELEASE=', 'Linux\0', 'aaaa', 'OSREL', 'EASE=')), {
    maxLength: 20,
  });
  for (const [what, find] of [
    ['with what the platform has', nodeHost().findBytes],
    ['with a loop', undefined],
  ] as const) {
    test(`${what}: in any memory, over the ends of blocks`, () => {
      fc.assert(
        fc.property(arbitrary, fc.constantFrom(0, 0x1000, 0x1234), (chosen, start) => {
          // One text over each end of a block, too.
          const bytes = placed(3 * blockSize + 16, [...chosen, [blockSize - 3, 'OSRELEASE='], [2 * blockSize - 1, 'Linux\0']]);
          const scan = new MemoryScan(rawMemory(bytes, start), texts, { findBytes: find });
          texts.forEach((text, index) => {
            assert.deepEqual([...scan.places(index)], expected(bytes, text, start));
          });
        }),
        { numRuns: 30 },
      );
    });
  }

  test('frame by frame, where memory has no faster way', () => {
    const bytes = placed(4 * frameSize, [
      [frameSize - 1, 'OSRELEASE='],
      [2 * frameSize, 'aa'],
    ]);
    const { ranges, frame, partialFrame } = withoutBlocks(rawMemory(bytes));
    const scan = new MemoryScan({ ranges, frame, partialFrame }, texts, {});
    assert.deepEqual([...scan.places(0)], [frameSize - 1]);
    assert.deepEqual([...scan.places(2)], [2 * frameSize]);
  });

  test('a text in two pieces with a hole between is none', () => {
    const host = fileHost({ raw: bytesFile(placed(2 * frameSize, [[frameSize - 4, 'OSRELEASE=']])) });
    const rawRanges = [
      { start: 0, end: frameSize },
      { start: 2 * frameSize, end: 3 * frameSize },
    ];
    const { memory } = openImage(host, ['raw'], { rawRanges });
    assert.deepEqual([...new MemoryScan(memory, texts, {}).places(0)], []);
  });

  test('AVML: by its chunks', () => {
    const bytes = placed(3 * 65_536, [
      [65_530, 'OSRELEASE='],
      [100_000, 'Linux\0'],
    ]);
    const { memory } = openImage(fileHost({ avml: bytesFile(avmlRecord(0x10_0000, bytes)) }), ['avml']);
    const scan = new MemoryScan(memory, texts, {});
    assert.deepEqual([...scan.places(0)], [0x10_0000 + 65_530]);
    assert.deepEqual([...scan.places(1)], [0x10_0000 + 100_000]);
  });

  test('a bad block of the disk hides what lies in its frame, and nothing else', () => {
    const bad = 5 * frameSize + 100;
    const bytes = placed(blockSize, [
      [4 * frameSize, 'OSRELEASE='],
      [5 * frameSize, 'OSRELEASE='],
      [6 * frameSize, 'OSRELEASE='],
    ]);
    const open = bytesFile(bytes);
    const host = fileHost({
      raw: (name) => {
        const source = open(name);
        const read = (offset: number, length: number): Uint8Array => {
          if (offset <= bad && bad < offset + length) throw errors.notReadable(name, 'EIO');
          return source.read(offset, length);
        };
        return { ...source, read };
      },
    });
    const { memory } = openImage(host, ['raw'], { rawRanges: [{ start: 0, end: undefined }] });
    assert.deepEqual([...new MemoryScan(memory, texts, {}).places(0)], [4 * frameSize, 6 * frameSize]);
  });
});

describe('only as far as is asked', () => {
  const size = 64 * blockSize;
  const text = placed(32, [[0, 'OSRELEASE=']]);

  test('the first place is told when its block is read', () => {
    const file = sparseFile([pieceOf(blockSize, text), pieceOf(60 * blockSize, text)], size);
    const { memory } = openImage(fileHost({ raw: file.open }), ['raw'], { rawRanges: [{ start: 0, end: undefined }] });
    const scan = new MemoryScan(memory, texts, {});
    assert.equal(scan.places(0).next().value, blockSize);
    assert.ok(file.farthest <= 2 * blockSize, `${file.farthest} bytes were read`);
    // Another question goes on where this one ended.
    assert.deepEqual([...scan.places(0)], [blockSize, 60 * blockSize]);
    assert.ok(file.readBytes <= size + 2 * frameSize, `${file.readBytes} bytes were read`);
  });

  test('another scan goes on where one ended, also within a text', () => {
    const bytes = placed(3 * blockSize, [
      [10, 'OSRELEASE='],
      [blockSize - 5, 'OSRELEASE='],
      [2 * blockSize, 'OSRELEASE='],
    ]);
    const first = new MemoryScan(rawMemory(bytes), texts, {});
    assert.equal(first.places(0).next().value, 10);
    const known = structuredClone(first.state);
    assert.ok(known.next > 0 && known.next <= blockSize);
    assert.deepEqual([...new MemoryScan(rawMemory(bytes), texts, { known }).places(0)], [10, blockSize - 5, 2 * blockSize]);
    const all = new MemoryScan(rawMemory(bytes), texts, { known });
    assert.equal([...all.places(0)].length, 3);
    // What has been read to the end is not read again.
    const file = sparseFile([], 3 * blockSize);
    const { memory } = openImage(fileHost({ raw: file.open }), ['raw'], { rawRanges: [{ start: 0, end: undefined }] });
    const before = file.readBytes;
    assert.deepEqual([...new MemoryScan(memory, texts, { known: all.state }).places(0)], [10, blockSize - 5, 2 * blockSize]);
    assert.equal(file.readBytes, before);
  });

  test('it ends when it is cancelled', () => {
    const file = sparseFile([pieceOf(blockSize, text)], size);
    const { memory } = openImage(fileHost({ raw: file.open }), ['raw'], { rawRanges: [{ start: 0, end: undefined }] });
    const token = new CancellationSource();
    const places = new MemoryScan(memory, texts, { token }).places(0);
    assert.equal(places.next().value, blockSize);
    token.cancel();
    assert.throws(() => places.next(), Cancelled);
    assert.ok(file.farthest <= 2 * blockSize);
  });
});

function withoutBlocks(memory: PhysicalMemory): Pick<PhysicalMemory, 'ranges' | 'frame' | 'partialFrame'> {
  return {
    ranges: memory.ranges,
    frame: (frameNumber) => memory.frame(frameNumber),
    partialFrame: (frameNumber) => memory.partialFrame(frameNumber),
  };
}
