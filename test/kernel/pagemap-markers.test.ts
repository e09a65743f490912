/**
 * Markers of userfaultfd: the last swap type; the last but one in kernels in which failed readings had a type of their own
 * (5.19 to 6.1, told by struct mm_rss_stat), and there on x86-64 alone.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { armLpae } from '../../debug-adapter/arch/arm.ts';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { vmFlag } from '../../debug-adapter/kernel/processes/mm.ts';
import { pagemapBit, readPagemap } from '../../debug-adapter/kernel/pagemap/pagemap.ts';
import { PagemapProcess } from '../../debug-adapter/kernel/pagemap/pagemap-process.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { listedAreas } from '../builders/listed-areas.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';
import { SparseMemory } from '../builders/small-kernel.ts';

const base = 0xffff_8000_0000_0000n;
const mm = toAddress(base + 0x1000n);
const areas = [base + 0x2000n, base + 0x2100n] as const;
const tables = [0x1000, 0x2000, 0x3000, 0x4000] as const;
const present = { 'x86-64': 0x67n, arm: 3n } as const;
type Architecture = keyof typeof present;

/** A swap entry of this type and offset 1. */
function swapEntry(architecture: Architecture, type: bigint): bigint {
  return architecture === 'arm' ? (type << 2n) | (1n << 8n) : (type << 59n) | (~(1n << 9n) & 0x07ff_ffff_ffff_fe00n);
}

/** The upper half of the entries of pages of type 30 and 31, and of an empty huge page with type 30 and one with type 31. */
function told(architecture: Architecture, structs: readonly string[]): number[] {
  const kernel = new PlainKernel({ architecture, base }).room(base, 0x4000);
  kernel.struct('page', 64, { flags: [0, 8], compound_head: [8, 8], mapping: [24, 8], _mapcount: [48, 4] });
  listedAreas(kernel);
  if (structs.includes('zap_flags')) kernel.struct('zap_details', 24, { zap_flags: [16, 4] });
  else kernel.struct('zap_details', 24, { single_folio: [0, 8] });
  if (structs.includes('mm_rss_stat')) kernel.struct('mm_rss_stat', 32, { count: [0, 8] });
  kernel.write(mm, areas[0]);
  kernel.words(areas[0], [0x1000n, 0x3000n, areas[1], 0x70n]).words(areas[1], [0x20_0000n, 0x60_0000n, 0n, 0x70n | vmFlag.hugetlb]);
  const ram = new SparseMemory();
  for (const table of tables) ram.clear(table, 0x1000);
  const upper = architecture === 'arm' ? tables.slice(1) : tables;
  upper.slice(1).forEach((table, index) => {
    ram.write(upper[index] ?? 0, BigInt(table) | present[architecture], 8);
  });
  for (const index of [1, 2]) {
    for (const table of tables.slice(2)) ram.write(table + 8 * index, swapEntry(architecture, BigInt(29 + index)), 8);
  }
  const mode = architecture === 'arm' ? armLpae({ pageOffset: 0xc000_0000n }) : x8664Mode({ levels: 4, encryptionMask: 0n });
  const entries = new Map<number, number>();
  readPagemap(new PagemapProcess(kernel.open(), mm, new PageTable(ram, mode, toPhysAddr(upper[0]))), {
    start: 1,
    end: 0x600,
    token: neverCancelled,
    sink: (page, _count, _low, high) => entries.set(page, high >>> 0),
    missing: (_start, _end, reason) => assert.fail(reason),
  });
  return [1, 2, 0x200, 0x400].map((page) => entries.get(page) ?? -1);
}

const { swap, uffdWp } = pagemapBit;

test('markers are of the last type', () => {
  assert.deepEqual(told('x86-64', ['zap_flags']), [swap, swap | uffdWp, 0, uffdWp]);
  assert.deepEqual(told('arm', ['zap_flags']), [swap, swap | uffdWp, 0, uffdWp]);
});

test('the last but one, where failed readings have the last: on x86-64 alone', () => {
  assert.deepEqual(told('x86-64', ['zap_flags', 'mm_rss_stat']), [swap | uffdWp, swap, uffdWp, 0]);
  assert.deepEqual(told('arm', ['zap_flags', 'mm_rss_stat']), [swap, swap, 0, 0]);
});

test('no markers before them', () => {
  assert.deepEqual(told('x86-64', ['mm_rss_stat']), [swap, swap, 0, 0]);
});
