/** Memory of devices in a process (drivers/char/mem.c: mmap_mem, mm/memory.c: remap_pfn_range). */
import type { Core, Steps } from './core.ts';
import { protection } from './protection.ts';
import { userEntry } from './user-entry.ts';
import { accessBits, fileIndex, setVmaFlags, vmaFlags, vmaFlagsOf } from './vma.ts';
import { addressOfText } from './vmap-area.ts';
import type { Area } from './vma-tree.ts';

/** Maps all of an area at once: its file's offset is the physical address. */
export function* mapDevice(core: Core, mm: number, area: Area): Steps {
  const { tables } = core;
  setVmaFlags(core, area.vma, vmaFlagsOf(core, area.vma) | vmaFlags.io | vmaFlags.pfnMap | vmaFlags.dontExpand | vmaFlags.dontDump);
  const isWritable = (vmaFlagsOf(core, area.vma) & vmaFlags.write) !== 0;
  for (let page = area.start; page < area.end; page++) {
    const at = yield* userEntry(core, mm, { page, level: tables.last });
    const frame = fileIndex(core, area, page);
    const here = page;
    yield core.step(() => `write pte entry for ${addressOfText(core, here)}: frame 0x${frame.toString(16)}`);
    const bits = accessBits(core, area.vma, isWritable) | protection.special | protection.uncachedMinus;
    tables.setLeaf(tables.last, at, { address: frame * 4096, bits });
  }
}
