/** Long readings of memory in several files, and of memory that was written to: the bytes and holes of a reading frame by frame. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { readPhysical } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';
import { WrittenMemory } from '../../debug-adapter/memory/written-memory.ts';
import { buildKdump, bytesOf } from '../builders/kdump.ts';
import type { BuiltKdump, BuiltPage } from '../builders/kdump.ts';
import { framesOf, readAll } from '../support/frame-by-frame.ts';
import { memoryHost } from '../support/memory-host.ts';
import { fc } from '../support/properties.ts';

const pageCount = 300;
const pageOf = (page: number): Uint8Array => Uint8Array.from({ length: 4096 }, (_, index) => (page * 31 + (index >>> 3)) & 0xff);

function assertSame(memory: PhysicalMemory, other: PhysicalMemory, place: { readonly address: number; readonly length: number }): void {
  assert.deepEqual(readAll(memory, place.address, place.length), readAll(framesOf(other), place.address, place.length));
}

const place = fc.record({ address: fc.nat(pageCount * 4096), length: fc.integer({ min: 1, max: 700_000 }) });

/** Members of a split set of which the pages in `excluded` were left out. */
function splitSet(borders: readonly number[], excluded: ReadonlySet<number>): Record<string, Buffer> {
  const pages = new Map<number, BuiltPage>();
  for (let page = 0; page < pageCount; page++) if (!excluded.has(page)) pages.set(page, { bytes: pageOf(page), codec: 'zlib' });
  const dump: BuiltKdump = { maxFrame: pageCount, ram: [[0, pageCount]], pages };
  const edges = [0, ...borders, pageCount];
  return Object.fromEntries(
    edges.slice(0, -1).map((start, index) => [`part${index}`, bytesOf(buildKdump({ ...dump, split: [start, edges[index + 1] ?? 0] }))]),
  );
}

/** The files as one image, and how many pages were unpacked so far. */
function openCounting(files: Record<string, Buffer>): { readonly memory: PhysicalMemory; readonly unpacked: () => number } {
  const host = memoryHost(files);
  let count = 0;
  const inflate: typeof host.codecs.inflate = (...parameters) => {
    count++;
    return host.codecs.inflate(...parameters);
  };
  const { memory } = openImage({ ...host, codecs: { ...host.codecs, inflate } }, Object.keys(files));
  return { memory, unpacked: () => count };
}

describe('long readings', () => {
  test('of split sets, whole or with a member missing', () => {
    const borders = fc.uniqueArray(fc.integer({ min: 1, max: pageCount - 1 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(borders, fc.array(fc.nat(pageCount), { maxLength: 6 }), fc.boolean(), place, (unordered, excluded, whole, at) => {
        const files = splitSet(
          unordered.sort((one, other) => one - other),
          new Set(excluded),
        );
        const names = Object.keys(files).slice(whole ? 0 : 1);
        const given = Object.fromEntries(names.map((name) => [name, files[name] ?? Buffer.alloc(0)]));
        assertSame(openImage(memoryHost(given), names).memory, openImage(memoryHost(given), names).memory, at);
      }),
      { numRuns: 40 },
    );
  });

  test('go on in the next member, and keep no pages', () => {
    const { memory, unpacked } = openCounting(splitSet([5, 100], new Set()));
    const into = new Uint8Array(pageCount * 4096);
    for (const round of [1, 2]) {
      assert.equal(memory.readRun?.(0, into), into.length);
      assert.equal(unpacked(), round * pageCount);
    }
    for (let page = 0; page < pageCount; page++) assert.deepEqual(into.subarray(page * 4096, (page + 1) * 4096), pageOf(page));
  });

  test('a lone page, of either member, is kept when it is soon asked for again; what follows it is asked page by page', () => {
    const { memory, unpacked } = openCounting(splitSet([5, 100], new Set()));
    const counts = [40, 2, 70, 40, 40, 2, 2].map((page) => {
      assert.deepEqual(readPhysical(memory, toPhysAddr(page * 4096), 4096), { bytes: pageOf(page), holes: [] });
      return unpacked();
    });
    assert.deepEqual(counts, [1, 2, 3, 4, 4, 5, 5]);
    assert.equal(memory.readRun?.(80 * 4096, new Uint8Array(8192)), 4096);
    assert.equal(memory.readRun(81 * 4096, new Uint8Array(8192)), 0);
  });

  test('of raw memory in several files, apart, beside each other or over one another', () => {
    const part = fc.record({ base: fc.nat(400_000), size: fc.integer({ min: 1, max: 300_000 }) });
    fc.assert(
      fc.property(fc.array(part, { minLength: 2, maxLength: 4 }), fc.boolean(), place, (parts, touching, at) => {
        let end = 0;
        const bases = parts.map(({ base, size }) => {
          const start = touching ? end : base;
          end = start + size;
          return start;
        });
        const files = Object.fromEntries(
          parts.map(({ size }, file) => [
            `file${file}`,
            Buffer.from(Uint8Array.from({ length: size }, (_, index) => file * 64 + (index % 61))),
          ]),
        );
        const rawRanges = bases.map((start) => ({ start, end: undefined }));
        const { memory } = openImage(memoryHost(files), Object.keys(files), { rawRanges });
        assertSame(memory, memory, at);
      }),
      { numRuns: 100 },
    );
  });

  test('of raw memory in files that touch are one run', () => {
    const files = { a: Buffer.alloc(100_000, 1), b: Buffer.alloc(50_001, 2), c: Buffer.alloc(70_000, 3) };
    const rawRanges = [0, 100_000, 150_001].map((start) => ({ start, end: undefined }));
    const { memory } = openImage(memoryHost(files), Object.keys(files), { rawRanges });
    const into = new Uint8Array(200_000);
    assert.equal(memory.readRun?.(50_000, into), 170_001);
    assert.deepEqual([into[49_999], into[50_000], into[100_000], into[100_001], into[170_000]], [1, 2, 2, 3, 3]);
  });

  test('of memory that was written to', () => {
    const dump: BuiltKdump = {
      maxFrame: pageCount,
      ram: [[0, pageCount]],
      pages: new Map(Array.from({ length: pageCount }, (_, page) => [page, { bytes: pageOf(page), codec: 'raw' }])),
    };
    const { memory: below } = openImage(memoryHost({ dump: bytesOf(buildKdump(dump)) }), ['dump']);
    const piece = fc.record({ address: fc.nat(pageCount * 4096), length: fc.integer({ min: 1, max: 10_000 }), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), place, (pieces, at) => {
        const written = new WrittenMemory(
          below,
          pieces.map(({ address, length, value }) => ({ address, bytes: new Uint8Array(length).fill(value) })),
        );
        assertSame(written, written, at);
        const into = new Uint8Array(at.length);
        assert.equal(written.readRun(at.address, into), below.readRun?.(at.address, new Uint8Array(at.length)));
      }),
      { numRuns: 60 },
    );
  });
});
