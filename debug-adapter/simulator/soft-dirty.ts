/** Soft-dirty bits (fs/proc/task_mmu.c: clear_refs_write). */
import type { Core, Steps } from './core.ts';
import { rootOfMm } from './process.ts';
import { protection } from './protection.ts';
import { entriesIn, kindOf, setBits, swapEntry } from './user-entry.ts';
import { areaKind, setVmaFlags, vmaFlags, vmaFlagsOf } from './vma.ts';
import { addressOfText } from './vmap-area.ts';
import { areasOf } from './vma-tree.ts';

/** Of 4 in /proc/PID/clear_refs: marks are cleared, and pages write-protected, so that the next write is noticed. hugetlb has none. */
export function* clearSoftDirty(core: Core, mm: number): Steps {
  core.enter('clear_refs_write', () => ({ type: 4n }));
  try {
    const { tables, platform } = core;
    if (!platform.hasSoftDirty) return;
    for (const { vma, start, end } of areasOf(core, mm)) {
      const flags = vmaFlagsOf(core, vma);
      yield core.step(() => `clear VM_SOFTDIRTY of the area at ${addressOfText(core, start)}`);
      setVmaFlags(core, vma, flags & ~vmaFlags.softDirty);
      if ((flags & vmaFlags.pfnMap) !== 0 || areaKind(core, vma) === 'hugetlb') continue;
      for (const entry of entriesIn(core, rootOfMm(core, mm), { page: start, pages: end - start })) {
        const kind = kindOf(core, entry);
        if (kind === 'mapped') {
          yield core.step(() => `clear the soft-dirty bit of ${addressOfText(core, entry.page)}`);
          setBits(core, entry, tables.bits(entry.level, entry.at) & ~(protection.softDirty | protection.write));
        } else if (kind === 'swap') {
          yield core.step(() => `clear the soft-dirty bit of the swap entry of ${addressOfText(core, entry.page)}`);
          tables.setSwap(entry.at, { ...swapEntry(core, entry.at), softDirty: false });
        }
      }
    }
  } finally {
    core.leave();
  }
}
