/**
 * KASAN's early shadow tables, which one zero shadow page shares over most of the shadow (mm/kasan/init.c). The kernel's
 * dump recognises an entry that points to one and does not go down.
 */
import { MemoryFault } from '../../base/errors.ts';
import type { SharedShadow } from '../../pagetable/ptdump-walk.ts';
import type { Kernel } from '../kernel.ts';

const symbols: readonly (readonly [depth: number, symbol: string])[] = [
  [0, 'p4d'],
  [1, 'pud'],
  [2, 'pmd'],
  [3, 'pte'],
];

/** Undefined for kernels without KASAN's software shadow. */
export function kasanShadowTables(kernel: Kernel): SharedShadow | undefined {
  return kernel.once(find);
}

function find(kernel: Kernel): SharedShadow | undefined {
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
    const entry = kernel.memory.word(pte);
    return { tables, low: Number(entry & 0xffff_ffffn) | 0, high: Number(entry >> 32n) | 0 };
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return undefined;
  }
}
