/** What the page has read: pages with bytes, and runs of pages without; in order of their addresses, and no more than fits. */
import type { MemoryPageFacts, MemoryPagesFacts } from '../../debug-adapter/protocol/memory-pages.ts';
import { hex } from './numbers.ts';
import type { KcoreReadFacts, UnreadableFacts } from '../../debug-adapter/protocol/reads.ts';

/** Bytes [start, end) of which something is to be said. */
export interface Span {
  readonly start: bigint;
  readonly end: bigint;
  readonly reason: string;
  readonly kind: string;
}

/** Addresses [start, end) that one answer told of alike. */
export interface Segment {
  readonly start: bigint;
  readonly end: bigint;
  readonly facts: MemoryPageFacts;
  /** Undefined where no byte can be read. */
  readonly bytes: Uint8Array | undefined;
  readonly missing: readonly Span[];
  /** Where /proc/kcore would have given other bytes, which are then those of `bytes`. */
  readonly differences: readonly Span[];
}

/** Pages of bytes that are kept. */
const mostSegments = 2048;
const top = 1n << 64n;

export class Segments {
  #all: Segment[] = [];
  #pageSize = 4096;
  /** Bytes of the last stop by page, for marking what changed since. */
  #before = new Map<bigint, Uint8Array>();
  /** Changes when bytes do without being read anew. */
  version = 0;

  /** Bytes of a page. */
  get pageSize(): number {
    return this.#pageSize;
  }

  get length(): number {
    return this.#all.length;
  }

  at(address: bigint): Segment | undefined {
    const found = this.#all[this.#firstBehind(address)];
    return found !== undefined && found.start <= address ? found : undefined;
  }

  /** Forgets what was read; it is what later bytes are compared with. */
  age(): void {
    this.version++;
    this.#before = new Map(this.#all.flatMap(({ start, bytes }) => (bytes === undefined ? [] : [[start, bytes] as const])));
    this.#all = [];
  }

  /** Forgets what was read, but not what it is compared with. */
  forget(): void {
    this.#all = [];
  }

  /** Forgets all but what lies in [from, to). */
  keep(from: bigint, to: bigint): void {
    this.#all = this.#all.filter(({ start, end }) => start < to && end > from);
  }

  clear(): void {
    this.version++;
    this.#all = [];
    this.#before.clear();
  }

  /** The byte of the last stop where it was another. */
  before(address: bigint, segment: Segment): number | undefined {
    if (this.#before.size === 0) return undefined;
    const old = this.#before.get(segment.start);
    const at = Number(address - segment.start);
    return old === undefined || segment.bytes === undefined || old[at] === segment.bytes[at] ? undefined : old[at];
  }

  take(facts: MemoryPagesFacts, kcore: KcoreReadFacts | null): void {
    this.#pageSize = facts.pageSize;
    const base = BigInt(facts.address);
    const data = bytesOf(kcore?.data ?? facts.data);
    const missing = [...(kcore?.unreadable ?? facts.unreadable).map(spanOf)];
    const differences = (kcore?.differences ?? []).map((span) => spanOf({ ...span, kind: 'kcore' }));
    // /proc/kcore gives bytes also where nothing is mapped, page by page.
    const end = base + BigInt(data.length);
    for (const page of kcore === null
      ? facts.pages
      : facts.pages.flatMap((run) => pagesOf(run, { base, end, size: BigInt(facts.pageSize) }))) {
      const start = BigInt(page.start);
      const behind = endOf(page.end);
      const within = (span: Span): boolean => span.start < behind && span.end > start;
      const holes = missing.filter(within);
      const single = behind - start === BigInt(facts.pageSize) && start >= base;
      const whole = !single || holes.some((hole) => hole.start <= start && hole.end >= behind);
      const from = Number(start - base);
      this.#put({
        start,
        end: behind,
        facts: page,
        bytes: whole ? undefined : data.subarray(from, from + facts.pageSize),
        missing: holes,
        differences: differences.filter(within),
      });
    }
  }

  /** Changes a byte that was written, until it is read again. */
  write(address: bigint, value: number): void {
    const segment = this.at(address);
    if (segment?.bytes === undefined) return;
    segment.bytes[Number(address - segment.start)] = value;
    this.version++;
  }

  #put(segment: Segment): void {
    const from = this.#firstBehind(segment.start);
    let to = from;
    while ((this.#all[to]?.start ?? top) < segment.end) to++;
    this.#all.splice(from, to - from, segment);
    this.#join(from);
    this.#join(from - 1);
    if (this.#all.length > mostSegments) this.#all.splice(from > this.#all.length / 2 ? 0 : this.#all.length - 256, 256);
  }

  /** A run without bytes goes on where its neighbourhood is read. */
  #join(at: number): void {
    const [low, high] = [this.#all[at], this.#all[at + 1]];
    if (low === undefined || high?.start !== low.end || !isSame(low, high)) return;
    this.#all.splice(at, 2, { ...low, end: high.end, missing: [...low.missing, ...high.missing] });
  }

  /** Index of the first segment that ends behind `address`. */
  #firstBehind(address: bigint): number {
    let [low, high] = [0, this.#all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#all[middle]?.end ?? top) > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Whether one line can speak for both. */
function isSame(low: Segment, high: Segment): boolean {
  const words = ({ facts, missing }: Segment): string =>
    [facts.owner.kind, facts.block?.state, facts.physical === null ? facts.reason : 'mapped', missing[0]?.kind].join(' ');
  if (low.bytes !== undefined || high.bytes !== undefined) return false;
  return low.facts.owner.kind === 'non-canonical' ? high.facts.owner.kind === 'non-canonical' : words(low) === words(high);
}

/** The pages of a run as far as they were read, and what is left of it. */
function pagesOf(run: MemoryPageFacts, read: { base: bigint; end: bigint; size: bigint }): MemoryPageFacts[] {
  const end = endOf(run.end);
  const found: MemoryPageFacts[] = [];
  let at = BigInt(run.start);
  for (; at < end && at < read.end; at += read.size) {
    const page = Number((at - BigInt(run.start)) / read.size);
    const block = run.block === null ? null : { ...run.block, page: run.block.page + page };
    found.push({ ...run, start: hex(at), end: hex(BigInt.asUintN(64, at + read.size)), block });
  }
  if (at < end) found.push({ ...run, start: hex(at), end: run.end });
  return found;
}

/** `0x0` is the top of the space. */
function endOf(text: string): bigint {
  const end = BigInt(text);
  return end === 0n ? top : end;
}

function spanOf({ start, end, reason, kind }: Pick<UnreadableFacts, 'start' | 'end' | 'reason' | 'kind'>): Span {
  return { start: BigInt(start), end: endOf(end), reason, kind };
}

/** The bytes that base64 text stands for, as the session sends them. */
export function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
