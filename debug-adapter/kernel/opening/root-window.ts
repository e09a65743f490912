/**
 * The kernel's root table of 64-bit mips and loongarch images: swapper_pg_dir, in a window of addresses that the hardware
 * maps without tables (arch/mips/include/asm/addrspace.h, arch/loongarch/include/asm/addrspace.h). The kernel itself runs
 * in such a window too; the root maps only vmalloc space and the like.
 */
import { toAddress } from '../../base/address.ts';
import { findRange } from '../../base/range.ts';
import { loongarch64 } from '../../arch/loongarch64.ts';
import { mips64 } from '../../arch/mips64.ts';
import { entryKind } from '../../arch/paging-mode.ts';
import type { PagingMode } from '../../arch/paging-mode.ts';
import { frameSize } from '../../memory/physical-memory.ts';
import type { PageTable } from '../../pagetable/page-table.ts';
import type { SymbolTable } from '../../symbols/symbol-table.ts';
import type { KernelRoot } from '../kernel.ts';
import { chooseRoot } from './root-choice.ts';
import type { RootCandidate, RootContext } from './root-choice.ts';

interface Shape {
  readonly mode: PagingMode;
  readonly modeSource: string;
}

/** Tables that stand for nothing, to which empty entries point. */
const invalidTables = ['invalid_pte_table', 'invalid_pmd_table', 'invalid_pud_table'] as const;

/** Page size and levels are tried against the tables themselves. Throws `UserError('no-page-table')` where none fits. */
export function findMips64Root(context: RootContext): KernelRoot {
  const littleEndian = context.image.machine?.littleEndian ?? false;
  const symbols = context.locate()?.symbols;
  const shifts = ([12, 14, 16, 13, 15] as const).filter(fits(context));
  const shapes = shifts.flatMap((pageShift) =>
    [false, true].map((vaBits48): Shape => ({
      mode: mips64({ pageShift, vaBits48, littleEndian, invalidTables: tablesOf(symbols) }),
      modeSource: shapeSource(pageShift, symbols),
    })),
  );
  return find(context, symbols, shapes);
}

/** Page size and levels are tried against the tables themselves. Throws `UserError('no-page-table')` where none fits. */
export function findLoongarch64Root(context: RootContext): KernelRoot {
  const symbols = context.locate()?.symbols;
  const shifts = ([14, 12, 16] as const).filter(fits(context));
  const shapes = shifts.flatMap((pageShift) =>
    ([2, 3, 4] as const).map((levels): Shape => ({
      mode: loongarch64({ pageShift, levels, invalidTables: tablesOf(symbols) }),
      modeSource: shapeSource(pageShift, symbols),
    })),
  );
  return find(context, symbols, shapes);
}

function fits({ vmcoreinfo }: RootContext): (pageShift: number) => boolean {
  return (pageShift) => vmcoreinfo?.pageSize === undefined || vmcoreinfo.pageSize === 2 ** pageShift;
}

function tablesOf(symbols: SymbolTable | undefined): bigint[] {
  return invalidTables.map((name) => symbols?.find(name)?.address).filter((address) => address !== undefined);
}

function shapeSource(pageShift: number, symbols: SymbolTable | undefined): string {
  return `${2 ** (pageShift - 10)}K pages, and as many levels as the kernel has ${symbols === undefined ? 'readable tables' : 'invalid tables'}`;
}

function find(context: RootContext, symbols: SymbolTable | undefined, shapes: readonly Shape[]): KernelRoot {
  return chooseRoot(context.image, candidates(context, symbols, shapes), { mustMap: undefined, mapsKernel: isRoot });
}

function* candidates({ vmcoreinfo }: RootContext, symbols: SymbolTable | undefined, shapes: readonly Shape[]): Generator<RootCandidate> {
  const told = vmcoreinfo?.symbol('swapper_pg_dir');
  const swapper = told ?? symbols?.find('swapper_pg_dir')?.address;
  if (swapper === undefined) return;
  const source = told === undefined ? "swapper_pg_dir in the kernel's symbols, found in RAM" : 'VMCOREINFO SYMBOL(swapper_pg_dir)';
  const levels = symbols === undefined ? undefined : 1 + tablesOf(symbols).length;
  for (const { mode, modeSource } of shapes) {
    if (levels !== undefined && levels > 1 && mode.levels.length !== levels) continue;
    const root = mode.directWindow(toAddress(swapper));
    if (root !== undefined) yield { root: BigInt(root), source, mode, modeSource };
  }
}

/** Every entry of a root is empty or points to a table in RAM. */
function isRoot(table: PageTable): boolean {
  const { mode, root, physical } = table;
  const [shape] = mode.levels;
  if (shape === undefined) return false;
  const swap = mode.littleEndian ? 0 : 4;
  for (let index = 0; index < 2 ** shape.indexBits; index++) {
    const at = root + index * shape.entrySize;
    const view = table.tableView(Math.floor(at / frameSize));
    if (view === undefined) return false;
    const low = view.getUint32((at % frameSize) + swap, mode.littleEndian);
    const high = view.getUint32((at % frameSize) + 4 - swap, mode.littleEndian);
    const kind = mode.kind(0, low, high);
    if (kind === entryKind.none) continue;
    if (kind !== entryKind.table || findRange(physical.ranges, mode.tableAddress(0, low, high)) < 0) return false;
  }
  return true;
}
