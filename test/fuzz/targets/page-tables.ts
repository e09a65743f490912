/**
 * Page tables of every paging mode that no kernel would write: small memories full of entries that lead to each other, to
 * themselves, out of RAM, with all flags. Walkers end, agree with each other, and stay in bounds.
 */
import assert from 'node:assert/strict';
import { arc } from '../../../debug-adapter/arch/arc.ts';
import { arm64Mode, currentMemoryTypes } from '../../../debug-adapter/arch/arm64.ts';
import { armLpae, armShort } from '../../../debug-adapter/arch/arm.ts';
import { loongarch64 } from '../../../debug-adapter/arch/loongarch64.ts';
import { mips64 } from '../../../debug-adapter/arch/mips64.ts';
import { entryKind } from '../../../debug-adapter/arch/paging-mode.ts';
import type { PagingMode } from '../../../debug-adapter/arch/paging-mode.ts';
import { powerpcRadixMode } from '../../../debug-adapter/arch/powerpc-radix.ts';
import { riscvMode } from '../../../debug-adapter/arch/riscv.ts';
import { s390Mode } from '../../../debug-adapter/arch/s390.ts';
import { sparc64 } from '../../../debug-adapter/arch/sparc64.ts';
import { x86Pae, x86TwoLevel } from '../../../debug-adapter/arch/x86-32.ts';
import { x8664Mode } from '../../../debug-adapter/arch/x86-64.ts';
import { toAddress, toPhysAddr } from '../../../debug-adapter/base/address.ts';
import { neverCancelled } from '../../../debug-adapter/base/cancellation.ts';
import type { CancellationToken } from '../../../debug-adapter/base/cancellation.ts';
import { Cancelled } from '../../../debug-adapter/base/errors.ts';
import { frameSize, missingFrame } from '../../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../../debug-adapter/memory/physical-memory.ts';
import { FrameDiff } from '../../../debug-adapter/pagetable/frame-diff.ts';
import { mappedRuns } from '../../../debug-adapter/pagetable/mapped-runs.ts';
import { PageTable } from '../../../debug-adapter/pagetable/page-table.ts';
import { walkForPtdump } from '../../../debug-adapter/pagetable/ptdump-walk.ts';
import { buildReverseMap } from '../../../debug-adapter/pagetable/reverse-map.ts';
import { checkTables } from '../../../debug-adapter/pagetable/table-check.ts';
import { tableEntries } from '../../../debug-adapter/pagetable/table-entries.ts';
import { Dice, edges } from '../../builders/mutations.ts';
import { assertDifferencesAgree, assertMappingsAgree, assertRunsAgree } from '../agreement.ts';
import { assertSentence } from '../target.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';

const pageOffset = 0xc000_0000n;

const modes: readonly PagingMode[] = [
  x8664Mode({ levels: 4, encryptionMask: 0n }),
  x8664Mode({ levels: 5, encryptionMask: 1n << 47n }),
  x86Pae({ pageOffset }),
  x86TwoLevel({ pageOffset }),
  ...([12, 14, 16] as const).map((pageShift) =>
    arm64Mode({
      pageShift,
      virtualBits: pageShift === 14 ? 47 : 48,
      wideAddresses: 'none',
      memoryTypes: currentMemoryTypes,
      protNoneBit: () => 11,
    }),
  ),
  arm64Mode({ pageShift: 12, virtualBits: 52, wideAddresses: 'lpa2', memoryTypes: currentMemoryTypes, protNoneBit: () => 58 }),
  armShort({ pageOffset }),
  armLpae({ pageOffset }),
  ...([39, 48, 57] as const).map((virtualBits) => riscvMode({ virtualBits, thead: virtualBits === 39 })),
  ...([0, 1, 2, 3] as const).map((type) => s390Mode(type)),
  powerpcRadixMode(12),
  powerpcRadixMode(16),
  mips64({ pageShift: 12, littleEndian: true }),
  mips64({ pageShift: 14, littleEndian: false, vaBits48: true }),
  loongarch64({ pageShift: 14, levels: 3 }),
  loongarch64({ pageShift: 12, levels: 4 }),
  sparc64({ tte: 'sun4u' }),
  sparc64({ tte: 'sun4v', image: { physical: 0x40_0000, size: 0x80_0000 } }),
  arc({ pageShift: 13 }),
  arc({ pageShift: 13, levels: 4, pae40: true }),
];

/** Long runs went through tables in the upper half of arc, which the hardware does not translate. */
const regressions: Readonly<Record<string, readonly number[]>> = {
  'arc, 8K pages, 2 levels': [894309004],
  'arc, 8K pages, 4 levels, PAE40': [894309019],
};

const frames = 128;
/** RAM begins where a table can lie on every machine: arc has none below. */
const base = 0x8000_0000;
const size = frames * frameSize;

function anyFrame(dice: Dice): number {
  return base + dice.next(frames) * frameSize;
}

/** Entries of each sort that are looked for, and tries to find them. */
const poolSize = 48;
const tries = 30_000;

/** Where architectures keep addresses in entries: as they stand, shifted (riscv, mips), behind a window (mips, loongarch). */
function candidate(dice: Dice): bigint {
  const address = BigInt(anyFrame(dice));
  const windows = [0x9800_0000_0000_0000n, 0x9000_0000_0000_0000n, 0xa800_0000_0000_0000n].map((window) => address | window);
  const placed = dice.pick([address, address >> 2n, address, ...windows, address << 2n, address << 4n, address << 6n]);
  const high = dice.next(2) === 0 ? 0n : BigInt(dice.next(2 ** 16)) << 48n;
  return placed | high | BigInt(dice.pick([0, dice.next(4096), dice.next(4096) & dice.next(4096)]));
}

function inRam(address: number): boolean {
  return address >= base && address < base + size;
}

interface Entry {
  readonly low: number;
  readonly high: number;
}

/** Entries of each level that lead to tables in RAM, and that map RAM; as many as are found. */
function poolsOf(mode: PagingMode): readonly { readonly tables: Entry[]; readonly leaves: Entry[] }[] {
  const dice = new Dice(1);
  return mode.levels.map(({ entrySize }, level) => {
    const tables: Entry[] = [];
    const leaves: Entry[] = [];
    for (let attempt = 0; attempt < tries && (tables.length < poolSize || leaves.length < poolSize); attempt++) {
      const value = candidate(dice);
      const low = Number(value & 0xffff_ffffn);
      const high = entrySize === 8 ? Number((value >> 32n) & 0xffff_ffffn) : 0;
      const kind = mode.kind(level, low, high);
      if (kind === entryKind.table && tables.length < poolSize && inRam(mode.tableAddress(level, low, high))) tables.push({ low, high });
      if (kind === entryKind.leaf && leaves.length < poolSize && inRam(mode.leafAddress(level, low, high))) leaves.push({ low, high });
    }
    return { tables, leaves };
  });
}

/** RAM in which every page is a table of some level; one page of it may be missing. */
function memoryOf(mode: PagingMode, pools: ReturnType<typeof poolsOf>, dice: Dice): PhysicalMemory {
  const missing = dice.next(frames * 2);
  // How full tables are: sparse ones end walks soon, full ones have many ways.
  const density = dice.pick([1, 4, 16, 64]);
  const contents = Array.from({ length: frames }, (_, number) => {
    const bytes = new Uint8Array(frameSize);
    const view = new DataView(bytes.buffer);
    const level = number % mode.levels.length;
    const { entrySize } = mode.levels[level] ?? { entrySize: 8 };
    const pool = pools[level];
    const entries = Math.ceil(frameSize / entrySize / density);
    for (let entry = 0; entry < entries; entry++) {
      const at = dice.next(frameSize / entrySize) * entrySize;
      const of = dice.next(4) === 0 ? pool?.leaves : pool?.tables;
      const noise = dice.next(16) === 0 || of === undefined || of.length === 0;
      const value = noise ? dice.pick(edges) ^ candidate(dice) : 0n;
      const { low, high } = (noise ? undefined : of[dice.next(of.length)]) ?? {
        low: Number(value & 0xffff_ffffn),
        high: Number((value >> 32n) & 0xffff_ffffn),
      };
      if (entrySize === 4) view.setUint32(at, low, mode.littleEndian);
      else {
        view.setUint32(at + (mode.littleEndian ? 0 : 4), low, mode.littleEndian);
        view.setUint32(at + (mode.littleEndian ? 4 : 0), high, mode.littleEndian);
      }
    }
    return bytes;
  });
  return {
    ranges: [{ start: base, end: base + size }],
    frame: (number) => (number - base / frameSize === missing ? undefined : contents[number - base / frameSize]),
    partialFrame: () => missingFrame({ kind: 'not-ram', message: 'no RAM in this test' }),
  };
}

function probe(table: PageTable, dice: Dice): void {
  const { mode } = table;
  const top = 1n << BigInt(mode.addressBits);
  for (let count = 0; count < 40; count++) {
    const random = (BigInt(dice.next(2 ** 32)) << 32n) | BigInt(dice.next(2 ** 32));
    const near = table.virtualBase + (random & ((1n << BigInt(mode.virtualBits)) - 1n));
    const address = toAddress((dice.next(8) === 0 ? random : near) % top);
    const walk = table.translate(address);
    const frame = table.frameOf(Number(address >> 12n));
    if (walk.physical === undefined) {
      assertSentence(walk.reason?.message ?? 'undefined');
      // What is not mapped may keep its frame, which reading goes to.
      continue;
    }
    assert.equal(frame, Math.floor(walk.physical / frameSize), `frame of ${address.toString(16)}`);
  }
}

/** Tables that are shared without end have as many pages as there may be: nobody waits for them here. */
function untilImpatient(use: (token: CancellationToken) => unknown): void {
  let asked = 0;
  const token = {
    get cancelled() {
      return ++asked > 20_000;
    },
  };
  try {
    use(token);
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
  }
}

function questionsOf(table: PageTable, other: PageTable, dice: Dice): void {
  const { mode } = table;
  for (const { name } of mode.levels) {
    tableEntries(table, { tableAddress: toPhysAddr(anyFrame(dice)), level: name, virtualBase: undefined });
  }
  const start = Number(table.virtualBase >> 12n);
  const pages = 2 ** (mode.virtualBits - 12);
  const range = { start: start + dice.next(1024) * 512, end: Math.min(start + pages, start + 2 ** dice.next(mode.virtualBits - 11)) };
  if (range.start < range.end) {
    const { runs } = mappedRuns(table, { range, user: dice.next(2) === 0, token: neverCancelled });
    assertRunsAgree(runs, table, range);
    untilImpatient((token) => {
      assertDifferencesAgree(new FrameDiff(table, other, token).differences(range.start, range.end), [table, other]);
    });
    const visitor: Parameters<typeof walkForPtdump>[1] = {
      enter: () => {},
      isLeaf: (level, low, high) => mode.kind(level, low, high) === entryKind.leaf,
      isBad: () => false,
      compared: { low: 0, high: 0 },
      note: () => {},
      nextMarkerPage: () => Infinity,
      unwalked: () => {},
    };
    untilImpatient((token) => {
      walkForPtdump({ pageTable: table, ranges: [range], shadow: undefined, token }, visitor);
    });
  }
  const roots = [table, other].map((pageTable) => ({ pageTable, repeats: [] }));
  const reverse = buildReverseMap(roots, { bounds: { tables: 4096, runs: 65_536 } });
  for (let count = 0; count < 4; count++) {
    const physical = toPhysAddr(anyFrame(dice));
    assertMappingsAgree(reverse.lookup(physical, 100).mappings, physical, [table, other]);
  }
  checkTables([table, other], { token: neverCancelled, bounds: { tables: 4096, findings: 100 } });
}

export const pageTableTargets: readonly FuzzTarget[] = modes.map((mode) => ({
  name: `page tables: ${mode.name}`,
  rounds: 2,
  regressions: regressions[mode.name] ?? [],
  prepare: () => {
    const pools = poolsOf(mode);
    assert.ok(
      pools.some(({ leaves }) => leaves.length > 0) && pools.some(({ tables }) => tables.length > 0),
      `no entries of ${mode.name} were made`,
    );
    return {
      caseOf: (seed): FuzzCase => ({
        input: `tables of ${mode.name}, seed ${seed}\n`,
        run: () => {
          const dice = new Dice(seed);
          const memory = memoryOf(mode, pools, dice);
          const [table, other] = [0, 1].map(() => new PageTable(memory, mode, toPhysAddr(anyFrame(dice))));
          if (table === undefined || other === undefined) return;
          probe(table, dice);
          questionsOf(table, other, dice);
        },
      }),
    };
  },
}));
