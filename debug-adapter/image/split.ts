/**
 * The members of a set that makedumpfile --split wrote: each has all headers and both bitmaps of the whole dump, and the
 * pages of its own range. (makedumpfile.c:write_kdump_pages_and_bitmap; IMPLEMENTATION)
 */
import { errors } from '../base/errors.ts';
import type { ByteSource, Host } from '../base/host.ts';
import { findRange } from '../base/range.ts';
import type { NumberRange } from '../base/range.ts';
import type { HoleReason } from '../memory/hole.ts';
import { frameSize, missingFrame } from '../memory/physical-memory.ts';
import type { MemoryBlock, PartialFrame, PhysicalMemory } from '../memory/physical-memory.ts';
import { unflatten } from './flattened.ts';
import { isKdump, readKdumpHeaders, vmcoreinfoOf } from './kdump-header.ts';
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
function sameVmcoreinfo(a: string, b: string): boolean {
  return a === '' || b === '' || a === b;
}

function sameHeader(a: KdumpFile['header'], b: KdumpFile['header']): boolean {
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

/** Files beside a member that are looked at, at most: a folder may hold anything. */
const mostSiblings = 1000;
const comparedBytes = 1024 * 1024;

/**
 * The other members of the set that `source` belongs to, among the files beside it, by content: opened, in the order of
 * their pages, one for each range that is not held yet. Nothing when `source` is no member. The caller owns them.
 */
export function findOtherMembers(host: Host, source: ByteSource): ByteSource[] {
  const headers = readKdumpHeaders(source);
  const { sub } = headers;
  if (sub.split === undefined) return [];
  const held: NumberRange[] = [sub.split];
  const found: { start: number; source: ByteSource }[] = [];
  for (const sibling of host.siblings(source.name).slice(0, mostSiblings)) {
    if (sibling === source.name) continue;
    const member = openMember(host, sibling, { source, ...headers });
    if (member === undefined) continue;
    const { range } = member;
    if (range.start >= range.end || held.some(({ start, end }) => range.start < end && start < range.end)) member.source.close();
    else {
      held.push(range);
      found.push({ start: range.start, source: member.source });
    }
  }
  return found.sort((a, b) => a.start - b.start).map((member) => member.source);
}

function openMember(
  host: Host,
  path: string,
  of: Pick<KdumpFile, 'source' | 'header' | 'sub'>,
): { range: NumberRange; source: ByteSource } | undefined {
  let opened: ByteSource | undefined;
  try {
    opened = host.openFile(path);
    const { source } = unflatten(opened);
    if (isKdump(source.read(0, 8))) {
      const other = { source, ...readKdumpHeaders(source) };
      const same = sameHeader(of.header, other.header) && sameVmcoreinfo(vmcoreinfoOf(of), vmcoreinfoOf(other)) && sameBitmaps(of, other);
      if (other.sub.split !== undefined && same) return { range: other.sub.split, source };
    }
  } catch {
    // Files of others, damaged ones: whatever cannot be opened is no member.
  }
  opened?.close();
  return undefined;
}

function sameBitmaps(a: Pick<KdumpFile, 'source' | 'header'>, b: Pick<KdumpFile, 'source'>): boolean {
  const { bitmapOffset, bitmapBytes } = a.header;
  const end = bitmapOffset + bitmapBytes;
  for (let at = bitmapOffset; at < end; at += comparedBytes) {
    const length = Math.min(comparedBytes, end - at);
    const one = a.source.read(at, length);
    const other = b.source.read(at, length);
    if (one.length !== other.length || !one.every((byte, index) => byte === other[index])) return false;
  }
  return true;
}
