/** struct page for every frame, nodes and zones, as mm/mm_init.c and mm/sparse.c set them up. */
import type { NumberRange } from '../base/range.ts';
import type { CTypes } from './c-declarations.ts';
import type { ImageBuilder } from './image-builder.ts';
import type { KernelMemory } from './kernel-memory.ts';
import { pageFlags } from './kernel-types.ts';
import type { MachineConfiguration } from './options.ts';
import type { MemoryMapPlace, ZonePlace } from './page-allocator.ts';
import type { Platform } from './platform.ts';

/** What struct pages, zones and nodes are laid out with, while the machine boots. */
export interface MapBuilder {
  readonly configuration: MachineConfiguration;
  readonly platform: Platform;
  readonly memory: KernelMemory;
  readonly types: CTypes;
  readonly image: ImageBuilder;
  /** Memory that is never freed: its physical address. */
  readonly early: (size: number, align: number) => number;
}

/** Where struct pages, zones and nodes came to lie. */
export interface MemoryMapBuilt extends MemoryMapPlace {
  readonly zones: readonly ZonePlace[];
  /** Runs of struct pages: frames [start, end), and where they lie in memory. */
  readonly pieces: readonly (NumberRange & { readonly at: number })[];
  /** Symbols that VMCOREINFO tells, with their values. */
  readonly symbols: readonly (readonly [name: string, value: bigint])[];
}

const mib = 2 ** 20;
/** NODES_SHIFT is 10: MAX_NUMNODES is the length of node_data. */
const mostNodes = 1024;
const nodesShift = 10;
const sectionRoots = 2048;
const present = 0x1f;

/** Lays out mem_map or the sections' arrays and pg_data_t with its zones; gives where they stand. */
export function buildMemoryMap(builder: MapBuilder): MemoryMapBuilt {
  const pieces = builder.platform.vmemmap === undefined ? flatMap(builder) : sections(builder);
  const pageSize = builder.types.size('page');
  const perPiece = 2 ** (builder.platform.sectionBits - 12);
  const bases: number[] = [];
  for (const { start, end, at } of pieces.pieces) {
    for (let frame = start; frame < end; frame += perPiece) bases[Math.floor(frame / perPiece)] = at + (frame - start) * pageSize;
  }
  const pageAt = (frame: number): number => {
    const base = bases[Math.floor(frame / perPiece)];
    if (base === undefined) throw new RangeError(`frame 0x${frame.toString(16)} has no struct page`);
    return base + (frame % perPiece) * pageSize;
  };
  const frameOf = (page: number): number => {
    for (const { start, end, at } of pieces.pieces)
      if (page >= at && page < at + (end - start) * pageSize) return start + Math.floor((page - at) / pageSize);
    throw new RangeError(`no struct page at physical 0x${page.toString(16)}`);
  };
  const { vmemmap } = builder.platform;
  if (vmemmap !== undefined) {
    const runs = pieces.pieces.map(({ start, end, at }) => ({ at, size: (end - start) * pageSize, offset: start * pageSize }));
    builder.memory.setMemoryMap(vmemmap, runs);
  }
  const nodes = nodesAndZones(builder);
  initialize(builder, { pieces: pieces.pieces, zones: nodes.zones, pageAt });
  return { pageAt, frameOf, zones: nodes.zones, pieces: pieces.pieces, symbols: [...pieces.symbols, ...nodes.symbols] };
}

type Pieces = Pick<MemoryMapBuilt, 'pieces' | 'symbols'>;

/** One array, mem_map, for all frames. */
function flatMap({ memory, types, image, early }: MapBuilder): Pieces {
  const end = (memory.ranges.at(-1)?.end ?? 0) / 4096;
  const at = early(end * types.size('page'), 4096);
  const symbol = image.place('data', 'mem_map', { size: memory.pointerSize });
  memory.setPointer(symbol, at);
  return { pieces: [{ start: 0, end, at }], symbols: [['mem_map', memory.virtual(symbol)]] };
}

/** A block of struct pages for each section that has RAM; mem_section is an array of pages of sections. */
function sections({ memory, types, image, early, platform }: MapBuilder): Pieces {
  const frames = 2 ** (platform.sectionBits - 12);
  const pageSize = types.size('page');
  const sectionSize = types.size('mem_section');
  const perRoot = 4096 / sectionSize;
  const roots = early(sectionRoots * 8, 64);
  const symbol = image.place('data', 'mem_section', { size: memory.pointerSize });
  memory.setPointer(symbol, roots);
  const pieces: (NumberRange & { at: number })[] = [];
  for (const range of memory.ranges) {
    for (let number = Math.floor(range.start / 4096 / frames); number * frames * 4096 < range.end; number++) {
      if (pieces.some(({ start }) => start === number * frames)) continue;
      const at = early(frames * pageSize, 2 * mib);
      pieces.push({ start: number * frames, end: (number + 1) * frames, at });
      const rootAt = roots + Math.floor(number / perRoot) * 8;
      let root = memory.pointer(rootAt);
      if (root === 0) {
        root = early(4096, 4096);
        memory.setPointer(rootAt, root);
      }
      // section_mem_map: where frame 0 would have its struct page, and flags.
      const coded = BigInt.asUintN(64, (platform.vmemmap ?? 0n) | BigInt(present));
      memory.setLong(root + (number % perRoot) * sectionSize + types.offset('mem_section', 'section_mem_map'), coded);
    }
  }
  return {
    pieces,
    symbols: [
      ['mem_section', memory.virtual(roots)],
      ['vmemmap', platform.vmemmap ?? 0n],
    ],
  };
}

/** Frames at which a zone ends: ZONE_DMA at 16 MiB, ZONE_DMA32 at 4 GiB on x86-64; arm64 has 4 GiB alone. */
function zoneEnds(platform: Platform): readonly (readonly [index: number, end: number])[] {
  const dma = (16 * mib) / 4096;
  const dma32 = 2 ** 20;
  switch (platform.architecture) {
    case 'x86-64':
      return [
        [0, dma],
        [1, dma32],
        [2, Number.MAX_SAFE_INTEGER],
      ];
    case 'x86-32':
      return [
        [0, dma],
        [1, Number.MAX_SAFE_INTEGER],
      ];
    case 'arm64':
      return [
        [0, dma32],
        [2, Number.MAX_SAFE_INTEGER],
      ];
  }
}

const zoneNames = {
  'x86-64': ['DMA', 'DMA32', 'Normal', 'Movable'],
  'x86-32': ['DMA', 'Normal', 'HighMem', 'Movable'],
  arm64: ['DMA', 'DMA32', 'Normal', 'Movable'],
} as const;

function nodesAndZones(builder: MapBuilder): { zones: ZonePlace[]; symbols: (readonly [string, bigint])[] } {
  const { memory, types, image, early, configuration, platform } = builder;
  const flat = platform.vmemmap === undefined;
  const last = (memory.ranges.at(-1)?.end ?? 0) / 4096;
  const first = Math.floor((memory.ranges[0]?.start ?? 0) / 4096);
  // Nodes have equal shares of RAM, in whole blocks of the largest order.
  const share = Math.ceil(memory.size / 4096 / configuration.nodes / 1024) * 1024;
  const nodeData = flat ? undefined : image.place('data', 'node_data', { size: mostNodes * memory.pointerSize });
  const onlineMap = image.place('data', 'node_online_map', { size: flat ? 4 : mostNodes / 8 });
  const zones: ZonePlace[] = [];
  const symbols: (readonly [string, bigint])[] = [['node_online_map', memory.virtual(onlineMap)]];
  for (let node = 0, start = first; node < configuration.nodes; node++) {
    const end = node === configuration.nodes - 1 ? last : frameBehind(memory, start, share);
    const size = types.size('pglist_data');
    const at = flat ? image.place('data', 'contig_page_data', { size }) : early(size, 64);
    if (nodeData === undefined) symbols.push(['contig_page_data', memory.virtual(at)]);
    else memory.setPointer(nodeData + node * memory.pointerSize, at);
    memory.setU32(onlineMap + Math.floor(node / 32) * 4, memory.u32(onlineMap + Math.floor(node / 32) * 4) | (1 << (node % 32)));
    memory.setWord(at + types.offset('pglist_data', 'node_start_pfn'), start);
    memory.setWord(at + types.offset('pglist_data', 'node_spanned_pages'), end - start);
    memory.setWord(at + types.offset('pglist_data', 'node_present_pages'), end - start);
    memory.setU32(at + types.offset('pglist_data', 'node_id'), node);
    memory.setU32(at + types.offset('pglist_data', 'nr_zones'), 5);
    let from = start;
    for (const [index, zoneEnd] of zoneEnds(platform)) {
      const to = Math.max(from, Math.min(end, zoneEnd));
      zones.push(zone(builder, at + types.offset('pglist_data', `node_zones[${index}]`), { node, start: from, end: to, index }));
      from = to;
    }
    start = end;
  }
  if (nodeData !== undefined) symbols.push(['node_data', memory.virtual(nodeData)]);
  // The highest zone of the first node first.
  return { zones: zones.filter(({ start, end }) => end > start).sort((a, b) => a.node - b.node || b.start - a.start), symbols };
}

function zone(
  { memory, types, early, platform }: MapBuilder,
  at: number,
  of: { readonly node: number; readonly start: number; readonly end: number; readonly index: number },
): ZonePlace {
  const { node, start, end } = of;
  const name = early(16, 16);
  memory.setText(name, zoneNames[platform.architecture][of.index] ?? '', 16);
  memory.setPointer(at + types.offset('zone', 'name'), name);
  memory.setWord(at + types.offset('zone', 'zone_start_pfn'), end > start ? start : 0);
  memory.setWord(at + types.offset('zone', 'spanned_pages'), end - start);
  memory.setWord(at + types.offset('zone', 'present_pages'), end - start);
  for (let order = 0; order <= 10; order++) {
    for (let type = 0; type < 5; type++) memory.listInit(at + types.offset('zone', `free_area[${order}].free_list[${type}]`));
  }
  return { at, node, start, end };
}

/** The frame behind `count` frames of RAM from `start` on, at a block of the largest order. */
function frameBehind(memory: KernelMemory, start: number, count: number): number {
  let left = count;
  for (const range of memory.ranges) {
    const from = Math.max(start, Math.floor(range.start / 4096));
    const to = Math.floor(range.end / 4096);
    if (to <= from) continue;
    if (left <= to - from) return Math.floor((from + left) / 1024) * 1024;
    left -= to - from;
  }
  return Math.floor((memory.ranges.at(-1)?.end ?? 0) / 4096);
}

/** Every page is reserved until the allocator has it. */
function initialize(
  { memory, types, platform }: MapBuilder,
  of: { readonly pieces: MemoryMapBuilt['pieces']; readonly zones: readonly ZonePlace[]; readonly pageAt: (frame: number) => number },
): void {
  const reserved = 1 << pageFlags.indexOf('reserved');
  const typeAt = types.offset('page', 'page_type');
  const countAt = types.offset('page', '_refcount');
  const lruAt = types.offset('page', 'lru');
  const ends = zoneEnds(platform);
  for (const piece of of.pieces) {
    for (let frame = piece.start; frame < piece.end; frame++) {
      const page = of.pageAt(frame);
      const node = of.zones.find(({ start, end }) => frame >= start && frame < end)?.node ?? 0;
      const index = ends.find(([, end]) => frame < end)?.[0] ?? 0;
      if (memory.pointerSize === 8) {
        memory.setU32(page, reserved);
        // Node in the top bits, zone in the three below (include/linux/page-flags-layout.h).
        memory.setU32(page + 4, ((node << (32 - nodesShift)) | (index << (32 - nodesShift - 3))) >>> 0);
      } else memory.setU32(page, (reserved | (index << 30)) >>> 0);
      memory.setPointer(page + lruAt, page + lruAt);
      memory.setPointer(page + lruAt + memory.pointerSize, page + lruAt);
      memory.setU32(page + typeAt, 0xffff_ffff);
      memory.setU32(page + countAt, 1);
    }
  }
}
