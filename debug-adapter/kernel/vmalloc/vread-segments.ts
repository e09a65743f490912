/** The segments of /proc/kcore (fs/proc/kcore.c), in the kernel's order: what each address is read as. */
import { limits } from '../../base/limits.ts';
import { addToAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { mergeRanges } from '../../base/range.ts';
import type { NumberRange } from '../../base/range.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import { layoutOf } from '../layout/layout.ts';
import type { DirectMap } from '../layout/layout.ts';
import { memoryMap } from '../pages/page-frame.ts';

/** A PT_LOAD segment of /proc/kcore: virtual addresses [start, end), and how reads of it are served (fs/proc/kcore.c). */
export interface KcoreSegment {
  readonly type: 'text' | 'vmalloc' | 'ram' | 'vmemmap' | 'user';
  readonly start: bigint;
  readonly end: bigint;
}

/** Architectures that select ARCH_PROC_KCORE_TEXT. */
const withText: readonly string[] = ['x86-64', 'arm64', 'riscv64', 's390x', 'sparc64', 'mips64'];

/** The first segment that holds `address`; undefined where /proc/kcore has none and gives zeros. */
export function kcoreSegment(kernel: Kernel, address: Address): KcoreSegment | undefined {
  return kernel.once(kcoreSegments).find(({ start, end }) => address >= start && address < end);
}

/**
 * Ranges [start, end), in the order in which a read of /proc/kcore looks through them; those whose bounds the dump does not
 * tell are left out.
 */
export function kcoreSegments(kernel: Kernel): readonly KcoreSegment[] {
  const { regions, directMap } = layoutOf(kernel);
  const segments: KcoreSegment[] = [];
  const add = (type: KcoreSegment['type'], start: bigint, end: bigint): void => {
    if (end > start) segments.push({ type, start, end });
  };
  const [text, end] = [kernel.addressOf('_text'), kernel.addressOf('_end')];
  if (hasGate(kernel)) for (const region of regions) if (region.kind === 'vsyscall') add('user', region.start, region.end);
  if (withText.includes(kernel.machine.architecture) && text !== undefined && end !== undefined) add('text', text, end);
  const vmalloc = regions.find(({ kind }) => kind === 'vmalloc-space');
  // VMALLOC_END of x86-64 is the last byte, so that the segment lacks it.
  if (vmalloc !== undefined) add('vmalloc', vmalloc.start, vmalloc.end - (kernel.machine.architecture === 'x86-64' ? 1n : 0n));
  for (const region of regions) if (region.kind === 'module-space') add('vmalloc', region.start, region.end);
  if (directMap !== undefined) for (const segment of memorySegments(kernel, directMap, vmalloc?.start)) segments.push(segment);
  return segments;
}

/** vsyscall_mode is EMULATE, XONLY (once NATIVE) or NONE (arch/x86/entry/vsyscall/vsyscall_64.c). */
const vsyscallNone = 2;

/** Whether processes have a gate VMA (get_gate_vma). */
function hasGate(kernel: Kernel): boolean {
  const mode = kernel.addressOf('vsyscall_mode');
  return mode !== undefined && (optionalRead(() => kernel.memory.u32(mode)) ?? vsyscallNone) !== vsyscallNone;
}

/** kcore_ram_list(): each range of System RAM, followed by its struct pages. */
function memorySegments(kernel: Kernel, directMap: DirectMap, vmallocStart: Address | undefined): KcoreSegment[] {
  const segments: KcoreSegment[] = [];
  const limit = vmallocStart !== undefined && vmallocStart > directMap.start ? vmallocStart : directMap.end;
  for (const { start: first, end: behind } of ramPages(kernel)) {
    // The offset may be negative, or told without its sign.
    const start = BigInt.asUintN(64, BigInt(first * kernel.pageSize) + directMap.offset);
    const end = start + BigInt((behind - first) * kernel.pageSize);
    if (start >= limit || start < directMap.start) continue;
    segments.push({ type: 'ram', start, end: end > limit ? limit : end });
    const structs = structPages(kernel, { start: first, end: behind });
    // A range that begins in the last page of an earlier one is cut to end before it starts, and left out.
    const overlapped = segments.find(({ type, ...one }) => type === 'vmemmap' && structs.start < one.end && structs.end > one.start);
    const structsEnd = overlapped?.start ?? structs.end;
    if (structsEnd > structs.start) segments.push({ type: 'vmemmap', start: structs.start, end: structsEnd });
  }
  return segments;
}

/** get_sparsemem_vmemmap_info(): pages of the virtual memory map that hold the struct pages of frames; empty where there is none. */
function structPages(kernel: Kernel, { start, end }: NumberRange): { readonly start: bigint; readonly end: bigint } {
  const map = memoryMap(kernel);
  if (map?.name !== 'vmemmap') return { start: 0n, end: 0n };
  const size = BigInt(kernel.pageSize);
  const from = addToAddress(map.base, (start - map.firstFrame) * map.pageStructSize);
  const to = addToAddress(map.base, (end - map.firstFrame) * map.pageStructSize);
  return { start: from - (from % size), end: ((to - 1n + size - 1n) / size) * size };
}

/** Frames [start, end) that kcore takes for RAM. */
function ramPages(kernel: Kernel): readonly NumberRange[] {
  const { pageSize } = kernel;
  const highMemory = kernel.addressOf('pkmap_page_table') !== undefined ? kernel.addressOf('max_low_pfn') : undefined;
  try {
    // With HIGHMEM all of low memory is one segment, holes and all.
    if (highMemory !== undefined) return [{ start: 0, end: Number(kernel.memory.word(highMemory)) }];
    const told = systemRam(kernel);
    const ranges = told.length > 0 ? told : kernel.physical.ranges;
    return ranges
      .map(({ start, end }) => ({ start: Math.ceil(start / pageSize), end: Math.floor(end / pageSize) }))
      .filter(({ start, end }) => end > start);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return mergeRanges(kernel.physical.ranges.map(({ start, end }) => ({ start: start / pageSize, end: end / pageSize })));
  }
}

/** IORESOURCE_MEM | IORESOURCE_BUSY with IORESOURCE_SYSRAM (include/linux/ioport.h). */
const systemRamFlags = 0x8000_0200n | 0x0100_0000n;

/** walk_system_ram_range() over iomem_resource: bytes [start, end), ascending; empty where the tree cannot be found. */
function systemRam(kernel: Kernel): NumberRange[] {
  const root = kernel.addressOf('iomem_resource');
  const shape = kernel.types === undefined ? undefined : kernel.structs('finding System RAM').find('resource');
  if (root === undefined || shape === undefined) return [];
  const found: NumberRange[] = [];
  const visited = new Set<bigint>();
  const pending: Address[] = [shape.pointer(root, 'child')];
  for (;;) {
    const at = pending.pop();
    if (at === undefined) break;
    if (visited.size > limits.resources) {
      kernel.warn(`there are more than ${limits.resources} resources of physical memory; RAM behind them is not found`);
      break;
    }
    if (at === 0n || visited.has(at)) continue;
    visited.add(at);
    pending.push(shape.pointer(at, 'sibling'));
    const flags = shape.unsigned(at, 'flags');
    // What lies inside RAM (kernel code and the like) is met with it.
    if ((flags & systemRamFlags) === systemRamFlags) {
      found.push({ start: Number(shape.unsigned(at, 'start')), end: Number(shape.unsigned(at, 'end')) + 1 });
    } else pending.push(shape.pointer(at, 'child'));
  }
  return found.sort((a, b) => a.start - b.start);
}

/** The frame that a direct-map address stands for. */
export function directFrame(kernel: Kernel, address: Address): number | undefined {
  const { directMap } = layoutOf(kernel);
  return directMap === undefined ? undefined : Number(toAddress(BigInt.asUintN(64, address - directMap.offset))) / kernel.pageSize;
}
