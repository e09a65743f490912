/** madvise() (mm/madvise.c, mm/khugepaged.c). */
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { collapseHugePages } from './collapse.ts';
import { splitHugePages } from './huge-page.ts';
import { rootOfMm } from './process.ts';
import { protection } from './protection.ts';
import { swapOut } from './swap.ts';
import { entriesIn, isCounted, kindOf, setBits } from './user-entry.ts';
import type { Range } from './user-entry.ts';
import { coveringAreas, partsOfAreas } from './user-mapping.ts';
import { areaKind, setVmaFlags, vmaFlags, vmaFlagsOf } from './vma.ts';
import { addressOfText } from './vmap-area.ts';
import { zapRange } from './zap.ts';

/** What the simulated madvise() understands (include/uapi/asm-generic/mman-common.h). */
export const advices = ['MADV_DONTNEED', 'MADV_FREE', 'MADV_PAGEOUT', 'MADV_HUGEPAGE', 'MADV_NOHUGEPAGE', 'MADV_COLLAPSE'] as const;
/** One of these names. */
export type Advice = (typeof advices)[number];

/** do_madvise(). Throws `Fault`. */
export function* madvise(core: Core, mm: number, of: Range & { readonly advice: Advice }): Steps {
  core.enter('do_madvise', () => ({ start: addressOfPage(core, of.page), len_in: BigInt(of.pages) * 4096n, behavior: of.advice }));
  try {
    const parts = partsOfAreas(core, mm, { ...of, call: 'madvise' });
    const drops = of.advice === 'MADV_DONTNEED' || of.advice === 'MADV_PAGEOUT';
    const kept = vmaFlags.locked | vmaFlags.pfnMap;
    if (drops && parts.some(({ area }) => (vmaFlagsOf(core, area.vma) & kept) !== 0))
      throw invalid(core, of, 'an area is locked, or of a device');
    const isAnonymous = parts.every(({ area }) => areaKind(core, area.vma) === 'anonymous');
    if (!isAnonymous && (of.advice === 'MADV_FREE' || of.advice === 'MADV_COLLAPSE')) throw invalid(core, of, 'an area is not anonymous');
    switch (of.advice) {
      case 'MADV_DONTNEED':
        for (const part of parts) yield* zapRange(core, mm, { ...part, keepsMarkers: true });
        return;
      case 'MADV_FREE':
        yield* freeLazily(core, mm, of);
        return;
      case 'MADV_PAGEOUT':
        yield* swapOut(core, mm, of);
        return;
      case 'MADV_COLLAPSE':
        for (const part of parts) yield* collapseHugePages(core, mm, part);
        return;
      default: {
        const set = of.advice === 'MADV_HUGEPAGE' ? vmaFlags.hugePage : vmaFlags.noHugePage;
        for (const { vma, start } of yield* coveringAreas(core, mm, { ...of, call: 'madvise' })) {
          yield core.step(() => `mark the area at ${addressOfText(core, start)}`);
          setVmaFlags(core, vma, (vmaFlagsOf(core, vma) & ~(vmaFlags.hugePage | vmaFlags.noHugePage)) | set);
        }
      }
    }
  } finally {
    core.leave();
  }
}

function invalid(core: Core, { page }: Range, why: string): Fault {
  return new Fault('errno', `madvise: ${why}`, { errno: 'EINVAL', address: addressOfPage(core, page) });
}

/** madvise_free_pte_range(): pages that are clean from then on may be taken away without being written to swap. */
function* freeLazily(core: Core, mm: number, range: Range): Steps {
  yield* splitHugePages(core, mm, range);
  for (const entry of entriesIn(core, rootOfMm(core, mm), range)) {
    if (kindOf(core, entry) !== 'mapped' || !isCounted(core, entry)) continue;
    yield core.step(() => `the page at ${addressOfText(core, entry.page)} is clean, and may go`);
    setBits(core, entry, core.tables.bits(entry.level, entry.at) & ~(protection.accessed | protection.dirty));
    core.pages.setFlag(core.tables.leafAt(entry.level, entry.at) / 4096, 'swapbacked', false);
  }
}

/** mlock(): what is there stays there, and the rest comes (mm/mlock.c: do_mlock). The areas. Throws `Fault`. */
export function* lockAreas(core: Core, mm: number, range: Range): Steps {
  core.enter('do_mlock', () => ({ start: addressOfPage(core, range.page), len: BigInt(range.pages) * 4096n }));
  try {
    for (const { vma } of yield* coveringAreas(core, mm, { ...range, call: 'mlock' })) {
      setVmaFlags(core, vma, vmaFlagsOf(core, vma) | vmaFlags.locked);
    }
  } finally {
    core.leave();
  }
}
