/** fork() (kernel/fork.c: dup_mmap, mm/memory.c: copy_page_range): the child shares its parent's pages, which neither may write any more. */
import type { Core, Steps } from './core.ts';
import { folioOf, getFolio } from './folio.ts';
import { countPages, createProcess, mmOf, residentPages, rootOfMm } from './process.ts';
import { protection } from './protection.ts';
import { frameInSwap } from './swap-cache.ts';
import { addMapping, entriesIn, isCounted, kindOf, swapEntry, userEntry } from './user-entry.ts';
import type { UserEntry } from './user-entry.ts';
import {
  anonVmaOf,
  areaKind,
  fileIndex,
  fileOf,
  hasAnonymousPages,
  keyOf,
  newVma,
  privateData,
  setKey,
  setPrivateData,
  vmaFlags,
  vmaFlagsOf,
} from './vma.ts';
import { addressOfText } from './vmap-area.ts';
import { areasOf, setAreas } from './vma-tree.ts';
import type { Area } from './vma-tree.ts';

/** The child's PID. Throws `Fault`; nothing is changed then. */
export function* fork(core: Core, pid: number, comm: string): Steps<number> {
  core.enter('kernel_clone', () => ({ pid: BigInt(pid) }));
  try {
    const parent = mmOf(core, pid);
    const areas = areasOf(core, parent);
    const child = yield* createProcess(core, comm, pid);
    const mm = mmOf(core, child);
    const copies: Area[] = [];
    for (const area of areas) {
      const flags = vmaFlagsOf(core, area.vma);
      if ((flags & vmaFlags.dontCopy) !== 0) continue;
      yield core.step(() => `copy the area at ${addressOfText(core, area.start)}`);
      copies.push(copyArea(core, mm, area));
      if (!needsCopy(core, area)) continue;
      for (const entry of entriesIn(core, rootOfMm(core, parent), { page: area.start, pages: area.end - area.start })) {
        yield* copyEntry(core, mm, { entry, isPrivate: (flags & (vmaFlags.shared | vmaFlags.mayWrite)) === vmaFlags.mayWrite });
      }
    }
    setAreas(core, mm, copies);
    return child;
  } finally {
    core.leave();
  }
}

/** The child is registered with no userfaultfd, and has nothing locked. */
function copyArea(core: Core, mm: number, area: Area): Area {
  const flags = vmaFlagsOf(core, area.vma) & ~(vmaFlags.uffdMissing | vmaFlags.uffdWriteProtect | vmaFlags.locked);
  const copy = newVma(core, mm, {
    page: area.start,
    pages: area.end - area.start,
    flags: flags >>> 0,
    kind: areaKind(core, area.vma),
    file: fileOf(core, area.vma),
    offset: fileIndex(core, area, area.start),
  });
  if (hasAnonymousPages(core, area.vma)) anonVmaOf(core, copy.vma);
  if (keyOf(core, area.vma) !== 0) setKey(core, copy.vma, keyOf(core, area.vma));
  setPrivateData(core, copy.vma, privateData(core, area.vma));
  return copy;
}

/** vma_needs_copy(): what a fault brings back anyway is not copied. */
function needsCopy(core: Core, { vma }: Area): boolean {
  return hasAnonymousPages(core, vma) || (vmaFlagsOf(core, vma) & vmaFlags.pfnMap) !== 0;
}

/** copy_present_pte(), copy_nonpresent_pte(), copy_huge_pmd() */
function* copyEntry(core: Core, mm: number, of: { readonly entry: UserEntry; readonly isPrivate: boolean }): Steps {
  const { tables } = core;
  const { level, at, page } = of.entry;
  const kind = kindOf(core, of.entry);
  // Markers are of the parent's userfaultfd, but for poison.
  if (kind === 'marker' && (swapEntry(core, at).offset & ~1) === 0) return;
  const to = yield* userEntry(core, mm, { page, level });
  yield core.step(() => `copy ${tables.name(level)} entry for ${addressOfText(core, page)}`);
  if (kind === 'mapped') {
    const address = tables.leafAt(level, at);
    let bits = tables.bits(level, at);
    if (of.isPrivate) bits &= ~protection.write;
    tables.setLeaf(level, at, { address, bits });
    tables.setLeaf(level, to, { address, bits: bits & ~(protection.accessed | protection.userfaultWriteProtect) });
    if (!isCounted(core, { level, at })) return;
    getFolio(core, folioOf(core, address / 4096));
    addMapping(core, mm, { level, frame: address / 4096 });
    return;
  }
  const entry = swapEntry(core, at);
  tables.setSwap(to, { ...entry, writeProtected: false });
  if (kind === 'marker') return;
  const frame = frameInSwap(core, entry.offset);
  if (frame !== undefined) getFolio(core, frame);
  countPages(core, mm, { counter: residentPages.swapped, by: 1 });
}
