/**
 * KASAN's early shadow tables, which one zero shadow page shares over most of the shadow (mm/kasan/init.c). The kernel's
 * dump recognises an entry that points to one and does not go down.
 */
import { MemoryFault } from '../base/errors.ts';
import type { Kernel } from './kernel.ts';

export interface KasanShadow {
  /** Physical address of the shared table by the depth (0 pgd … 3 pmd) of the entry that points to it. */
  readonly tables: ReadonlyMap<number, number>;
  /** kasan_early_shadow_pte[0]. */
  readonly low: number;
  readonly high: number;
}

const symbols: readonly (readonly [depth: number, symbol: string])[] = [
  [0, 'p4d'],
  [1, 'pud'],
  [2, 'pmd'],
  [3, 'pte'],
];

/** Undefined for kernels without KASAN's software shadow. */
export function kasanShadowTables(kernel: Kernel): KasanShadow | undefined {
  return kernel.once(find);
}

function find(kernel: Kernel): KasanShadow | undefined {
  // Named kasan_zero_* before 5.0.
  const prefix = ['kasan_early_shadow_', 'kasan_zero_'].find((name) => kernel.addressOf(`${name}pte`) !== undefined);
  const pte = prefix === undefined ? undefined : kernel.addressOf(`${prefix}pte`);
  if (prefix === undefined || pte === undefined) return undefined;
  const levels = kernel.root.mode.levels.map(({ depth }) => depth);
  const tables = new Map<number, number>();
  for (const [depth, name] of symbols) {
    const table = kernel.addressOf(`${prefix}${name}`);
    if (table === undefined) continue;
    const physical = kernel.root.pageTable.translate(table).physical;
    // With the p4d folded, the entry that points to the shared pud table is the pgd's.
    const at = depth === 1 && !levels.includes(1) ? 0 : depth;
    if (physical !== undefined && !(depth === 0 && !levels.includes(1))) tables.set(at, physical);
  }
  try {
    return { tables, low: kernel.memory.u32(pte), high: Number(kernel.memory.u64(pte) >> 32n) };
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return undefined;
  }
}
