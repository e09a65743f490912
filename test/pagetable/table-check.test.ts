/** Findings in tables built by hand: each rule, rights through all levels, shared tables, damage of every kind, and seed 002's crash. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { Cancelled } from '../../debug-adapter/base/errors.ts';
import { arm64Mode, currentMemoryTypes } from '../../debug-adapter/arch/arm64.ts';
import type { PagingMode } from '../../debug-adapter/arch/paging-mode.ts';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { missingFrame } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { checkTables } from '../../debug-adapter/pagetable/table-check.ts';
import type { PageUse, TableCheckOptions, TableProblem, TableReport } from '../../debug-adapter/pagetable/table-check.ts';
import { bits, TableBuilder } from '../builders/x86-64-tables.ts';
import { fc } from '../support/properties.ts';

const { p, rw, us, ps, nx, a, d } = bits;
const mode = x8664Mode({ levels: 4, encryptionMask: 0n, physicalBits: () => 40 });
const table = p | rw | a | d;
/** An address in the kernel's half, by its indexes in the four levels. */
const kernelHalf = 400;

function check(
  memory: PhysicalMemory,
  roots: readonly bigint[],
  options: Partial<TableCheckOptions> = {},
  paging: PagingMode = mode,
): TableReport {
  return checkTables(
    roots.map((root) => new PageTable(memory, paging, toPhysAddr(root))),
    { token: neverCancelled, bounds: { tables: 10_000, findings: 1000 }, ...options },
  );
}

/** A root with one kernel page that may be written and not executed, as every kernel with NX has. */
function kernelRoot(builder: TableBuilder): bigint {
  const root = builder.table();
  builder.map(root, [300, 0, 0, 0], 0x1000n | p | rw | nx);
  return root;
}

/** Kind, first address, level. */
function told({ problems }: TableReport): string[] {
  return problems.map(({ kind, page, level }) => `${kind} 0x${(BigInt(page) << 12n).toString(16)} ${level}`);
}

/** The table that the entries lead to. */
function tableAt(builder: TableBuilder, root: bigint, indexes: readonly number[]): bigint {
  return indexes.reduce((at, index) => {
    const frame = builder.frame(Number(at >> 12n));
    assert.ok(frame);
    return new DataView(frame.buffer).getBigUint64(index * 8, true) & 0x000f_ffff_ffff_f000n;
  }, root);
}

describe('memory that may be written and executed', () => {
  test('a page is told with its level and address; so is a large one', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    builder.map(root, [kernelHalf, 1, 2, 3], 0x5000n | p | rw);
    builder.map(root, [kernelHalf, 1, 7], 0x20_0000n | p | rw | ps);
    const report = check(builder, [root]);
    assert.deepEqual(told(report), ['writable-executable 0xffffc80040403000 pte', 'writable-executable 0xffffc80040e00000 pmd']);
    assert.deepEqual(
      report.problems.map(({ pages }) => pages),
      [1, 512],
    );
  });

  test('neighbours are one finding, over the border of a table too', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    for (let page = 500; page < 520; page++) {
      builder.map(root, [kernelHalf, 1, 2 + Math.floor(page / 512), page % 512], (BigInt(page) << 12n) | p | rw);
    }
    const { problems } = check(builder, [root]);
    assert.equal(problems.length, 1);
    assert.equal(problems[0]?.pages, 20);
  });

  for (const [what, level] of [
    ['pgd', 0],
    ['pud', 1],
    ['pmd', 2],
  ] as const) {
    for (const [right, entry] of [
      ['execution', table | nx],
      ['writing', p | a | d],
    ] as const) {
      test(`not where the ${what} takes ${right} away`, () => {
        const builder = new TableBuilder();
        const root = kernelRoot(builder);
        const indexes = [kernelHalf, 1, 2, 3];
        builder.map(root, indexes, 0x5000n | p | rw);
        const holder = tableAt(builder, root, indexes.slice(0, level));
        const below = tableAt(builder, root, indexes.slice(0, level + 1));
        builder.set(holder, indexes[level] ?? 0, below | entry);
        assert.deepEqual(told(check(builder, [root])), []);
      });
    }
  }

  test('one table under two entries, of which one forbids execution: told where it is allowed', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    builder.map(root, [kernelHalf, 1, 2, 3], 0x5000n | p | rw);
    const shared = tableAt(builder, root, [kernelHalf, 1, 2]);
    const directory = tableAt(builder, root, [kernelHalf, 1]);
    builder.set(directory, 2, shared | table | nx);
    builder.set(directory, 9, shared | table);
    assert.deepEqual(told(check(builder, [root])), ['writable-executable 0xffffc80041203000 pte']);
  });

  test('user memory is free to be both', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    builder.map(root, [1, 1, 2, 3], 0x5000n | p | rw | us);
    assert.deepEqual(told(check(builder, [root])), []);
  });

  test('on a machine that keeps no memory from execution none is told, and that is said', () => {
    const builder = new TableBuilder();
    const root = builder.table();
    builder.map(root, [kernelHalf, 1, 2, 3], 0x5000n | p | rw);
    const report = check(builder, [root]);
    assert.deepEqual(told(report), []);
    assert.match(report.warnings.join(), /no kernel memory is kept from execution/);
    const switchedOff = kernelRoot(builder);
    builder.map(switchedOff, [kernelHalf, 1, 2, 3], 0x5000n | p | rw);
    assert.deepEqual(told(check(builder, [switchedOff], { noExecute: false })), []);
  });

  test("arm64: a table's PXNTable and APTable count, and the kernel's own count goes by the last entry", () => {
    const arm64 = arm64Mode({
      pageShift: 12,
      virtualBits: 48,
      wideAddresses: 'none',
      memoryTypes: currentMemoryTypes,
      protNoneBit: () => 11,
    });
    const page = 0x0040_0000_0000_0703n;
    const valid = 3n;
    for (const [upper, found] of [
      [valid, 1],
      [valid | (1n << 59n), 0],
      [valid | (1n << 62n), 0],
      [valid | (1n << 60n), 1],
    ] as const) {
      const builder = new TableBuilder();
      const root = builder.table();
      const tables = [root, builder.table(), builder.table(), builder.table()];
      tables.forEach((at, level) => {
        const below = tables[level + 1];
        if (below !== undefined) builder.set(at, 1, below | (level === 1 ? upper : valid));
      });
      builder.set(tables[3] ?? 0n, 5, 0x5000n | page);
      builder.set(tables[3] ?? 0n, 7, 0x7000n | page | (1n << 53n));
      // Beside it, a page that may be written alone: also where the upper entry takes rights away.
      builder.set(root, 2, (tables[1] ?? 0n) | valid | (1n << 59n));
      const report = check(builder, [root], { kernelCounts: ({ low, high }) => (low & 0x80) === 0 && (high & 0x20_0000) === 0 }, arm64);
      assert.equal(report.problems.length, found, upper.toString(16));
      if (found === 1) assert.deepEqual(told(report), ['writable-executable 0xffff008040205000 pte']);
      // Twice, for the table stands at two addresses.
      assert.equal(report.kernelCount, 2);
    }
  });
});

describe('table pointers', () => {
  test('outside RAM', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    builder.map(root, [kernelHalf, 1, 2, 3], 0x5000n | p | rw | nx);
    const directory = tableAt(builder, root, [kernelHalf, 1]);
    builder.set(directory, 7, 0xde_adbe_e000n | table);
    const report = check(builder, [root]);
    assert.deepEqual(told(report), ['wild-table 0xffffc80040e00000 pmd']);
    const [problem] = report.problems;
    assert.equal(problem?.entryAddress, Number(directory) + 7 * 8);
    assert.equal(problem.entry, 0xde_adbe_e000n | table);
    assert.match(problem.reason, /points to a pte table at physical 0xdeadbee000, where the dump knows of no RAM/);
  });

  test('outside RAM as the dump tells it, to a page that the kernel has marked as a table: a warning', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    builder.map(root, [kernelHalf, 1], 0x20_0000_0000n | table);
    const report = check(builder, [root], { pageUse: () => 'table' });
    assert.deepEqual(told(report), []);
    assert.match(report.warnings.join(), /the pmd table at physical 0x2000000000: no RAM in this test/);
  });

  test('to a page left out of the dump: a warning, unless that page is known to be something else', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    builder.map(root, [kernelHalf, 1], 0x70_0000n | table);
    const excluding: PhysicalMemory = {
      ranges: builder.ranges,
      frame: (frame) => builder.frame(frame),
      partialFrame: () => missingFrame({ kind: 'excluded', message: 'left out' }),
    };
    const quiet = check(excluding, [root]);
    assert.deepEqual(told(quiet), []);
    assert.match(quiet.warnings.join(), /a page table is not in the dump, and what they map was not checked.*0x700000: left out/);
    const loud = check(excluding, [root], { pageUse: (address) => (address === 0x70_0000 ? { other: 'a free page' } : undefined) });
    assert.deepEqual(told(loud), ['wild-table 0xffffc80040000000 pud']);
    assert.deepEqual(loud.warnings, []);
  });

  test('to a page in other use: told for each entry that points there, and not walked', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    const page = builder.table();
    builder.set(page, 4, 0x5000n | p | rw);
    builder.map(root, [kernelHalf, 1, 2], page | table);
    builder.map(root, [kernelHalf, 3, 4], page | table);
    const asked: number[] = [];
    const pageUse = (address: number): PageUse => {
      asked.push(address);
      return address === Number(page) ? { other: 'an anonymous page' } : undefined;
    };
    const report = check(builder, [root], { pageUse });
    assert.deepEqual(told(report), ['wild-table 0xffffc80040400000 pmd', 'wild-table 0xffffc800c0800000 pmd']);
    assert.match(report.problems[0]?.reason ?? '', /which is an anonymous page/);
    assert.equal(asked.filter((address) => address === Number(page)).length, 1);
  });

  test('to the table itself, and to one on the way', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    builder.map(root, [kernelHalf, 1, 2, 3], 0x5000n | p | rw | nx);
    const directory = tableAt(builder, root, [kernelHalf, 1]);
    builder.set(directory, 9, directory | table);
    builder.set(directory, 10, root | table);
    const report = check(builder, [root]);
    assert.deepEqual(told(report), ['table-loop 0xffffc80041200000 pmd', 'table-loop 0xffffc80041400000 pmd']);
    assert.match(report.problems[0]?.reason ?? '', /back to the pmd table that it stands in/);
  });

  test('to a table of an upper level that is not on the way', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    builder.map(root, [kernelHalf, 1, 2, 3], 0x5000n | p | rw | nx);
    const other = tableAt(builder, root, [300]);
    builder.set(tableAt(builder, root, [kernelHalf, 1]), 9, other | table);
    const report = check(builder, [root]);
    assert.deepEqual(told(report), ['wild-table 0xffffc80041200000 pmd']);
    assert.match(report.problems[0]?.reason ?? '', /which is in use as a pud table/);
  });

  test('to a page full of other words, by what is in it', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    const page = builder.table();
    for (let word = 0; word < 512; word++) builder.set(page, word, 0xf200_0900_0002_0000n | BigInt(word));
    builder.map(root, [kernelHalf, 1, 2], page | table);
    builder.map(root, [5, 1, 2], page | table | us);
    const report = check(builder, [root]);
    assert.deepEqual(told(report), ['wild-table 0x28040400000 pmd', 'wild-table 0xffffc80040400000 pmd']);
    assert.match(report.problems[0]?.reason ?? '', /which is no table: 256 of the 256 valid entries in it are impossible/);
  });

  test('fifteen wrong entries in a table are fifteen findings: it still is a table', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    for (let entry = 0; entry < 15; entry++)
      builder.map(root, [kernelHalf, 1, entry * 2], 0x80_0000_0000n | (BigInt(entry) << 21n) | table);
    assert.equal(check(builder, [root]).problems.length, 15);
  });
});

describe('entries that no kernel writes', () => {
  test('address bits that the CPU does not have, a page size that the level does not have, a leaf that is not aligned', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    builder.map(root, [kernelHalf, 1, 2, 3], 0xf_0000_0000_5000n | p | rw | nx);
    builder.map(root, [kernelHalf, 1, 4], 0x20_4000n | p | rw | nx | ps);
    builder.set(root, kernelHalf + 1, 0x5000n | p | rw | ps);
    assert.deepEqual(told(check(builder, [root])), [
      'reserved-bits 0xffffc80040403000 pte',
      'reserved-bits 0xffffc80040800000 pmd',
      'reserved-bits 0xffffc88000000000 pgd',
    ]);
  });

  test('a kernel page that user mode may reach at every level; not where one withholds it, nor where it is meant', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    // The builder's tables let user mode through.
    builder.map(root, [kernelHalf, 1, 2, 3], 0x5000n | p | us | nx);
    builder.map(root, [kernelHalf, 1, 2, 4], 0x6000n | p | us | nx);
    builder.map(root, [kernelHalf, 2, 2, 3], 0x7000n | p | us | nx);
    const pud = tableAt(builder, root, [kernelHalf]);
    builder.set(pud, 2, tableAt(builder, root, [kernelHalf, 2]) | table);
    const intended: TableCheckOptions['intended'] = (page, what) => what === 'user' && page === 0xf_fffc_8004_0403;
    const both = check(builder, [root]);
    assert.deepEqual(told(both), ['reserved-bits 0xffffc80040403000 pte']);
    assert.equal(both.problems[0]?.more, 1);
    assert.deepEqual(told(check(builder, [root], { intended })), ['reserved-bits 0xffffc80040404000 pte']);
  });
});

describe('seed 002: the crash of the generic page walk on an entry that was neither present nor none', () => {
  /** 2 MiB of EFI memory at 0x11a00000, taken away by CPA: present is cleared, no page size, and the frame number is stored inverted. */
  const takenAway = 0x000f_ffff_ee5f_f062n;
  const frame = 0x11a0_0000n;

  function efi(): { builder: TableBuilder; root: bigint; directory: bigint } {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    builder.map(root, [0, 0, 0x8c, 0], 0x1180_0000n | p | rw | nx);
    const directory = tableAt(builder, root, [0, 0]);
    builder.set(directory, 0x8d, takenAway);
    builder.map(root, [0, 0, 0x8e, 0], 0x11c0_0000n | p | rw | nx);
    return { builder, root, directory };
  }

  test('the word is what the report says: direct map plus the complement of the frame', () => {
    // R14 is the frame's address, the fault is at 000f887fee5ff000.
    assert.equal(BigInt.asUintN(64, 0xffff_8880_0000_0000n + (takenAway & 0x000f_ffff_ffff_f000n)), 0x000f_887f_ee5f_f000n);
    assert.equal(~takenAway & 0x000f_ffff_ffe0_0000n, frame);
  });

  test('our walk ends there and says why, reads no table behind it, and goes on to the next entry', () => {
    const { builder, root } = efi();
    const touched: number[] = [];
    const memory: PhysicalMemory = {
      ranges: builder.ranges,
      frame: (number) => {
        touched.push(number);
        return builder.frame(number);
      },
      partialFrame: () => builder.partialFrame(),
    };
    const pageTable = new PageTable(memory, mode, toPhysAddr(root));
    const walk = pageTable.translate(toAddress(0x11a0_0000n));
    assert.equal(walk.physical, undefined);
    assert.deepEqual(
      walk.levels.map(({ level }) => level),
      ['pgd', 'pud', 'pmd'],
    );
    assert.match(walk.reason?.message ?? '', /the pmd entry is /);
    assert.equal(walk.reason?.kind, 'not-mapped');
    assert.equal(pageTable.frameOf(0x11a00), -1);
    assert.equal(pageTable.translate(toAddress(0x11c0_0000n)).physical, 0x11c0_0000);
    // In the kernel's half, where no swap entry can stand, the frame is told.
    builder.map(root, [kernelHalf, 0, 0x8d], takenAway);
    const kernelWalk = new PageTable(memory, mode, toPhysAddr(root)).translate(toAddress(0xffff_c800_11a0_0000n));
    assert.match(kernelWalk.reason?.message ?? '', /not present \(its frame, stored inverted, was at 0x11a00000\)/);
    assert.deepEqual(told(check(memory, [root])), []);
    const wild = Number((takenAway & 0x000f_ffff_ffff_f000n) >> 12n);
    assert.equal(touched.includes(wild), false);
  });

  test('an entry that does point there is a finding, and the entries behind it are still checked', () => {
    const { builder, root, directory } = efi();
    builder.set(directory, 0x90, (takenAway & 0x000f_ffff_ffff_f000n) | table);
    builder.set(directory, 0x91, directory | table);
    const wide = x8664Mode({ levels: 4, encryptionMask: 0n });
    const report = check(builder, [root], {}, wide);
    assert.deepEqual(told(report), ['wild-table 0x12000000 pmd', 'table-loop 0x12200000 pmd']);
    assert.match(report.problems[0]?.reason ?? '', /physical 0xfffffee5ff000/);
  });
});

describe('many tables', () => {
  test('a table that stands at 2^27 addresses is read once', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    const tables = [builder.table(), builder.table(), builder.table()];
    const [pud = 0n, pmd = 0n, pte = 0n] = tables;
    for (let index = 0; index < 512; index++) {
      builder.set(pud, index, pmd | table);
      builder.set(pmd, index, pte | table);
      builder.set(pte, index, 0x5000n | p | (index === 7 ? rw : nx));
    }
    builder.set(root, kernelHalf, pud | table);
    let reads = 0;
    const memory: PhysicalMemory = {
      ranges: builder.ranges,
      frame: (frame) => {
        if (frame === Number(pte >> 12n)) reads++;
        return builder.frame(frame);
      },
      partialFrame: () => builder.partialFrame(),
    };
    const report = check(memory, [root], { kernelCounts: ({ low, level }) => level === 3 && (low & 2) !== 0 });
    assert.ok(reads <= 3, `read ${reads} times`);
    assert.equal(report.tables, 7);
    assert.equal(report.problems.length, 1);
    assert.equal(report.problems[0]?.addresses, 512 * 512);
    // With the page that may not be executed.
    assert.equal(report.kernelCount, 512 * 512 + 1);
  });

  test('what processes hold copies of is told once, what is their own under their own root', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    builder.set(root, kernelHalf, 0xde_adbe_e000n | table);
    builder.map(root, [kernelHalf + 1, 0, 0, 1], 0x5000n | p | rw);
    const processes = [builder.table(), builder.table()];
    processes.forEach((process, at) => {
      builder.set(process, 300, tableAt(builder, root, [300]) | table);
      builder.set(process, kernelHalf, 0xde_adbe_e000n | table);
      builder.set(process, kernelHalf + 1, tableAt(builder, root, [kernelHalf + 1]) | table);
      builder.map(process, [3, 0, at], 0xfe_d000_0000n | table);
    });
    const { problems } = check(builder, [root, ...processes]);
    assert.deepEqual(
      problems.map(({ kind, root: under, user }) => [kind, under, user]),
      [
        ['wild-table', 0, false],
        ['writable-executable', 0, false],
        ['wild-table', 1, true],
        ['wild-table', 2, true],
      ],
    );
  });

  test("a root with a CR3's low bits is the same root", () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    builder.map(root, [kernelHalf, 1, 2, 3], 0x5000n | p | rw);
    for (const bitsBelow of [0x1n, 0x7n, 0xffdn, 0xfffn]) assert.equal(check(builder, [root + bitsBelow]).problems.length, 1);
  });

  test('bounds are kept and told; a cancelled check ends', () => {
    const builder = new TableBuilder();
    const root = kernelRoot(builder);
    for (let entry = 0; entry < 14; entry++)
      builder.map(root, [kernelHalf + entry, 1, entry], 0x80_0000_0000n | (BigInt(entry) << 21n) | table);
    const few = check(builder, [root], { bounds: { tables: 10_000, findings: 5 } });
    assert.equal(few.problems.length, 5);
    assert.match(few.warnings.join(), /there are 14 findings in page tables; the first 5 are told/);
    const small = check(builder, [root], { bounds: { tables: 8, findings: 1000 } });
    assert.equal(small.tables, 8);
    assert.match(small.warnings.join(), /more than 8 page tables/);
    assert.throws(() => check(builder, [root], { token: { cancelled: true } }), Cancelled);
  });

  test('whatever the tables hold, the check ends, and each finding names an entry that stands there', () => {
    const word = fc.oneof(
      fc.bigInt(0n, (1n << 64n) - 1n),
      // Pointers into the few tables there are.
      fc.tuple(fc.integer({ min: 0x101, max: 0x108 }), fc.bigInt(0n, 0xfffn)).map(([frame, flags]) => (BigInt(frame) << 12n) | flags | 1n),
    );
    const entry = fc.record({ table: fc.integer({ min: 0, max: 7 }), index: fc.integer({ min: 0, max: 511 }), word });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 120 }), (entries) => {
        const builder = new TableBuilder();
        const tables = Array.from({ length: 8 }, () => builder.table());
        for (const { table: at, index, word: value } of entries) builder.set(tables[at] ?? 0n, index, value);
        const report = check(builder, [tables[0] ?? 0n]);
        for (const problem of report.problems) assert.equal(wordAt(builder, problem), problem.entry);
      }),
    );
  });
});

function wordAt(builder: TableBuilder, { entryAddress }: TableProblem): bigint | undefined {
  const frame = builder.frame(Math.floor(entryAddress / 4096));
  return frame === undefined ? undefined : new DataView(frame.buffer).getBigUint64(entryAddress % 4096, true);
}
