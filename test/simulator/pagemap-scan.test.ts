/** PAGEMAP_SCAN as an operation: what it write-protects, and the rules of versions of its patch that were not merged. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Machine } from '../../debug-adapter/simulator/machine.ts';
import type { Arguments, OperationValue } from '../../debug-adapter/simulator/operation.ts';
import type { MachineFeatures } from '../../debug-adapter/simulator/options.ts';

const page = 4096n;
const huge = 512n;

interface Answer {
  readonly return: bigint;
  readonly errno: string | undefined;
  readonly walk_end: bigint;
  readonly regions: readonly { readonly start: bigint; readonly end: bigint; readonly categories: string }[];
  readonly protects: readonly { readonly start: bigint; readonly end: bigint }[];
}

class Scanned {
  readonly machine: Machine;
  readonly process: bigint;

  constructor(features: Partial<MachineFeatures> = {}) {
    this.machine = Machine.create({ features });
    this.process = this.machine.run('create_process') as bigint;
  }

  run(name: string, given: Arguments): OperationValue {
    return this.machine.run(name, { process: this.process, ...given });
  }

  map(pages: bigint, more: Arguments = {}): bigint {
    return this.run('mmap', { size: pages * page, ...more }) as bigint;
  }

  write(start: bigint, ...indexes: readonly bigint[]): void {
    for (const index of indexes) this.run('fault', { address: start + index * page, write: true });
  }

  scan(start: bigint, pages: bigint, more: Arguments = {}): Answer {
    return this.run('pagemap_scan', { start, end: start + pages * page, ...more }) as unknown as Answer;
  }

  /** Regions as page numbers from `start` on, with their categories. */
  regions(start: bigint, answer: Answer): string[] {
    return answer.regions.map(({ start: from, end, categories }) => `${(from - start) / page}-${(end - start) / page} ${categories}`);
  }
}

const protect = { flags: 'WP_MATCHING', category_mask: 'WRITTEN', return_mask: 'WRITTEN' };

describe('PAGEMAP_SCAN with WP_MATCHING', () => {
  it('arms pages that are there and those that are not; a write disarms one', () => {
    const one = new Scanned();
    const start = one.map(8n);
    one.write(start, 0n, 2n);
    one.run('userfaultfd_register', { address: start, size: 8n * page });
    const first = one.scan(start, 8n, protect);
    assert.deepEqual(one.regions(start, first), ['0-8 WRITTEN']);
    assert.deepEqual(first.protects, [{ start, end: start + 8n * page }]);
    assert.deepEqual(one.regions(start, one.scan(start, 8n)), [
      '0-1 WPALLOWED|PRESENT|SOFT_DIRTY',
      '1-2 WPALLOWED|SWAPPED|SOFT_DIRTY',
      '2-3 WPALLOWED|PRESENT|SOFT_DIRTY',
      '3-8 WPALLOWED|SWAPPED|SOFT_DIRTY',
    ]);
    one.write(start, 2n, 5n);
    assert.deepEqual(one.regions(start, one.scan(start, 8n, protect)), ['2-3 WRITTEN', '5-6 WRITTEN']);
    assert.deepEqual(one.scan(start, 8n, protect).regions, []);
  });

  it('refuses areas that are not registered, or passes over them', () => {
    const one = new Scanned();
    const start = one.map(4n);
    one.write(start, 0n);
    assert.equal(one.scan(start, 4n, { ...protect, flags: 'WP_MATCHING|CHECK_WPASYNC' }).errno, 'EPERM');
    const passed = one.scan(start, 4n, protect);
    assert.deepEqual([passed.return, passed.protects], [0n, []]);
  });

  it('splits a huge page of which a part is protected, and protects a whole one as it is', () => {
    const one = new Scanned();
    const start = one.map(2n * huge);
    one.run('madvise', { address: start, size: 2n * huge * page, advice: 'MADV_HUGEPAGE' });
    one.write(start, 0n, huge);
    one.run('userfaultfd_register', { address: start, size: 2n * huge * page });
    const answer = one.scan(start, 2n * huge, { ...protect, return_mask: 'WRITTEN|HUGE', max_pages: huge + 100n });
    assert.deepEqual(one.regions(start, answer), ['0-512 WRITTEN|HUGE', '512-612 WRITTEN']);
    assert.equal(answer.walk_end, start + 612n * page);
    assert.deepEqual(one.regions(start, one.scan(start, 2n * huge, { category_mask: 'WRITTEN', return_mask: 'WRITTEN|HUGE' })), [
      '612-1024 WRITTEN',
    ]);
  });

  it('cannot protect a part of a page of hugetlbfs', () => {
    const one = new Scanned();
    const start = one.map(huge, { flags: 'MAP_PRIVATE|MAP_HUGETLB' });
    one.write(start, 0n);
    one.run('userfaultfd_register', { address: start, size: huge * page });
    const part = one.scan(start, 100n, protect);
    assert.deepEqual([part.return, part.protects, part.walk_end], [0n, [], start]);
    assert.deepEqual(one.regions(start, one.scan(start, huge, protect)), ['0-512 WRITTEN']);
    assert.deepEqual(one.scan(start, huge, protect).regions, []);
  });

  it('lets an access wait where the protection is not resolved by the kernel', () => {
    const one = new Scanned();
    const start = one.map(2n);
    one.write(start, 0n);
    one.run('userfaultfd_register', { address: start, size: 2n * page, features: 'WP_UNPOPULATED' });
    one.run('userfaultfd_writeprotect', { address: start, size: 2n * page });
    assert.equal(one.run('fault', { address: start, write: true }), false);
    assert.equal(one.run('fault', { address: start }), true);
    one.run('userfaultfd_writeprotect', { address: start, size: 2n * page, on: false });
    assert.equal(one.run('fault', { address: start, write: true }), true);
    const missing = one.map(2n);
    one.run('userfaultfd_register', { address: missing, size: 2n * page, mode: 'MISSING' });
    assert.equal(one.run('fault', { address: missing }), false);
    one.run('userfaultfd_zeropage', { address: missing, size: page });
    assert.equal(one.run('fault', { address: missing }), true);
  });
});

describe('rules of PAGEMAP_SCAN that were reviewed', () => {
  /** Written pages 2, 3 and 7 of 16; a buffer that is there and has no room. */
  const empty = (features: Partial<MachineFeatures>): readonly [bigint, bigint] => {
    const one = new Scanned(features);
    const start = one.map(16n);
    one.write(start, 2n, 3n, 7n);
    const { return: count, walk_end: end } = one.scan(start, 16n, { category_mask: 'PRESENT', vec_len: 0n });
    return [count, (end - start) / page];
  };

  it('an empty buffer: the whole range is walked, but before version 29 the first match is where the walk ends', () => {
    assert.deepEqual(empty({}), [0n, 16n]);
    assert.deepEqual(empty({ scanVersion29: true }), [0n, 16n]);
    assert.deepEqual(empty({ scanStopsWithoutRoom: true }), [0n, 2n]);
  });

  /** Four small pages before a huge page that is cut by max_pages: it is backed out, split, and put out page by page. */
  const backedOut = (features: Partial<MachineFeatures>): string[] => {
    const one = new Scanned(features);
    const start = one.map(2n * huge);
    one.run('madvise', { address: start + huge * page, size: huge * page, advice: 'MADV_HUGEPAGE' });
    one.write(start, 508n, 509n, 510n, 511n, 512n);
    one.run('userfaultfd_register', { address: start, size: 2n * huge * page });
    return one.regions(
      start,
      one.scan(start, 2n * huge, { ...protect, category_mask: 'WRITTEN|PRESENT', return_mask: 'PRESENT|HUGE', max_pages: 104n }),
    );
  };

  it('a range that is backed out: version 29 goes on in the region before it, merged kernels in a new one', () => {
    assert.deepEqual(backedOut({}), ['508-512 PRESENT', '512-612 PRESENT']);
    assert.deepEqual(backedOut({ scanVersion29: true }), ['508-612 PRESENT']);
  });

  it('a full buffer of the kernel: version 29 begins again at the caller’s walk_end', () => {
    const starts = (features: Partial<MachineFeatures>): bigint[] => {
      const one = new Scanned(features);
      const start = one.map(1200n);
      one.write(start, ...Array.from({ length: 600 }, (_, index) => BigInt(index * 2)));
      const { regions } = one.scan(start, 1200n, { category_mask: 'PRESENT', vec_len: 600n });
      return [BigInt(regions.length), ...[511, 512].map((index) => ((regions[index]?.start ?? 0n) - start) / page)];
    };
    assert.deepEqual(starts({}), [600n, 1022n, 1024n]);
    assert.deepEqual(starts({ scanVersion29: true }), [600n, 1022n, 0n]);
  });
});
