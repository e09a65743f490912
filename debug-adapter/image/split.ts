/**
 * The members of a set that makedumpfile --split wrote: each has all headers and both bitmaps of the whole dump, and the
 * pages of its own range. (makedumpfile.c:write_kdump_pages_and_bitmap; IMPLEMENTATION)
 */
import { errors } from '../base/errors.ts';
import { findRange } from '../base/range.ts';
import type { NumberRange } from '../base/range.ts';
import type { HoleReason } from '../memory/hole.ts';
import { frameSize, missingFrame } from '../memory/physical-memory.ts';
import type { MemoryBlock, PartialFrame, PhysicalMemory } from '../memory/physical-memory.ts';
import type { KdumpFile, KdumpMemory } from './kdump-memory.ts';

interface Member extends NumberRange {
  readonly memory: KdumpMemory;
  readonly name: string;
}

/** Joins the members; says in `warnings` which pages no member holds. Throws `UserError` for files of different dumps. */
export function joinSplitSet(
  files: readonly KdumpFile[],
  warnings: string[],
): { readonly memory: PhysicalMemory; readonly missing: readonly NumberRange[] } {
  const [first] = files;
  if (first === undefined) throw new RangeError('a set has at least one member');
  for (const file of files) {
    if (file.sub.split === undefined)
      throw errors.badArgument(`${file.source.name}: is a whole dump and no member of a split one; name the files of one dump`);
    if (!sameDump(first, file))
      throw errors.badArgument(
        `${file.source.name}: is a member of another split dump than ${first.source.name}; name the files of one dump`,
      );
  }
  const members: Member[] = [];
  // A writer with more files than it needs gives the last ones no pages.
  const filled = files
    .filter(({ memory }) => memory.pages.end > memory.pages.start)
    .sort((a, b) => a.memory.pages.start - b.memory.pages.start);
  for (const { memory, source } of filled) {
    const last = members.at(-1);
    const member: Member = { ...memory.pages, memory, name: source.name };
    if (last !== undefined && member.start < last.end) {
      const same = member.start === last.start && member.end === last.end;
      if (!same || last.name === member.name)
        throw errors.badArgument(
          `${member.name}: holds pages that ${last.name} holds too (from 0x${member.start.toString(16)}); name each member once`,
        );
      warnings.push(`${member.name} holds the same pages as ${last.name}; only the latter is used`);
      continue;
    }
    members.push(member);
  }
  const memory = new SplitMemory(first.memory, members);
  for (const { start, end } of memory.missing) {
    const pages = first.memory.dumped.rank(end) - first.memory.dumped.rank(start);
    const { blockSize } = first.memory;
    warnings.push(
      `a member of the split dump is missing: it held pages 0x${start.toString(16)}-0x${end.toString(16)} (physical 0x${(start * blockSize).toString(16)}-0x${(end * blockSize).toString(16)}), ${pages} of them dumped; name all members, joined by commas`,
    );
  }
  return { memory, missing: memory.missing };
}

function sameDump(a: Pick<KdumpFile, 'header' | 'vmcoreinfo' | 'memory'>, b: Pick<KdumpFile, 'header' | 'vmcoreinfo' | 'memory'>): boolean {
  return (
    sameHeader(a.header, b.header) &&
    sameVmcoreinfo(a.vmcoreinfo, b.vmcoreinfo) &&
    a.memory.ram.resembles(b.memory.ram) &&
    a.memory.dumped.resembles(b.memory.dumped)
  );
}

/** Not every member need have it. It tells the time of the crash. */
export function sameVmcoreinfo(a: string, b: string): boolean {
  return a === '' || b === '' || a === b;
}

/** Whether two headers can be of one set: what is compared is the same in all members. */
export function sameHeader(a: KdumpFile['header'], b: KdumpFile['header']): boolean {
  return (
    a.wide === b.wide &&
    a.littleEndian === b.littleEndian &&
    a.version === b.version &&
    a.blockSize === b.blockSize &&
    a.maxFrame === b.maxFrame &&
    a.bitmapBytes === b.bitmapBytes &&
    a.utsname.every((text, index) => text === b.utsname[index])
  );
}

class SplitMemory implements PhysicalMemory {
  readonly ranges: readonly NumberRange[];
  /** Runs of pages that no member holds and of which the dump has some. */
  readonly missing: readonly NumberRange[];
  readonly #any: KdumpMemory;
  readonly #members: readonly Member[];
  readonly #framesPerPage: number;
  #last: Member | undefined;

  constructor(any: KdumpMemory, members: readonly Member[]) {
    this.#any = any;
    this.#members = members;
    this.#framesPerPage = any.blockSize / frameSize;
    this.ranges = any.ranges;
    const gaps: NumberRange[] = [];
    let at = 0;
    for (const { start, end } of [...members, { start: any.dumped.length, end: any.dumped.length }]) {
      if (start > at) gaps.push({ start: at, end: start });
      at = end;
    }
    this.missing = gaps.filter(({ start, end }) => any.dumped.rank(end) > any.dumped.rank(start));
  }

  frame(frameNumber: number): Uint8Array | undefined {
    return this.#memberOf(frameNumber)?.memory.frame(frameNumber);
  }

  partialFrame(frameNumber: number): PartialFrame {
    const member = this.#memberOf(frameNumber);
    const page = Math.floor(frameNumber / this.#framesPerPage);
    if (member !== undefined || this.#any.stateOf(page) !== 'dumped') return (member?.memory ?? this.#any).partialFrame(frameNumber);
    const gap = this.missing[findRange(this.missing, page)];
    const range = gap === undefined ? '' : ` (pages 0x${gap.start.toString(16)}-0x${gap.end.toString(16)})`;
    const reason: HoleReason = {
      kind: 'truncated',
      message: `page 0x${page.toString(16)} is in a member of the split dump that was not given${range}`,
    };
    return missingFrame(reason);
  }

  readRun(address: number, into: Uint8Array): number {
    if (into.length < this.#any.longReading) return this.#memberOf(Math.floor(address / frameSize))?.memory.readRun(address, into) ?? 0;
    let done = 0;
    while (done < into.length) {
      const at = address + done;
      const member = this.#memberOf(Math.floor(at / frameSize));
      if (member === undefined) break;
      // A member is asked for its own pages, however few: the reading goes on in the next one.
      const wanted = Math.min(into.length - done, member.end * this.#any.blockSize - at);
      const got = member.memory.fill(at, into.subarray(done, done + wanted));
      done += got;
      if (got < wanted) break;
    }
    return done;
  }

  storedBytes(start: number, end: number): number {
    return this.#members.reduce((sum, { memory }) => sum + memory.storedBytes(start, end), 0);
  }

  *blocks(from: number): Generator<MemoryBlock> {
    for (const { memory } of this.#members) yield* memory.blocks(from);
  }

  #memberOf(frameNumber: number): Member | undefined {
    const page = Math.floor(frameNumber / this.#framesPerPage);
    const last = this.#last;
    if (last !== undefined && page >= last.start && page < last.end) return last;
    const member = this.#members[findRange(this.#members, page)];
    if (member !== undefined) this.#last = member;
    return member;
  }
}
