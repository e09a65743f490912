/** PROT_NONE of 32-bit arm with LPAE: a page stays present to the kernel, a large page does not (pmd_present() of pgtable-3level.h). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { armLpae } from '../../debug-adapter/arch/arm.ts';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { pagemapBit, readPagemap } from '../../debug-adapter/kernel/pagemap/pagemap.ts';
import { PagemapProcess } from '../../debug-adapter/kernel/pagemap/pagemap-process.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { listedAreas } from '../builders/listed-areas.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';
import { SparseMemory } from '../builders/small-kernel.ts';

const base = 0xffff_8000_0000_0000n;
const mm = toAddress(base + 0x1000n);
const area = base + 0x2000n;
const [pgd, pmd, pte] = [0x1000, 0x2000, 0x3000];
const none = 1n << 57n;
const executeNever = (1n << 53n) | (1n << 54n);

/** Entries of the pages [0x200, 0x802), by page number. */
function pagemap(): Map<number, readonly [low: number, high: number]> {
  const kernel = new PlainKernel({ architecture: 'arm', base }).room(base, 0x4000);
  kernel.struct('page', 32, { flags: [0, 4], compound_head: [4, 4], mapping: [12, 4], _mapcount: [24, 4] });
  listedAreas(kernel);
  kernel.write(mm, area).words(area, [0x20_0000, 0x80_2000, 0, 0x70]);
  const ram = new SparseMemory();
  for (const table of [pgd, pmd, pte]) ram.clear(table, 0x1000);
  ram.write(pgd, BigInt(pmd) | 3n, 8);
  // Two large pages, one of them PROT_NONE, nothing, and a table with a PROT_NONE page and a swapped one.
  ram.write(pmd + 8, 0x1240_0000n | 0xf5cn | none | executeNever, 8);
  ram.write(pmd + 16, 0x1260_0000n | 0xf5dn | executeNever, 8);
  ram.write(pmd + 32, BigInt(pte) | 3n, 8);
  ram.write(pte, 0x1234_5000n | 0xf5en | none | executeNever, 8);
  ram.write(pte + 8, (5n << 2n) | (0x1234n << 8n), 8);
  const told = new Map<number, readonly [number, number]>();
  readPagemap(new PagemapProcess(kernel.open(), mm, new PageTable(ram, armLpae({ pageOffset: 0xc000_0000n }), toPhysAddr(pgd))), {
    start: 0x200,
    end: 0x802,
    token: neverCancelled,
    sink: (page, count, low, high) => {
      for (let index = 0; index < count; index++) told.set(page + index, [low, high >>> 0]);
    },
    missing: (_start, _end, reason) => assert.fail(reason),
  });
  return told;
}

test('the entries of large and small pages without access', () => {
  const told = pagemap();
  assert.equal(told.size, 0x602);
  for (const page of [0x200, 0x201, 0x3ff, 0x600]) assert.deepEqual(told.get(page), [0, 0], page.toString(16));
  assert.deepEqual(told.get(0x400), [0x1_2600, pagemapBit.present]);
  assert.deepEqual(told.get(0x5ff), [0x1_27ff, pagemapBit.present]);
  assert.deepEqual(told.get(0x800), [0x1_2345, pagemapBit.present]);
  assert.deepEqual(told.get(0x801), [(0x1234 << 5) | 5, pagemapBit.swap]);
});
