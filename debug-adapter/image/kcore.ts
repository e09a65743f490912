/**
 * /proc/kcore and saved copies of its layout (fs/proc/kcore.c). Its segments are virtual: of RAM and the kernel image the
 * file tells the physical address (since 4.11), of vmalloc space, modules and struct pages it does not. Vmalloc space is
 * one segment of 32 TiB and more, which is never read but where something is asked for.
 */
import { UserError, errors } from '../base/errors.ts';
import { findRange } from '../base/range.ts';
import type { NumberRange } from '../base/range.ts';
import type { HoleReason } from '../memory/hole.ts';
import { frameSize, missingFrame } from '../memory/physical-memory.ts';
import type { MemoryBlock, PartialFrame, PhysicalMemory } from '../memory/physical-memory.ts';
import type { ChunkCache } from './chunk-cache.ts';
import type { Image, MachineHint, VirtualMemory, VirtualSegment } from './image.ts';
import { SegmentMemory } from './segment-memory.ts';
import type { FileSegment } from './segment-memory.ts';

/** enum kcore_type, which is not in the file; `virtual` where an architecture's constants would have to tell. */
export type KcoreKind = 'text' | 'vmalloc' | 'modules' | 'ram' | 'vmemmap' | 'user' | 'remap' | 'virtual';

interface KcoreSegment extends VirtualSegment {
  readonly kind: KcoreKind;
  readonly offset: bigint;
}

const startKernelMap = 0xffff_ffff_8000_0000n;
const moduleSpace = 0xffff_ffff_a000_0000n;
const cpuEntryArea = 0xffff_fe00_0000_0000n;
const vsyscall = 0xffff_ffff_ff60_0000n;

interface Loads {
  readonly machine: MachineHint;
  readonly segments: readonly VirtualSegment[];
  /** p_offset of each segment. */
  readonly offsets: readonly bigint[];
  readonly warnings: string[];
}

/** What of an image is kcore's own. Its CPU note is all zeros and is no CPU. */
export function kcoreParts(file: ChunkCache, loads: Loads): Pick<Image, 'memory' | 'cpus' | 'headerFacts' | 'virtualMemory'> {
  const segments = withPhysical(file, classified(loads), loads.machine);
  const virtual = new VirtualFile(file, segments);
  const physical = new SegmentMemory(file, segments.flatMap(fileSegment), loads.warnings);
  return {
    memory: new KcoreMemory(physical, virtual),
    cpus: [],
    virtualMemory: virtual,
    headerFacts: [
      { name: 'segments', value: summary(segments) },
      {
        name: 'reads',
        value:
          'the kernel gives zeros for pages that it cannot read (offline, poisoned, ballooned, unaccepted), and goes on changing the rest',
      },
    ],
  };
}

/** Before 4.11 all physical addresses are zero; later ones without any are all ones, which `physical` leaves undefined. */
function tellsPhysical(segments: readonly VirtualSegment[]): boolean {
  const told = segments.filter(({ physical }) => physical !== undefined);
  return told.some(({ physical }) => physical !== 0n) || (told.length === 1 && segments.length > 1);
}

function classified({ machine, segments, offsets }: Loads): KcoreSegment[] {
  const told = tellsPhysical(segments);
  const all = segments.map((segment, index) => ({
    ...segment,
    physical: told ? segment.physical : undefined,
    offset: offsets[index] ?? 0n,
  }));
  const largest = all.reduce<VirtualSegment | undefined>(
    (best, one) => (best === undefined || one.size > best.size ? one : best),
    undefined,
  );
  return all.map((segment) => ({ ...segment, kind: kindOf(segment, { machine, all, largest, told }) }));
}

function kindOf(
  segment: VirtualSegment,
  among: { machine: MachineHint; all: readonly VirtualSegment[]; largest: VirtualSegment | undefined; told: boolean },
): KcoreKind {
  const { virtual, physical, size } = segment;
  const { machine, all, largest, told } = among;
  if (machine.architecture === 'x86-64') {
    if (virtual === vsyscall && size === BigInt(frameSize)) return 'user';
    if (virtual >= startKernelMap) return physical !== undefined || (!told && virtual < moduleSpace) ? 'text' : 'modules';
    if (physical !== undefined) return virtual >= cpuEntryArea ? 'remap' : 'ram';
    if (segment.virtual === largest?.virtual) return 'vmalloc';
    return !told && largest !== undefined && virtual < largest.virtual ? 'ram' : 'vmemmap';
  }
  if (physical === undefined) {
    // A 32-bit x86 kernel has vmalloc space above its RAM.
    const above = all.some((other) => other.virtual > virtual);
    if (!told && machine.architecture === 'x86-32') return above ? 'ram' : 'vmalloc';
    return virtual === largest?.virtual ? 'vmalloc' : 'virtual';
  }
  const inside = all.some(
    (other) =>
      other !== segment &&
      other.physical !== undefined &&
      other.size > size &&
      other.physical <= physical &&
      other.physical + other.size >= physical + size,
  );
  return inside ? 'text' : 'ram';
}

/** Units that a direct map's base keeps: KASLR moves it by 1 GiB (4 levels and 5), VMSPLIT options by 128 MiB. */
const baseUnits: Partial<Record<MachineHint['architecture'], bigint>> = { 'x86-64': 1n << 30n, 'x86-32': 1n << 27n };

/** Gives RAM segments of kernels before 4.11 the physical address that follows from the virtual one: x86 RAM begins below 128 MiB. */
function withPhysical(file: ChunkCache, segments: readonly KcoreSegment[], machine: MachineHint): KcoreSegment[] {
  if (segments.some(({ physical }) => physical !== undefined)) return [...segments];
  const unit = baseUnits[machine.architecture];
  const first = segments.filter(({ kind }) => kind === 'ram').reduce<bigint | undefined>(lower, undefined);
  if (unit === undefined || first === undefined) {
    throw errors.notSupported(
      `${file.source.name}: is a /proc/kcore that tells no physical addresses (kernels before 4.11), without which its page tables cannot be found; take a dump with makedumpfile or LiME instead`,
    );
  }
  const base = (first / unit) * unit;
  return segments.map((segment) => (segment.kind === 'ram' ? { ...segment, physical: segment.virtual - base } : segment));
}

function lower(least: bigint | undefined, { virtual }: KcoreSegment): bigint {
  return least === undefined || virtual < least ? virtual : least;
}

/** Offsets are made of virtual addresses: those of 5-level kernels' image and vmalloc space are beyond what a file can hold. */
function reachable({ offset, size }: KcoreSegment): boolean {
  return offset + size < BigInt(Number.MAX_SAFE_INTEGER);
}

function fileSegment(segment: KcoreSegment): FileSegment[] {
  const { physical, size, offset } = segment;
  if (physical === undefined || physical + size > 1n << 53n || !reachable(segment)) return [];
  const start = Number(physical);
  return [{ start, end: start + Number(size), fileOffset: Number(offset), fileSize: Number(size) }];
}

function summary(segments: readonly KcoreSegment[]): string {
  const counts = new Map<KcoreKind, number>();
  for (const { kind } of segments) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
}

/** Virtual pages are numbered from here among the frames of memory: behind those of any physical memory, and exact as numbers. */
const firstVirtualFrame = 2 ** 52;

interface VirtualRun extends NumberRange {
  readonly fileOffset: number;
}

/** Memory by its virtual address, of all segments whose offset a file can hold. Ranges are in pages. */
class VirtualFile implements VirtualMemory {
  readonly #runs: readonly VirtualRun[];
  readonly #file: ChunkCache;

  constructor(file: ChunkCache, segments: readonly KcoreSegment[]) {
    this.#file = file;
    const runs: VirtualRun[] = segments
      .filter((segment) => reachable(segment))
      .map(({ virtual, size, offset }) => {
        const inPage = virtual % BigInt(frameSize);
        // The last byte of x86's vmalloc space is missing from its segment; its page is there.
        const end = (virtual + size + BigInt(frameSize) - 1n) / BigInt(frameSize);
        return { start: Number(virtual / BigInt(frameSize)), end: Number(end), fileOffset: Number(offset - inPage) };
      })
      .sort((a, b) => a.start - b.start);
    this.#runs = runs.filter((run, index) => run.fileOffset >= 0 && run.start >= (runs[index - 1]?.end ?? 0));
  }

  frameOf(virtualPage: number): number {
    return findRange(this.#runs, virtualPage) >= 0 ? firstVirtualFrame + virtualPage : -1;
  }

  /** The bytes of a page, or why they are not there. */
  page(virtualPage: number): Uint8Array | HoleReason {
    const run = this.#runs[findRange(this.#runs, virtualPage)];
    if (run === undefined) return { kind: 'not-ram', message: 'no kcore segment holds this address' };
    try {
      const bytes = this.#file.bytes(run.fileOffset + (virtualPage - run.start) * frameSize, frameSize);
      return bytes.length === frameSize ? bytes : { kind: 'truncated', message: 'the file does not hold this page of the kcore segment' };
    } catch (error) {
      if (error instanceof UserError) return { kind: 'io-error', message: error.message };
      throw error;
    }
  }
}

/** Physical memory by the segments that have physical addresses, and behind it the pages of `VirtualFile`. */
class KcoreMemory implements PhysicalMemory {
  readonly ranges: readonly NumberRange[];
  readonly #physical: SegmentMemory;
  readonly #virtual: VirtualFile;

  constructor(physical: SegmentMemory, virtual: VirtualFile) {
    this.#physical = physical;
    this.#virtual = virtual;
    this.ranges = physical.ranges;
  }

  frame(frameNumber: number): Uint8Array | undefined {
    if (frameNumber < firstVirtualFrame) return this.#physical.frame(frameNumber);
    const page = this.#virtual.page(frameNumber - firstVirtualFrame);
    return page instanceof Uint8Array ? page : undefined;
  }

  readRun(address: number, into: Uint8Array): number {
    return address < firstVirtualFrame * frameSize ? this.#physical.readRun(address, into) : 0;
  }

  blocks(from: number): Iterable<MemoryBlock> {
    return this.#physical.blocks(from);
  }

  storedBytes(start: number, end: number): number {
    return this.#physical.storedBytes(start, end);
  }

  partialFrame(frameNumber: number): PartialFrame {
    if (frameNumber < firstVirtualFrame) return this.#physical.partialFrame(frameNumber);
    const page = this.#virtual.page(frameNumber - firstVirtualFrame);
    return missingFrame(page instanceof Uint8Array ? { kind: 'io-error', message: 'the page became readable' } : page);
  }
}
