/** The picture of physical memory: every byte of RAM is in one piece, no piece is empty, and there are never too many. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memoryMap } from '../../debug-adapter/session/memory-map-facts.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';
import { fc } from '../support/properties.ts';

function memoryOf(ranges: PhysicalMemory['ranges'], stored?: PhysicalMemory['storedBytes']): PhysicalMemory {
  const none = { bytes: new Uint8Array(4096), holes: [] };
  return { ranges, frame: () => undefined, partialFrame: () => none, ...(stored === undefined ? {} : { storedBytes: stored }) };
}

describe('the picture of physical memory', () => {
  test('whatever the ranges are', () => {
    const lengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 1 << 22 }), fc.integer({ min: 1, max: 1 << 22 })), { maxLength: 3000 });
    fc.assert(
      fc.property(lengths, fc.constantFrom(4096, 65_536, 2 ** 24), (parts, page) => {
        let at = 0;
        const ranges = parts.map(([gap, length]) => {
          const start = at + gap * page;
          at = start + length * page;
          return { start, end: at };
        });
        const pieces = memoryMap(memoryOf(ranges));
        assert.ok(pieces.length <= 1024, `${pieces.length} pieces`);
        assert.equal(
          pieces.reduce((sum, { ram }) => sum + ram, 0),
          ranges.reduce((sum, { start, end }) => sum + end - start, 0),
        );
        let before = -1n;
        for (const { start, end, ram, stored } of pieces) {
          assert.ok(BigInt(start) >= before && BigInt(end) > BigInt(start) && ram > 0 && stored === null);
          before = BigInt(end);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('what the file has is asked piece by piece, each byte once', () => {
    const ranges = [
      { start: 0, end: 0x9f000 },
      { start: 0x100000, end: 0x4000_0000 },
    ];
    const asked: [number, number][] = [];
    const pieces = memoryMap(
      memoryOf(ranges, (start, end) => {
        asked.push([start, end]);
        return (end - start) / 2;
      }),
    );
    assert.ok(pieces.length >= 256 && pieces.length <= 1024);
    assert.deepEqual([asked[0]?.[0], asked.at(-1)?.[1]], [0, 0x4000_0000]);
    assert.deepEqual(
      asked.map(([start]) => start),
      [...new Set(asked.map(([start]) => start))].sort((a, b) => a - b),
    );
    assert.ok(pieces.every(({ start, end, stored }) => stored === Number(BigInt(end) - BigInt(start)) / 2));
  });

  test('no RAM is no piece', () => {
    assert.deepEqual(memoryMap(memoryOf([])), []);
  });
});
