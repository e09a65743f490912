/** The columns and level names of a page-table dump in the words of this kernel. */
import { addToAddress } from '../../base/address.ts';
import { armLongRows, armShortRows } from '../../pagetable/ptdump-arm.ts';
import { arm64Rows } from '../../pagetable/ptdump-arm64.ts';
import { powerpcRows } from '../../pagetable/ptdump-powerpc.ts';
import { riscvRows } from '../../pagetable/ptdump-riscv.ts';
import type { PtdumpRow } from '../../pagetable/ptdump-rows.ts';
import type { Kernel } from '../kernel.ts';
import { rowsAt, rowsNamed, shapeOf, tryTable } from './ptdump-table.ts';

/** What the kernel's ptdump prints of an entry, from its own tables. */
export interface PtdumpColumns {
  readonly rows: readonly PtdumpRow[];
  /** Columns of sections and blocks (arm); those of every level elsewhere. */
  readonly sectionRows: readonly PtdumpRow[];
  /** By depth, 0 pgd … 4 pte. */
  readonly levelNames: readonly string[];
}

const levels = 5;

/** Empty rows for architectures whose dump has none (x86, s390). */
export function ptdumpColumns(kernel: Kernel): PtdumpColumns {
  return kernel.once(find);
}

function find(kernel: Kernel): PtdumpColumns {
  const { architecture } = kernel.machine;
  if (architecture === 'arm') {
    const known = kernel.root.mode.companion === undefined ? armLongRows : armShortRows;
    return {
      rows: rowsNamed(kernel, 'pte_bits') ?? known.rows,
      sectionRows: rowsNamed(kernel, 'section_bits') ?? known.sectionRows,
      levelNames: [],
    };
  }
  const rows =
    architecture === 'arm64' ? arm64Rows : architecture === 'riscv64' ? riscvRows : architecture.startsWith('ppc64') ? powerpcRows : [];
  if (rows.length === 0) return { rows, sectionRows: rows, levelNames: [] };
  const own = tryTable(kernel, 'columns of the page-table dump', () => levelRows(kernel)) ?? rowsNamed(kernel, 'pte_bits');
  return {
    rows: own ?? rows,
    sectionRows: own ?? rows,
    levelNames: tryTable(kernel, 'level names of the page-table dump', () => levelNames(kernel)) ?? namesOf(kernel),
  };
}

/** The table of levels: the kernel's, or (since 6.13, one for each stage on arm64) the one of its stage 1. */
function levelTable(kernel: Kernel): { at: ReturnType<Kernel['addressOf']>; shape: ReturnType<typeof shapeOf> } {
  return {
    at: kernel.addressOf('kernel_pg_levels') ?? kernel.addressOf('pg_level'),
    shape: shapeOf(kernel, 'ptdump_pg_level', 'pg_level', 'pgtable_level'),
  };
}

/** The rows that the last level points to, and how many there are. */
function levelRows(kernel: Kernel): PtdumpRow[] | undefined {
  const { at, shape } = levelTable(kernel);
  if (at === undefined || shape === undefined) return undefined;
  const pointer = ['bits', 'flag'].find((member) => shape.has(member));
  if (pointer === undefined || !shape.has('num')) return undefined;
  const last = addToAddress(at, (levels - 1) * shape.size);
  const rows = shape.pointer(last, pointer);
  return rows === 0n ? undefined : rowsAt(kernel, rows, shape.number(last, 'num'));
}

function levelNames(kernel: Kernel): string[] | undefined {
  const { at, shape } = levelTable(kernel);
  if (at === undefined || shape?.has('name') !== true) return undefined;
  const names: string[] = [];
  for (let level = 0; level < levels; level++) {
    const object = addToAddress(at, level * shape.size);
    // An array of characters in newer kernels, a pointer before.
    names.push(shape.arrayLength('name') > 0 ? shape.text(object, 'name') : kernel.memory.cString(shape.pointer(object, 'name'), 16));
  }
  return names.every((name) => /^[A-Z0-9]{2,5}$/.test(name)) ? names : undefined;
}

/** Folded levels are called after the level that they are folded into. */
function namesOf(kernel: Kernel): string[] {
  const own = kernel.root.mode.levels;
  return ['PGD', 'P4D', 'PUD', 'PMD', 'PTE'].map((name, depth) =>
    own.some((level) => level.depth === depth) ? name : (own[0]?.name.toUpperCase() ?? name),
  );
}
