/**
 * What the kernel's own vread() (vread_iter() since 6.4) copies out of the vmalloc space, as mm/vmalloc.c of that kernel does
 * it. It is told as parts: where in virtual memory each comes from, or that it is filled with zeros.
 */
import { addToAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { partitionPoint } from '../../base/partition-point.ts';
import type { Kernel } from '../kernel.ts';
import { findVmapArea, hasVmapRamFlags, mappedSize, vmapAreas, vmFlag } from './vmap-area.ts';
import type { VmapArea } from './vmap-area.ts';
import { blockOf, blockPages, usedRuns } from './vmap-block.ts';

/** A run of bytes that vread_iter() copies from one source, or fills with zeros. */
export interface VreadPart {
  /** Bytes. */
  readonly length: number;
  /** Where the bytes are copied from, page by page; undefined for zeros. */
  readonly source: Address | undefined;
  /** Why they are zeros, or another place's than asked for; undefined where they are simply what is there. */
  readonly why: string | undefined;
}

/** What this kernel's vread() does, by its types. */
interface Behaviour {
  /** Whether it reads vm_map_ram areas, and leaves out VM_UNINITIALIZED ones (both came with vmap_block.used_map, 6.3). */
  readonly readsRam: boolean;
  /** Whether VM_SPARSE areas are left out (6.9, with the vmap nodes). */
  readonly sparse: boolean;
}

const topAddress = 1n << 64n;

/** The parts of a read of `length` bytes at `address`, in order. Their lengths sum up to `length`, less what lies above the top. */
export function vreadParts(kernel: Kernel, address: Address, length: number): VreadPart[] {
  return partsThrough(kernel, vmapAreas(kernel).sorted, { address, length });
}

/** What becomes of a read of one byte of an area. */
export function vreadByte(kernel: Kernel, address: Address, area: VmapArea): VreadPart | undefined {
  return partsThrough(kernel, [area], { address, length: 1 })[0];
}

/** `sorted`: all areas in use that the read may meet, ascending. */
function partsThrough(
  kernel: Kernel,
  sorted: readonly VmapArea[],
  { address, length }: { readonly address: Address; readonly length: number },
): VreadPart[] {
  const behaviour = kernel.once(behaviourOf);
  const parts: VreadPart[] = [];
  let at: bigint = address;
  let left = Math.min(length, Number(topAddress - address));
  const add = (part: VreadPart): void => {
    if (part.length <= 0) return;
    parts.push(part);
    at += BigInt(part.length);
    left -= part.length;
  };
  for (let index = firstEndingAbove(sorted, address); index < sorted.length && left > 0; index++) {
    const area = sorted[index];
    if (area === undefined || isSkipped(area, behaviour)) continue;
    const end = area.start + BigInt(Math.max(0, mappedSize(kernel, area)));
    if (at >= end) continue;
    if (at < area.start) {
      const gap = Number(area.start - at);
      add({ length: Math.min(gap, left), source: undefined, why: zeroReason(kernel, toAddress(at), behaviour) });
      if (left === 0) break;
    }
    const share = Math.min(Number(end - at), left);
    for (const part of areaParts(kernel, area, { at: toAddress(at), length: share, behaviour })) add(part);
  }
  if (left > 0) add({ length: left, source: undefined, why: zeroReason(kernel, toAddress(at), behaviour) });
  return parts;
}

function behaviourOf(kernel: Kernel): Behaviour {
  const structs = kernel.structs('reading as /proc/kcore does');
  return { readsRam: hasVmapRamFlags(structs), sparse: structs.find('vmap_node') !== undefined };
}

/** Index of the area with the lowest start among those that end above `address`. */
function firstEndingAbove(sorted: readonly VmapArea[], address: Address): number {
  return partitionPoint(sorted.length, (index) => (sorted[index]?.end ?? 0n) <= address);
}

/** Areas that are passed over: what lies in them becomes part of the gap. */
function isSkipped({ vm, ram, block }: VmapArea, { readsRam }: Behaviour): boolean {
  if (vm === undefined) return !readsRam || !(ram || block);
  return readsRam && (vm.flags & vmFlag.uninitialized) !== 0;
}

function areaParts(
  kernel: Kernel,
  area: VmapArea,
  of: { readonly at: Address; readonly length: number; readonly behaviour: Behaviour },
): VreadPart[] {
  const { at, length, behaviour } = of;
  if (area.ram && area.block) return blockParts(kernel, area, { at, length });
  const flags = area.vm?.flags ?? 0;
  if ((flags & vmFlag.ioremap) !== 0) return [{ length, source: undefined, why: 'VM_IOREMAP areas are read as zeros' }];
  if (behaviour.sparse && (flags & vmFlag.sparse) !== 0) return [{ length, source: undefined, why: 'VM_SPARSE areas are read as zeros' }];
  return [{ length, source: at, why: undefined }];
}

/**
 * mm/vmalloc.c:vmap_ram_vread_iter(). It begins with the block's first run of used pages whatever was asked for, takes only the
 * offset within the page from the address, and counts one page too many in each run; a caller that reads at most a page at a
 * time, as /proc/kcore does, gets the first used page for every page behind it.
 */
function blockParts(kernel: Kernel, area: VmapArea, of: { readonly at: Address; readonly length: number }): VreadPart[] {
  const block = blockOf(kernel, area);
  const runs = block === undefined ? [] : (usedRuns(block, blockPages(kernel, area)) ?? []);
  const parts: VreadPart[] = [];
  const { pageSize } = kernel;
  let at: bigint = of.at;
  let left = of.length;
  const add = (part: VreadPart): void => {
    parts.push(part);
    at += BigInt(part.length);
    left -= part.length;
  };
  for (const [first, count] of runs) {
    if (left === 0) break;
    const start = area.start + BigInt(first * pageSize);
    if (at < start) {
      add({
        length: Math.min(Number(start - at), left),
        source: undefined,
        why: "pages between the vmap_block's used ones are read as zeros",
      });
      if (left === 0) break;
    }
    const offset = Number(at % BigInt(pageSize));
    const length = Math.min((count + 1) * pageSize - offset, left);
    const source = addToAddress(toAddress(start), offset);
    const why =
      source === at
        ? undefined
        : `vmap_ram_vread_iter() copies from page ${first}, where a run of used pages of the vmap_block begins, whatever page is asked for`;
    add({ length, source, why });
  }
  if (left > 0) {
    const why =
      block === undefined
        ? 'the area has no vmap_block'
        : runs.length === 0
          ? 'nothing of the vmap_block is in use'
          : "pages behind the vmap_block's used ones are read as zeros";
    add({ length: left, source: undefined, why });
  }
  return parts;
}

function zeroReason(kernel: Kernel, address: Address, { readsRam }: Behaviour): string {
  const area = findVmapArea(kernel, address);
  if (area === undefined) return 'no vmap_area covers it';
  const { vm } = area;
  if (vm === undefined) {
    return area.ram ? 'vread() of this kernel leaves vm_map_ram areas out' : 'the vmap_area has no vm_struct: it is being made or removed';
  }
  if (readsRam && (vm.flags & vmFlag.uninitialized) !== 0) return 'VM_UNINITIALIZED areas are left out';
  return 'vread() takes the last page of the area as its guard page';
}
