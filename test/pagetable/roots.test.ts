/** Roots of architectures without a dump to try them on: tables and notes written by hand, as the kernel headers say. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { ArchitectureName } from '../../debug-adapter/image/image.ts';
import { findArmRoot } from '../../debug-adapter/kernel/opening/root-arm.ts';
import type { RootContext } from '../../debug-adapter/kernel/opening/root-choice.ts';
import { findLoongarch64Root, findMips64Root } from '../../debug-adapter/kernel/opening/root-window.ts';
import { SymbolList } from '../../debug-adapter/symbols/symbol-list.ts';
import { Vmcoreinfo } from '../../debug-adapter/symbols/vmcoreinfo.ts';
import { armLongTables, armShortTables } from '../builders/arm-tables.ts';
import { memoryImage } from '../builders/memory-image.ts';
import { TableMemory } from '../builders/table-memory.ts';

interface Machine {
  readonly architecture: ArchitectureName;
  readonly littleEndian: boolean;
  readonly pointerSize: 4 | 8;
}

function contextOf(
  memory: TableMemory,
  machine: Machine,
  told: { readonly notes?: readonly string[]; readonly symbols?: readonly (readonly [string, bigint])[] },
): RootContext {
  const image = memoryImage('tables by hand', machine, memory);
  const symbols = told.symbols?.map(([name, address]) => ({ name, address: toAddress(address), size: 0, type: 'D', module: undefined }));
  return {
    image,
    vmcoreinfo: told.notes === undefined ? undefined : new Vmcoreinfo(told.notes.join('\n'), 'test'),
    locate: () => (symbols === undefined ? undefined : { symbols: new SymbolList('test', symbols), offset: 0n }),
    opened: () => undefined,
  };
}

const arm: Machine = { architecture: 'arm', littleEndian: true, pointerSize: 4 };

describe('arm', () => {
  const text = 0xc000_8000n;
  test('short descriptors: a section maps the kernel, whose RAM does not start at 0', () => {
    // Arm ARM DDI 0406C B3.5.1: bits 1-0 = 2 for a section of 1 MiB.
    const memory = armShortTables(0x6000_0000n);
    memory.map(text, 0x6000_0000n | 0x1_140en);
    const notes = ['SYMBOL(swapper_pg_dir)=c0000000', `SYMBOL(_stext)=${text.toString(16)}`, 'PAGESIZE=4096'];
    const found = findArmRoot(contextOf(memory, arm, { notes }));
    assert.equal(found.pageTable.root, 0x6000_0000);
    assert.equal(found.mode.levels.length, 2);
    assert.equal(found.pageTable.translate(toAddress(0xc000_8123n)).physical, 0x6000_8123);
  });
  test('long descriptors, by the note or by trying', () => {
    // DDI 0406C B3.6.1: bits 1-0 = 3 for a table, 1 for a block; bit 10 is AF.
    const memory = armLongTables({ base: 0x8000_0000n });
    memory.map(text, 0x8000_0000n | 0x401n, 1);
    const notes = ['SYMBOL(swapper_pg_dir)=c0000000', `SYMBOL(_stext)=${text.toString(16)}`, 'CONFIG_ARM_LPAE=y'];
    const symbols = [
      ['swapper_pg_dir', 0xc000_0000n],
      ['_stext', text],
    ] as const;
    const told = findArmRoot(contextOf(memory, arm, { notes }));
    assert.equal(told.pageTable.translate(toAddress(text)).physical, 0x8000_8000);
    // locate() gives an offset of 0: the symbols are then physical addresses.
    const tried = findArmRoot(
      contextOf(memory, arm, { symbols: symbols.map(([name, at]) => [name, name === '_stext' ? at : at - 0x4000_0000n]) }),
    );
    assert.deepEqual([tried.pageTable.root, tried.mode.levels.length], [0x8000_0000, 3]);
  });
  test('a root that does not map the kernel is refused in words', () => {
    const memory = armShortTables(0x6000_0000n);
    const notes = ['SYMBOL(swapper_pg_dir)=c0000000', `SYMBOL(_stext)=${text.toString(16)}`];
    assert.throws(() => findArmRoot(contextOf(memory, arm, { notes })), /does not map _stext/);
  });
});

describe('windows without tables', () => {
  test('mips64: the root is in CKSEG0, the tables are named by XKPHYS addresses', () => {
    const memory = new TableMemory({
      levels: [
        { shift: 30, bits: 10 },
        { shift: 21, bits: 9 },
        { shift: 12, bits: 9 },
      ],
      littleEndian: false,
      pointer: (address) => 0xa800_0000_0000_0000n | address,
      base: 0x10_0000n,
    });
    // pgtable-bits.h with RIXI, huge pages and special ptes: EntryLo starts behind the software's bits.
    memory.map(0xc000_0000_0000_1000n, 0n);
    const swapper = 0xffff_ffff_8000_0000n + memory.root;
    const machine: Machine = { architecture: 'mips64', littleEndian: false, pointerSize: 8 };
    const notes = [`SYMBOL(swapper_pg_dir)=${swapper.toString(16)}`, 'PAGESIZE=4096'];
    const found = findMips64Root(contextOf(memory, machine, { notes }));
    assert.equal(BigInt(found.pageTable.root), memory.root);
    assert.equal(found.pageTable.translate(toAddress(0xffff_ffff_8001_2345n)).physical, 0x1_2345);
    assert.equal(found.pageTable.translate(toAddress(0xc000_0000_0000_1000n)).levels.length, 3);
  });
  test('loongarch64: as many levels as there are invalid tables', () => {
    const memory = new TableMemory({
      levels: [
        { shift: 36, bits: 11 },
        { shift: 25, bits: 11 },
        { shift: 14, bits: 11 },
      ],
      littleEndian: true,
      pointer: (address) => 0x9000_0000_0000_0000n | address,
    });
    const address = 0xffff_8000_0000_4000n;
    // LoongArch manual vol. 1, 5.4.5: V, D, MAT 1 (bits 4-5), G (bit 6); the kernel's PRESENT and WRITE are bits 7 and 8.
    memory.map(address, 0x12_3400_0000n | 0x1d3n);
    const symbols = [
      ['swapper_pg_dir', 0x9000_0000_0000_0000n + memory.root],
      ['invalid_pte_table', 0x9000_0000_0f00_0000n],
      ['invalid_pmd_table', 0x9000_0000_0f00_4000n],
    ] as const;
    const machine: Machine = { architecture: 'loongarch64', littleEndian: true, pointerSize: 8 };
    const found = findLoongarch64Root(contextOf(memory, machine, { symbols }));
    assert.equal(found.mode.levels.length, 3);
    assert.equal(found.pageTable.translate(toAddress(address + 0x123n)).physical, 0x12_3400_0123);
  });
});
