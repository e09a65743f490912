/**
 * Page frames and their struct pages, in every memory model (include/asm-generic/memory_model.h): flat, discontiguous, sparse,
 * and sparse with a virtual memory map.
 */
import { nodeCount } from '../node-count.ts';
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { findRange, mergeRanges } from '../../base/range.ts';
import type { NumberRange } from '../../base/range.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import { memberOffset, structSize } from '../known-layout.ts';
import { layoutOf, regionOfKind } from '../layout/layout.ts';
import { variable } from '../layout/layout-witnesses.ts';
import { layoutX8664 } from '../layout/layout-x86-64.ts';
import { memorySections } from './memory-section.ts';

/** Where struct pages lie: an array at `base` whose element 0 describes frame `firstFrame`. */
export interface MemoryMap {
  readonly base: Address;
  readonly firstFrame: number;
  /** sizeof(struct page) in bytes. */
  readonly pageStructSize: number;
  /** In words: `vmemmap`, `mem_map`. */
  readonly name: string;
}

/** A run of frames [start, end) whose struct pages lie in a row from `base` on. */
export interface MemoryMapPiece extends NumberRange {
  readonly base: Address;
}

/** How the kernel gets from a frame to its struct page (include/asm-generic/memory_model.h). */
export interface MemoryModel {
  /** The one array; undefined where struct pages lie in several (sparse without a virtual memory map, discontiguous). */
  readonly map: MemoryMap | undefined;
  /** sizeof(struct page) in bytes. */
  readonly pageStructSize: number;
  /** Frames that have struct pages, ascending and disjoint. */
  readonly pieces: readonly MemoryMapPiece[];
  /** Whether the kernel itself tells the pieces; otherwise they are all RAM, and a frame has a struct page where one is mapped. */
  readonly certain: boolean;
}

/** The kernel's memory map; undefined where it is not one array, or cannot be found. */
export function memoryMap(kernel: Kernel): MemoryMap | undefined {
  return memoryModel(kernel)?.map;
}

/** Where struct pages lie; undefined where that cannot be found. */
export function memoryModel(kernel: Kernel): MemoryModel | undefined {
  return kernel.once(findMemoryModel);
}

function findMemoryModel(kernel: Kernel): MemoryModel | undefined {
  const pageStructSize = structSize(kernel, 'page');
  if (pageStructSize === undefined || pageStructSize < 32 || pageStructSize > 4096 || pageStructSize % 4 !== 0) return undefined;
  const section = kernel.vmcoreinfo?.symbol('mem_section') ?? kernel.addressOf('mem_section');
  // mem_map also exists, empty, in sparse kernels without NUMA: those have mem_section.
  if (section === undefined) return flatModel(kernel, pageStructSize) ?? discontiguousModel(kernel, pageStructSize);
  const sections = memorySections(kernel, { symbol: toAddress(section), pageStructSize });
  const virtual = virtualBase(kernel);
  const coded = sections?.sameBase;
  if (virtual !== undefined && coded !== undefined && virtual !== coded) {
    kernel.warn(`the memory map begins at ${formatAddress(virtual)}, but mem_section says ${formatAddress(coded)}; the latter is used`);
  }
  // Where all sections name one array, it is the virtual memory map, or the only section's.
  const base = coded ?? (sections === undefined ? virtual : undefined);
  const map = base === undefined ? undefined : { base, firstFrame: 0, pageStructSize, name: 'vmemmap' };
  if (sections !== undefined) return { map, pageStructSize, pieces: sections.pieces, certain: true };
  if (map === undefined) return undefined;
  const pieces = ramFrames(kernel).map(({ start, end }) => ({ start, end, base: addToAddress(map.base, start * pageStructSize) }));
  return { map, pageStructSize, pieces, certain: false };
}

/** Frames of RAM, by the dump. A frame that RAM covers in part counts. */
export function ramFrames(kernel: Kernel): readonly NumberRange[] {
  const { pageSize } = kernel;
  return mergeRanges(
    kernel.physical.ranges.map(({ start, end }) => ({ start: Math.floor(start / pageSize), end: Math.ceil(end / pageSize) })),
  );
}

/** vmemmap, by VMCOREINFO, the layout, or the variable that powerpc and s390 keep it in. */
function virtualBase(kernel: Kernel): Address | undefined {
  const told = kernel.vmcoreinfo?.symbol('vmemmap');
  if (told !== undefined) return toAddress(told);
  if (kernel.machine.architecture === 'x86-64') return layoutX8664(kernel).vmemmapStart;
  const base = variable(kernel, 'vmemmap');
  return base === undefined || base === 0n ? undefined : toAddress(base);
}

/** One array, mem_map, for all memory. */
function flatModel(kernel: Kernel, pageStructSize: number): MemoryModel | undefined {
  const flat = kernel.vmcoreinfo?.symbol('mem_map') ?? kernel.addressOf('mem_map');
  if (flat === undefined) return undefined;
  const base = kernel.memory.pointer(toAddress(flat));
  if (base === 0n) return undefined;
  const { firstFrame, endFrame } = flatFrames(kernel, base, pageStructSize);
  const map = { base, firstFrame, pageStructSize, name: 'mem_map' };
  return { map, pageStructSize, pieces: [{ start: firstFrame, end: endFrame, base }], certain: true };
}

/**
 * ARCH_PFN_OFFSET of a flat memory map, its first element's frame, and the end. node_mem_map belongs to the first frame of
 * the one node, behind mem_map where that begins at an aligned frame below (mm/mm_init.c:alloc_node_mem_map).
 */
function flatFrames(kernel: Kernel, base: Address, pageStructSize: number): { firstFrame: number; endFrame: number } {
  const lastFrame = ramFrames(kernel).at(-1)?.end ?? 0;
  const node = kernel.vmcoreinfo?.symbol('contig_page_data') ?? kernel.addressOf('contig_page_data');
  const found = node === undefined ? undefined : nodeFrames(kernel, toAddress(node));
  if (found === undefined) return { firstFrame: 0, endFrame: lastFrame };
  const { start, end: nodeEnd, base: nodeMap } = found;
  // The array goes on to the end of the largest free page that the node could have.
  const largest = 2 ** ((kernel.vmcoreinfo?.length('zone.free_area') ?? 11) - 1);
  const end = Math.ceil(nodeEnd / largest) * largest;
  const before = nodeMap === 0n ? 0 : Number(nodeMap - base) / pageStructSize;
  const firstFrame = Number.isInteger(before) && before > 0 && before <= start ? start - before : start;
  return { firstFrame, endFrame: Math.min(end, lastFrame) };
}

/** A node's frames and node_mem_map (0 where the struct has none); undefined where its layout is not known. */
function nodeFrames(kernel: Kernel, node: Address): MemoryMapPiece | undefined {
  const member = (name: string): Address | undefined => {
    const offset = memberOffset(kernel, 'pglist_data', name);
    return offset === undefined ? undefined : addToAddress(node, offset);
  };
  const [first, spanned, map] = [member('node_start_pfn'), member('node_spanned_pages'), member('node_mem_map')];
  if (first === undefined || spanned === undefined) return undefined;
  const start = Number(kernel.memory.word(first));
  return { start, end: start + Number(kernel.memory.word(spanned)), base: map === undefined ? toAddress(0) : kernel.memory.pointer(map) };
}

/** An array a node (CONFIG_DISCONTIGMEM, until 5.13): node_data holds the nodes, or pgdat_list begins their list. */
function discontiguousModel(kernel: Kernel, pageStructSize: number): MemoryModel | undefined {
  if (memberOffset(kernel, 'pglist_data', 'node_mem_map') === undefined) return undefined;
  const symbol = kernel.vmcoreinfo?.symbol('node_data') ?? kernel.addressOf('node_data');
  if (symbol === undefined) return undefined;
  const count = nodeCount(kernel, kernel.vmcoreinfo?.length('node_data'));
  const pieces: MemoryMapPiece[] = [];
  const lastFrame = ramFrames(kernel).at(-1)?.end ?? 0;
  for (let index = 0; index < count; index++) {
    const node = optionalRead(() => kernel.memory.pointer(addToAddress(toAddress(symbol), index * kernel.memory.pointerSize)));
    if (node === undefined || node === 0n) {
      // Without its length the array may end anywhere.
      if (kernel.vmcoreinfo?.length('node_data') === undefined) break;
      continue;
    }
    const found = optionalRead(() => nodeFrames(kernel, node));
    if (found === undefined || found.base === 0n || found.start >= Math.min(found.end, lastFrame)) continue;
    pieces.push({ ...found, end: Math.min(found.end, lastFrame) });
  }
  if (pieces.length === 0) return undefined;
  return { map: undefined, pageStructSize, pieces: disjoint(pieces, pageStructSize), certain: true };
}

/** Ascending; where nodes overlap, the later one is cut. */
function disjoint(pieces: readonly MemoryMapPiece[], pageStructSize: number): MemoryMapPiece[] {
  const found: MemoryMapPiece[] = [];
  for (const piece of [...pieces].sort((a, b) => a.start - b.start)) {
    const start = Math.max(piece.start, found.at(-1)?.end ?? 0);
    if (start < piece.end) found.push({ start, end: piece.end, base: addToAddress(piece.base, (start - piece.start) * pageStructSize) });
  }
  return found;
}

/** Frame number that a struct page describes; undefined for an address that is no struct page. */
export function pageFrameOf(kernel: Kernel, page: Address): number | undefined {
  const model = memoryModel(kernel);
  if (model === undefined) return undefined;
  const { map } = model;
  const place = map === undefined ? placeIn(model, page) : placeFrom(map.base, map.firstFrame, model, page);
  return place?.offset === 0 ? place.pfn : undefined;
}

/** The frame whose struct page holds the byte at `address`, and the byte's place in it; undefined outside the struct pages that there are. */
export function structPageAt(kernel: Kernel, address: Address): StructPagePlace | undefined {
  const model = memoryModel(kernel);
  if (model === undefined) return undefined;
  const found = placeIn(model, address);
  if (found !== undefined || model.map?.name !== 'vmemmap') return found;
  // The rest of the virtual memory map is that of frames without RAM.
  const region = regionOfKind(layoutOf(kernel), 'struct-page');
  if (region === undefined || address < region.start || address >= region.end) return undefined;
  return placeFrom(model.map.base, model.map.firstFrame, model, address);
}

/** An address within the memory map: the frame whose struct page it lies in. */
export interface StructPagePlace {
  readonly pfn: number;
  /** Byte within the struct page. */
  readonly offset: number;
}

function placeFrom(base: Address, firstFrame: number, { pageStructSize }: MemoryModel, address: Address): StructPagePlace | undefined {
  if (address < base) return undefined;
  const distance = Number(address - base);
  return { pfn: firstFrame + Math.floor(distance / pageStructSize), offset: distance % pageStructSize };
}

function placeIn(model: MemoryModel, address: Address): StructPagePlace | undefined {
  for (const { start, end, base } of model.pieces) {
    const place = placeFrom(base, start, model, address);
    if (place !== undefined && place.pfn < end) return place;
  }
  return undefined;
}

/** Address of the struct page of a frame. */
export function pageOfFrame(kernel: Kernel, frame: number): Address | undefined {
  const model = memoryModel(kernel);
  if (model === undefined) return undefined;
  const { map, pageStructSize } = model;
  if (map !== undefined) return addToAddress(map.base, (frame - map.firstFrame) * pageStructSize);
  const piece = model.pieces[findRange(model.pieces, frame)];
  return piece === undefined ? undefined : addToAddress(piece.base, (frame - piece.start) * pageStructSize);
}
