/** VMAs of a process in its maple tree (lib/maple_tree.c): nodes are made anew when an area comes, goes or changes its range. */
import type { Core } from './core.ts';

/** A VMA: its vm_area_struct as a physical address, and page numbers [start, end). */
export interface Area {
  readonly vma: number;
  readonly start: number;
  readonly end: number;
}

const leafType = 1;
const upperType = 3;
const rootMark = 2;
const nodeMark = 4;

/** The areas of an mm, ascending. */
export function areasOf(core: Core, mm: number): Area[] {
  const found: Area[] = [];
  const root = core.memory.pointer(mm + core.types.offset('mm_struct', 'mm_mt.ma_root'));
  if (root !== 0) collect(core, root - rootMark, found);
  return found;
}

function collect(core: Core, encoded: number, found: Area[]): void {
  const { memory, types } = core;
  const low = encoded % 256;
  const node = encoded - low;
  const isLeaf = low >> 3 === leafType;
  const name = isLeaf ? 'maple_range_64' : 'maple_arange_64';
  const count = slotCount(core, isLeaf);
  for (let slot = 0; slot < count; slot++) {
    const entry = memory.pointer(node + types.offset(name, 'slot') + slot * memory.pointerSize);
    if (entry === 0) continue;
    if (isLeaf) found.push(areaOf(core, entry));
    else collect(core, entry, found);
  }
}

/** The area that a page lies in, by the way down the tree (mas_walk); undefined where there is none. */
export function findArea(core: Core, mm: number, page: number): Area | undefined {
  const { memory } = core;
  const at = core.once(nodeOffsets);
  const root = memory.pointer(mm + at.root);
  if (root === 0) return undefined;
  for (let encoded = root - rootMark; ;) {
    const low = encoded % 256;
    const node = encoded - low;
    const { slots, pivots, end } = low >> 3 === leafType ? at.leaf : at.upper;
    const last = memory.u8(node + end);
    let slot = 0;
    while (slot < last && page > memory.page(node + pivots + slot * memory.pointerSize)) slot++;
    const entry = memory.pointer(node + slots + slot * memory.pointerSize);
    if (low >> 3 === leafType) return entry === 0 ? undefined : areaOf(core, entry);
    encoded = entry;
  }
}

function nodeOffsets({ types }: Core): {
  readonly root: number;
  readonly leaf: Readonly<Record<'slots' | 'pivots' | 'end', number>>;
  readonly upper: Readonly<Record<'slots' | 'pivots' | 'end', number>>;
} {
  const node = (name: string): Record<'slots' | 'pivots' | 'end', number> => ({
    slots: types.offset(name, 'slot'),
    pivots: types.offset(name, 'pivot'),
    end: types.offset(name, 'meta.end'),
  });
  return { root: types.offset('mm_struct', 'mm_mt.ma_root'), leaf: node('maple_range_64'), upper: node('maple_arange_64') };
}

function areaOf(core: Core, vma: number): Area {
  return {
    vma,
    start: core.memory.page(vma + core.types.offset('vm_area_struct', 'vm_start')),
    end: core.memory.page(vma + core.types.offset('vm_area_struct', 'vm_end')),
  };
}

/** Slots of a node; the last of a leaf is left for its metadata. */
function slotCount(core: Core, isLeaf: boolean): number {
  const [leaf, upper] = core.memory.pointerSize === 8 ? [15, 10] : [31, 21];
  return isLeaf ? leaf : upper;
}

interface Built {
  readonly encoded: number;
  readonly last: bigint;
  /** Bytes of the largest gap below. */
  readonly gap: bigint;
}

interface Slot {
  readonly entry: number;
  readonly last: bigint;
  readonly size: bigint;
}

/** Builds the tree of these areas, which ascend, and counts them. */
export function setAreas(core: Core, mm: number, areas: readonly Area[]): void {
  const { memory, types } = core;
  const rootAt = mm + types.offset('mm_struct', 'mm_mt.ma_root');
  const old = memory.pointer(rootAt);
  if (old !== 0) release(core, old - rootMark);
  memory.setU32(mm + types.offset('mm_struct', 'map_count'), areas.length);
  memory.setWord(
    mm + types.offset('mm_struct', 'total_vm'),
    areas.reduce((sum, { start, end }) => sum + end - start, 0),
  );
  if (areas.length === 0) {
    memory.setPointer(rootAt, 0);
    return;
  }
  let level = leaves(core, slotsOf(core, areas));
  while (level.length > 1) level = uppers(core, level);
  const root = level[0]?.encoded ?? 0;
  memory.setPointer(rootAt, root + rootMark);
  // MA_ROOT_PARENT
  memory.setPointer(root - (root % 256), mm + types.offset('mm_struct', 'mm_mt') + 1);
}

function slotsOf(core: Core, areas: readonly Area[]): Slot[] {
  const slots: Slot[] = [];
  let from = 0n;
  for (const { vma, start, end } of areas) {
    const first = BigInt(start) << 12n;
    if (first > from) slots.push({ entry: 0, last: first - 1n, size: first - from });
    from = BigInt(end) << 12n;
    slots.push({ entry: vma, last: from - 1n, size: from - first });
  }
  slots.push({ entry: 0, last: core.memory.addressMask, size: core.memory.addressMask - from + 1n });
  return slots;
}

function leaves(core: Core, slots: readonly Slot[]): Built[] {
  const most = slotCount(core, true);
  const built: Built[] = [];
  for (let first = 0; first < slots.length; first += most) {
    const part = slots.slice(first, first + most);
    const node = makeNode(core, 'maple_range_64', part);
    const gap = part.reduce((largest, { entry, size }) => (entry === 0 && size > largest ? size : largest), 0n);
    built.push({ encoded: node + leafType * 8 + nodeMark, last: part.at(-1)?.last ?? 0n, gap });
  }
  return built;
}

function uppers(core: Core, below: readonly Built[]): Built[] {
  const { memory, types } = core;
  const most = slotCount(core, false);
  const built: Built[] = [];
  for (let first = 0; first < below.length; first += most) {
    const part = below.slice(first, first + most);
    const node = makeNode(
      core,
      'maple_arange_64',
      part.map(({ encoded, last }) => ({ entry: encoded, last, size: 0n })),
    );
    part.forEach(({ encoded, gap }, slot) => {
      memory.setLong(node + types.offset('maple_arange_64', 'gap') + slot * memory.pointerSize, gap);
      // The parent's node, this node's slot in it, and the mark of a 64-bit range.
      memory.setPointer(encoded - (encoded % 256), node + slot * 8 + 6);
    });
    built.push({
      encoded: node + upperType * 8 + nodeMark,
      last: part.at(-1)?.last ?? 0n,
      gap: part.reduce((most2, { gap }) => (gap > most2 ? gap : most2), 0n),
    });
  }
  return built;
}

function makeNode(core: Core, name: 'maple_range_64' | 'maple_arange_64', slots: readonly Slot[]): number {
  const { memory, types } = core;
  const node = core.caches.maple_node.take();
  const pivots = name === 'maple_range_64' ? slotCount(core, true) : slotCount(core, false) - 1;
  slots.forEach(({ entry, last }, slot) => {
    memory.setPointer(node + types.offset(name, 'slot') + slot * memory.pointerSize, entry);
    if (slot < pivots) memory.setLong(node + types.offset(name, 'pivot') + slot * memory.pointerSize, last);
  });
  memory.setU8(node + types.offset(name, 'meta.end'), slots.length - 1);
  return node;
}

function release(core: Core, encoded: number): void {
  const { memory, types } = core;
  const low = encoded % 256;
  const node = encoded - low;
  if (low >> 3 === upperType) {
    for (let slot = 0; slot < slotCount(core, false); slot++) {
      const entry = memory.pointer(node + types.offset('maple_arange_64', 'slot') + slot * memory.pointerSize);
      if (entry !== 0) release(core, entry);
    }
  }
  core.caches.maple_node.give(node);
}
