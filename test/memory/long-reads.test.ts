/** Long reads go past the frame by frame way: they must give the same bytes and the same holes, whatever is missing in between. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { errors } from '../../debug-adapter/base/errors.ts';
import type { ByteSource } from '../../debug-adapter/base/host.ts';
import { ChunkCache } from '../../debug-adapter/image/chunk-cache.ts';
import { SegmentMemory } from '../../debug-adapter/image/segment-memory.ts';
import type { FileSegment } from '../../debug-adapter/image/segment-memory.ts';
import { AddressSpace } from '../../debug-adapter/memory/address-space.ts';
import type { Translator } from '../../debug-adapter/memory/address-space.ts';
import type { MemoryRead } from '../../debug-adapter/memory/hole.ts';
import { frameSize, readPhysical } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { absent, expandedDump } from '../support/dumps.ts';
import { fc } from '../support/properties.ts';

/** A file whose every byte tells its offset, with a bad block from `bad` on. */
class CountingSource implements ByteSource {
  readonly name = 'counting';
  readonly size: number;
  readonly bad: number;
  direct = 0;

  constructor(size: number, bad: number) {
    this.size = size;
    this.bad = bad;
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.size - offset)));
    this.readInto(offset, bytes);
    return bytes;
  }

  readInto(offset: number, bytes: Uint8Array): number {
    const got = Math.max(0, Math.min(bytes.length, this.size - offset));
    if (offset < this.bad + 512 && offset + got > this.bad) throw errors.notReadable(this.name, 'EIO');
    for (let index = 0; index < got; index++) bytes[index] = ((offset + index) * 2_654_435_761) >>> 24;
    this.direct += got;
    return got;
  }

  close(): void {
    // Nothing is open.
  }
}

/** The same memory, asked frame by frame only. */
function frameByFrame(memory: PhysicalMemory): PhysicalMemory {
  return {
    ranges: memory.ranges,
    frame: (frameNumber) => memory.frame(frameNumber),
    partialFrame: (frameNumber) => memory.partialFrame(frameNumber),
  };
}

function memoryOf(source: ByteSource, segments: readonly FileSegment[]): SegmentMemory {
  return new SegmentMemory(new ChunkCache(source), segments, []);
}

/** Of each byte why it is not there; empty where it is. */
function reasonsOf({ bytes, holes }: MemoryRead): string[] {
  const reasons = new Array<string>(bytes.length).fill('');
  for (const { offset, length, reason } of holes) reasons.fill(`${reason.kind}: ${reason.message}`, offset, offset + length);
  return reasons;
}

const segment = fc
  .record({
    start: fc.integer({ min: 0, max: 600_000 }),
    size: fc.integer({ min: 1, max: 300_000 }),
    fileOffset: fc.integer({ min: 0, max: 500_000 }),
    written: fc.integer({ min: 0, max: 300_000 }),
  })
  .map(({ start, size, fileOffset, written }) => ({ start, end: start + size, fileOffset, fileSize: Math.min(size, written) }));

/** The last byte of a segment, behind a bad block in the same frame. */
const besideBadBlock = {
  segments: [{ start: 499_579, end: 610_306, fileOffset: 0, fileSize: 110_727 }],
  ...{ size: 110_727, bad: 110_214, address: 610_305, length: 4096 },
};

describe('long reads', () => {
  test('of physical memory: the bytes and holes of a reading frame by frame, over overlaps, gaps and the end of the file; by bad blocks no fewer bytes', () => {
    fc.assert(
      fc.property(
        fc.record({
          segments: fc.array(segment, { minLength: 1, maxLength: 6 }),
          size: fc.integer({ min: 100_000, max: 700_000 }),
          bad: fc.integer({ min: 0, max: 700_000 }),
          address: fc.integer({ min: 0, max: 700_000 }),
          length: fc.integer({ min: 1, max: 400_000 }),
        }),
        ({ segments, size, bad, address, length }) => {
          const at = toPhysAddr(address);
          const long = readPhysical(memoryOf(new CountingSource(size, bad), segments), at, length);
          const short = readPhysical(frameByFrame(memoryOf(new CountingSource(size, bad), segments)), at, length);
          const sound = readPhysical(frameByFrame(memoryOf(new CountingSource(size, Infinity), segments)), at, length);
          // A bad block takes all of its frame with it for those who ask by frames; a long read may end, or begin, beside it.
          const [reasons, wanted] = [reasonsOf(long), reasonsOf(short)];
          for (const [offset, reason] of reasons.entries()) {
            if (reason === '' && wanted[offset] !== '') assert.match(wanted[offset] ?? '', /^io-error/);
            else assert.equal(reason, wanted[offset]);
            if (reason === '' && long.bytes[offset] !== sound.bytes[offset]) assert.fail(`byte ${offset} is another`);
          }
        },
      ),
      { numRuns: 300, examples: [[besideBadBlock]] },
    );
  });

  test('take the file once', () => {
    const source = new CountingSource(1 << 20, 1 << 21);
    const memory = memoryOf(source, [{ start: 0x1234, end: 0x1234 + (1 << 20), fileOffset: 0, fileSize: 1 << 20 }]);
    assert.deepEqual(readPhysical(memory, toPhysAddr(0x1234), 1 << 20).holes, []);
    assert.equal(source.direct, 1 << 20);
  });

  test('of virtual memory: where frames jump, are not mapped, and where the space ends', () => {
    const source = new CountingSource(1 << 20, 1 << 21);
    const memory = memoryOf(source, [{ start: 0, end: 1 << 20, fileOffset: 0, fileSize: 1 << 20 }]);
    fc.assert(
      fc.property(
        fc.record({
          jumps: fc.array(fc.integer({ min: -1, max: 255 }), { minLength: 4, maxLength: 64 }),
          runs: fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 8 }),
          atTop: fc.boolean(),
          inFrame: fc.integer({ min: 0, max: frameSize - 1 }),
          length: fc.integer({ min: 1, max: 70 * frameSize }),
        }),
        ({ jumps, runs, atTop, inFrame, length }) => {
          const frames = jumps.flatMap((frame, index) =>
            Array.from({ length: runs[index % runs.length] ?? 1 }, (_, page) => (frame < 0 ? -1 : (frame + page) % 256)),
          );
          const pages = atTop ? 2 ** 20 : 2 ** 40;
          const first = pages - 16;
          const narrow = BigInt(pages) * BigInt(frameSize);
          const translator: Translator = {
            frameOf: (page) => frames[(page - first + pages) % pages] ?? -1,
            explain: () => ({ kind: 'not-mapped', message: 'nothing there' }),
            untag: (address) => toAddress(address % narrow),
          };
          const ahead: Translator = {
            ...translator,
            frameOf: (page) => {
              asked = page;
              return translator.frameOf(page);
            },
            pagesAhead: (most) => {
              let count = 1;
              while (count < most && asked + count < pages && translator.frameOf(asked + count) === translator.frameOf(asked) + count)
                count++;
              return count;
            },
          };
          let asked = 0;
          const shape = { littleEndian: true, pointerSize: 8 } as const;
          const start = toAddress(BigInt(first) * BigInt(frameSize) + BigInt(inFrame));
          const plain = new AddressSpace(frameByFrame(memory), translator, shape).read(start, length);
          for (const way of [translator, ahead]) {
            const space = new AddressSpace(memory, way, shape);
            const { bytes, holes } = space.read(start, length);
            assert.deepEqual(holes, plain.holes);
            assert.ok(Buffer.from(bytes).equals(plain.bytes));
            // What a buffer held before does not show through the holes.
            const used = new Uint8Array(length).fill(0xaa);
            assert.deepEqual(space.readInto(start, used), plain.holes);
            assert.ok(Buffer.from(used).equals(plain.bytes));
          }
          for (const offset of [0, length >> 1, length - 1]) {
            const at = (BigInt(start) + BigInt(offset)) % narrow;
            const frame = translator.frameOf(Number(at >> 12n));
            if (frame >= 0) assert.equal(plain.bytes[offset], (((frame * frameSize + Number(at & 0xfffn)) * 2_654_435_761) >>> 24) & 0xff);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('of a real dump: a whole direct map by 1 MiB equals it by pages', (t) => {
    const why = absent('x86-64');
    if (why !== undefined) {
      t.skip(why);
      return;
    }
    const session = openSession(nodeHost(), { paths: [expandedDump('x86-64', 'vmcore.elf')] });
    try {
      const base = BigInt(session.info().pageOffset ?? 0);
      for (const { start, end } of session.memory().physical.ranges) {
        for (let at = start; at < end; at += 1 << 20) {
          const length = Math.min(1 << 20, end - at);
          const long = session.readVirtual(toAddress(base + BigInt(at)), length);
          const unmapped = (page: number): boolean =>
            long.holes.some(({ offset, length: missing }) => page >= offset && page < offset + missing);
          assert.ok(long.holes.every(({ reason }) => reason.kind === 'not-mapped'));
          for (let page = 0; page < length; page += frameSize) {
            const frame = session.memory().physical.frame((at + page) / frameSize);
            assert.ok(
              unmapped(page) || frame === undefined || Buffer.from(frame).equals(long.bytes.subarray(page, page + frameSize)),
              `0x${(at + page).toString(16)}`,
            );
          }
        }
      }
    } finally {
      session.close();
    }
  });
});
