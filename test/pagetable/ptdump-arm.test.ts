/**
 * The page-table dump of 32-bit arm, of which there is no dump with a truth file: tables by hand, lines as the format strings
 * and column tables of arch/arm/mm/dump.c make them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { armLpae, armShort } from '../../debug-adapter/arch/arm.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { armLongRows, armShortRows, ptdumpArm } from '../../debug-adapter/pagetable/ptdump-arm.ts';
import type { PtdumpInput } from '../../debug-adapter/pagetable/ptdump-lines.ts';
import { armLongTables, armShortTables } from '../builders/arm-tables.ts';

function inputOf(pageTable: PageTable): PtdumpInput {
  const marker = (address: bigint, name: string): PtdumpInput['markers'][number] => ({ address: toAddress(address), name, maxLines: 0 });
  return {
    pageTable,
    markers: [marker(0xbf00_0000n, 'Modules'), marker(0xc000_0000n, 'Kernel Mapping'), marker(0xf000_0000n, 'vmalloc() Area')],
    ranges: [{ start: 0, end: 2 ** 20 }],
    shadow: undefined,
    token: undefined,
    holes: false,
    unwalked: () => assert.fail('every table can be read'),
    cut: () => assert.fail('every line has its place'),
  };
}

test('short descriptors: sections with their domain, pages by the entries that the kernel keeps 2 KiB below', () => {
  const memory = armShortTables();
  // DDI 0406C B3.5.1: section 2, XN bit 4, domain bits 5-8, AP bits 10-11, APX bit 15, S bit 16.
  const section = 0x2n | (1n << 10n);
  for (let index = 0n; index < 3n; index++) memory.map(0xc000_0000n + (index << 20n), (index << 20n) | section | (1n << 16n));
  memory.map(0xc030_0000n, 0x30_0000n | section | (1n << 15n) | (1n << 4n) | (1n << 16n));
  memory.map(0xc040_0000n, 0x40_0000n | section | (2n << 5n));
  // One page for both views: the kernel's 512 entries, then the hardware's (pgtable-2level.h). Table 1, domain bits 5-8.
  const tables = memory.table(0);
  memory.map(0xf000_0000n, (tables + 2048n) | 1n);
  const own = (index: bigint, entry: bigint): void => {
    memory.write(tables + index * 4n, entry, 4);
  };
  // L_PTE_*: PRESENT 1, YOUNG 2, type bits 2-5, DIRTY 6, RDONLY 7, USER 8, XN 9, SHARED 10.
  own(0n, 0x1000n | 0x3n | (0x4n << 0n) | (1n << 6n) | (1n << 9n) | (1n << 10n));
  own(1n, 0x2000n | 0x3n | (0x4n << 0n) | (1n << 6n) | (1n << 9n) | (1n << 10n));
  own(3n, 0x3000n | 0x3n | (0x1cn << 0n) | (1n << 7n));
  const pageTable = new PageTable(memory, armShort({ pageOffset: 0xc000_0000n }), toPhysAddr(memory.root));
  assert.deepEqual(
    ptdumpArm({ ...inputOf(pageTable), ...armShortRows }).map((line) => line.text),
    [
      '---[ Modules ]---',
      '---[ Kernel Mapping ]---',
      '0xc0000000-0xc0300000           3M KERNEL      RW x  SHD',
      '0xc0300000-0xc0400000           1M KERNEL      ro NX SHD',
      '0xc0400000-0xc0500000           1M IO          RW x     ',
      '---[ vmalloc() Area ]---',
      '0xf0000000-0xf0002000           8K KERNEL      RW NX SHD MEM/BUFFERABLE/WC',
      '0xf0003000-0xf0004000           4K KERNEL      ro x      MEM/CACHED/WBWA',
    ],
  );
});

test('long descriptors: no domains, and two types that share an index print both words', () => {
  const memory = armLongTables();
  // DDI 0406C B3.6.2: XN bit 54, AF 10, SH 8-9, AP2 bit 7, AP1 bit 6, AttrIndx 2-4; pgtable-3level.h: RDONLY bit 58.
  const normal = (1n << 10n) | (3n << 8n);
  memory.map(0xc000_0000n, normal | (7n << 2n) | 1n, 1);
  memory.map(0xc020_0000n, 0x20_0000n | normal | (7n << 2n) | (1n << 58n) | (1n << 7n) | (1n << 54n) | 1n, 1);
  memory.map(0xf000_0000n, 0x1000n | normal | (1n << 2n) | (1n << 54n) | 3n);
  const pageTable = new PageTable(memory, armLpae({ pageOffset: 0xc000_0000n }), toPhysAddr(memory.root));
  assert.deepEqual(
    ptdumpArm({ ...inputOf(pageTable), ...armLongRows }).map((line) => line.text),
    [
      '---[ Modules ]---',
      '---[ Kernel Mapping ]---',
      '0xc0000000-0xc0200000           2M RW x  SHD',
      '0xc0200000-0xc0400000           2M ro NX SHD',
      '---[ vmalloc() Area ]---',
      '0xf0000000-0xf0001000           4K     RW NX SHD MEM/BUFFERABLE/WC DEV/WC',
    ],
  );
});
