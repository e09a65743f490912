/** vmap_blocks against their areas, their bitmaps against their counters, and the queues that list them (mm/vmalloc.c). */
import { limits } from '../../base/limits.ts';
import { formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import { layoutOf } from '../layout/layout.ts';
import { possibleCpus } from '../per-cpu.ts';
import { vmapAreas } from './vmap-area.ts';
import type { VmapArea } from './vmap-area.ts';
import { isUsed, vmapBlockList, vmapBlockQueues } from './vmap-block.ts';
import type { VmapBlock } from './vmap-block.ts';
import type { DamageEnd, TellProblem } from './vmap-check.ts';
import { mappedFrame } from './vmap-pages.ts';

/**
 * Tells each problem with the block's area and address. Pages for which `damageEnd` has an answer lie behind damaged tables,
 * and are not judged.
 */
export function checkBlocks(kernel: Kernel, tell: TellProblem, damageEnd: DamageEnd): void {
  const areas = new Map(vmapAreas(kernel).busy.map((area) => [area.address, area]));
  const blocks = vmapBlockList(kernel);
  const owners = new Map<Address, VmapBlock>();
  const bases = kernelBases(kernel, blocks, areas);
  for (const block of blocks) {
    const area = areas.get(block.area);
    const nowhere = toAddress(0n);
    const tellBlock = (reason: string): void => {
      const { address } = block;
      tell({ start: area?.start ?? nowhere, end: area?.end ?? nowhere, object: 'vmap_block', at: address, reason });
    };
    if (area === undefined) {
      tellBlock(
        `the vmap_block ${formatAddress(block.address)} belongs to the vmap_area ${formatAddress(block.area)}, which is not in use`,
      );
      continue;
    }
    const other = owners.get(block.area);
    if (other !== undefined)
      tellBlock(`the vmap_blocks ${formatAddress(other.address)} and ${formatAddress(block.address)} have the same area`);
    owners.set(block.area, block);
    checkPlace(kernel, { block, area, bases }, tellBlock);
    checkCounters(kernel, { block, area }, tellBlock);
    checkMapped(kernel, { block, area, damageEnd }, tellBlock);
  }
  for (const area of areas.values()) {
    if (!area.block || owners.has(area.address)) continue;
    // While a block is being made or released it is in no array, and nothing is mapped.
    const page = firstMapped(kernel, { area, damageEnd }, 0);
    if (page === undefined) continue;
    const reason = `it is carved up by a vmap_block, of which there is none, and page ${page} is mapped`;
    tell({ start: area.start, end: area.end, object: 'vmap_area', at: area.address, reason });
  }
  checkQueues(kernel, { blocks, areas }, tell);
}

interface BlockOf {
  readonly block: VmapBlock;
  readonly area: VmapArea;
}

/** The address of index 0: by the layout, and by what most of several blocks agree on; empty when neither tells it. */
function kernelBases(kernel: Kernel, blocks: readonly VmapBlock[], areas: ReadonlyMap<Address, VmapArea>): ReadonlySet<bigint> {
  const counts = new Map<bigint, number>();
  for (const block of blocks) {
    const base = baseBy(block, areas.get(block.area));
    if (base !== undefined) counts.set(base, (counts.get(base) ?? 0) + 1);
  }
  const common = [...counts].filter(([, count]) => count > 1 && count * 2 > blocks.length).map(([base]) => base);
  const start = layoutOf(kernel).regions.find(({ kind }) => kind === 'vmalloc-space')?.start;
  const size = blocks.map((block) => areas.get(block.area)).find((area) => area !== undefined);
  const bytes = size === undefined ? 0n : size.end - size.start;
  return new Set(start === undefined || bytes <= 0n ? common : [...common, start - (start % bytes)]);
}

function baseBy(block: VmapBlock, area: VmapArea | undefined): bigint | undefined {
  return area === undefined ? undefined : area.start - block.index * (area.end - area.start);
}

/** Its area: that of a block, of a block's size; its key: the one under which vm_unmap_ram() will look for it. */
function checkPlace(
  kernel: Kernel,
  { block, area, bases }: BlockOf & { readonly bases: ReadonlySet<bigint> },
  tell: (reason: string) => void,
): void {
  const bytes = area.end - area.start;
  const name = `the vmap_block ${formatAddress(block.address)}`;
  const bits = block.usedMap === undefined ? undefined : block.usedMap.length * block.wordBits;
  if (!area.ram || (block.usedMap !== undefined && !area.block)) tell(`${name} has an area that is no block's`);
  else if (bits !== undefined && bytes !== BigInt(bits * kernel.pageSize)) {
    tell(`${name} has ${bits} pages, and its area ${bytes / BigInt(kernel.pageSize)}`);
  } else if (bytes > 0n && area.start % bytes !== 0n) tell(`${name} has an area that is not aligned to its size`);
  else if (bases.size > 0 && !bases.has(baseBy(block, area) ?? 0n)) {
    tell(`${name} lies in the array at index ${formatAddress(block.index)}, which is not its address's`);
  } else if (block.arrayCpu !== undefined && bytes > 0n && !arrayCpus(kernel, area.start / bytes).includes(block.arrayCpu)) {
    tell(`${name} lies in the array of CPU ${block.arrayCpu}, where its address does not lead`);
  }
}

/** CPUs whose array holds the block with this number (addr_to_vb_xa): by the count of CPUs until 6.9, then by their numbers. */
function arrayCpus(kernel: Kernel, number: bigint): number[] {
  const cpus = possibleCpus(kernel);
  const highest = cpus.at(-1) ?? 0;
  const byCount = Number(number % BigInt(cpus.length));
  const byNumber = Number(number % BigInt(highest + 1));
  return [byCount, cpus.find((cpu) => cpu >= byNumber) ?? 0];
}

function checkCounters(kernel: Kernel, { block, area }: BlockOf, tell: (reason: string) => void): void {
  const pages = Number(area.end - area.start) / kernel.pageSize;
  const { free, dirty, dirtyMin, dirtyMax, usedMap } = block;
  const name = `the vmap_block ${formatAddress(block.address)}`;
  if (free + dirty > pages) {
    tell(`${name} counts ${free} free and ${dirty} dirty pages, and has ${pages}`);
    return;
  }
  if (dirtyMin > pages || dirtyMax > pages) {
    tell(`${name} has ${pages} pages, and its dirty range is ${dirtyMin}-${dirtyMax}`);
  }
  if (usedMap === undefined) return;
  let used = 0;
  for (let page = 0; page < pages; page++) {
    if (!isUsed(block, page)) continue;
    used++;
    if (page < pages - free) continue;
    tell(`page ${page} of ${name} is marked as used, and was never handed out: ${free} of ${pages} pages are free`);
    return;
  }
  const left = pages - free - dirty;
  if (used === left) return;
  const moment = used < left ? ' (legal only in the moment in which pages are unmapped)' : '';
  tell(`used_map of ${name} marks ${used} pages, and its counters leave ${left}: ${free} free, ${dirty} dirty of ${pages}${moment}`);
}

/** Pages that are mapped although they are free, or were freed. */
function checkMapped(
  kernel: Kernel,
  { block, area, damageEnd }: BlockOf & { readonly damageEnd: DamageEnd },
  tell: (reason: string) => void,
): void {
  const pages = Number(area.end - area.start) / kernel.pageSize;
  const name = `the vmap_block ${formatAddress(block.address)}`;
  const of = { area, damageEnd };
  for (let page = firstMapped(kernel, of, 0); page !== undefined; page = firstMapped(kernel, of, page + 1)) {
    if (page >= pages - block.free) {
      tell(`page ${page} of ${name} is mapped, and was never handed out: ${block.free} of ${pages} pages are free`);
      return;
    }
    if (block.usedMap !== undefined && !isUsed(block, page)) {
      tell(`page ${page} of ${name} is mapped, and used_map says that it is not in use`);
      return;
    }
  }
}

function firstMapped(
  kernel: Kernel,
  { area, damageEnd }: { readonly area: VmapArea; readonly damageEnd: DamageEnd },
  from: number,
): number | undefined {
  const whole = Number(area.end - area.start) / kernel.pageSize;
  if (whole > limits.blockPages)
    kernel.warn(`the vmap_block at ${formatAddress(area.start)} spans ${whole} pages; the first ${limits.blockPages} are looked at`);
  const pages = Math.min(limits.blockPages, whole);
  for (let page = from; page < pages; page++) {
    if (mappedFrame(kernel, area.start, page) === undefined) continue;
    if (damageEnd(area.start + BigInt(page * kernel.pageSize)) === undefined) return page;
  }
  return undefined;
}

/** Each CPU's free list: blocks that exist, have free pages, and are on no other list. */
function checkQueues(
  kernel: Kernel,
  of: { readonly blocks: readonly VmapBlock[]; readonly areas: ReadonlyMap<Address, VmapArea> },
  tell: TellProblem,
): void {
  const { blocks, areas } = of;
  const queues = vmapBlockQueues(kernel);
  const byAddress = new Map(blocks.map((block) => [block.address, block]));
  const listed = new Map<Address, number>();
  const tellOf = (address: Address, reason: string): void => {
    const area = areas.get(byAddress.get(address)?.area ?? toAddress(0n));
    const start = area?.start ?? toAddress(0n);
    tell({ start, end: area?.end ?? start, object: 'vmap_block', at: address, reason });
  };
  for (const { cpu, free } of queues) {
    for (const address of free) {
      const block = byAddress.get(address);
      const name = `the vmap_block ${formatAddress(address)}`;
      const other = listed.get(address);
      if (block === undefined) tellOf(address, `${name} is on the free list of CPU ${cpu}, and in no array of blocks`);
      else if (other !== undefined) tellOf(address, `${name} is on the free lists of CPU ${other} and CPU ${cpu}`);
      else if (block.free === 0) tellOf(address, `${name} is on the free list of CPU ${cpu}, and has no free page`);
      else if (block.cpu !== undefined && block.cpu !== cpu)
        tellOf(address, `${name} is on the free list of CPU ${cpu}, and says CPU ${block.cpu}`);
      listed.set(address, cpu);
    }
  }
  if (queues.length === 0 || queues.some(({ whole }) => !whole)) return;
  for (const { address, free, dirty } of blocks) {
    // A block that is just made is listed last; nothing of it was freed yet.
    if (free > 0 && dirty > 0 && !listed.has(address)) {
      tellOf(address, `the vmap_block ${formatAddress(address)} has ${free} free pages, and is on no CPU's free list`);
    }
  }
}
