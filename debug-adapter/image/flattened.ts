/**
 * Flattened dumps (makedumpfile -F, for writing through a pipe): a block that begins `makedumpfile`, then records of an
 * offset, a size and data, all numbers big-endian; a record of offset -1 ends them. Later records overwrite earlier ones.
 * (makedumpfile.h:struct makedumpfile_header, makedumpfile_data_header)
 */
import { errors } from '../base/errors.ts';
import type { ByteSource } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import { decodeText } from '../base/text.ts';

const signature = 'makedumpfile\0\0\0\0';
const headerSize = 4096;
const recordHeaderSize = 16;
/** Bytes read at once while records are listed: more where they are small. */
const windows = { near: 64 * 1024, far: 512 };

/** Whether a file begins with the signature of makedumpfile's flattened form (makedumpfile.h:MAKEDUMPFILE_SIGNATURE). */
export function isFlattened(head: Uint8Array): boolean {
  return decodeText(head.subarray(0, 16)) === signature;
}

/** The dump inside a flattened one, with what is wrong with it in words; a file that is none comes back as it is. */
export function unflatten(source: ByteSource): { source: ByteSource; flattened: boolean; warnings: string[] } {
  const head = source.read(0, 32);
  if (!isFlattened(head)) return { source, flattened: false, warnings: [] };
  const warnings: string[] = [];
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const type = head.length < 32 ? 0n : view.getBigInt64(16);
  const version = head.length < 32 ? 0n : view.getBigInt64(24);
  if (type !== 1n) throw errors.corruptDump(source.name, `its flattened header has the unknown type ${type}`);
  if (version !== 1n)
    warnings.push(`the flattened format has version ${version}; it is read as version 1, the only one that Pagewalk knows`);
  const { records, ended } = readRecords(source, warnings);
  const runs = arrange(records);
  const size = runs.count === 0 ? 0 : (runs.starts[runs.count - 1] ?? 0) + (runs.lengths[runs.count - 1] ?? 0);
  if (size === 0) throw errors.corruptDump(source.name, 'it is a flattened dump without data');
  return { source: new FlattenedSource(source, { runs, size, incomplete: !ended }), flattened: true, warnings };
}

/** Runs of bytes: where each begins in the dump, how long it is, where its data lies in the file. */
interface Runs {
  count: number;
  starts: Float64Array;
  lengths: Float64Array;
  offsets: Float64Array;
}

function noRuns(capacity: number): Runs {
  return { count: 0, starts: new Float64Array(capacity), lengths: new Float64Array(capacity), offsets: new Float64Array(capacity) };
}

function addRun(runs: Runs, start: number, length: number, offset: number): void {
  if (runs.count === runs.starts.length) {
    const grown = (values: Float64Array): Float64Array => {
      const more = new Float64Array(values.length * 2);
      more.set(values);
      return more;
    };
    runs.starts = grown(runs.starts);
    runs.lengths = grown(runs.lengths);
    runs.offsets = grown(runs.offsets);
  }
  runs.starts[runs.count] = start;
  runs.lengths[runs.count] = length;
  runs.offsets[runs.count] = offset;
  runs.count++;
}

function readRecords(source: ByteSource, warnings: string[]): { records: Runs; ended: boolean } {
  const records = noRuns(1024);
  let at = headerSize;
  let window: Uint8Array = new Uint8Array();
  let windowAt = 0;
  let windowSize = windows.near;
  const stop = (why: string): { records: Runs; ended: boolean } => {
    warnings.push(`the flattened dump ${why}; what is there is read, copy it again if it is longer elsewhere`);
    return { records, ended: false };
  };
  for (;;) {
    if (at < windowAt || at + recordHeaderSize > windowAt + window.length) {
      window = source.read(at, windowSize);
      windowAt = at;
      if (window.length < recordHeaderSize) return stop(`has no end record: the file ends at byte ${source.size}`);
    }
    const view = new DataView(window.buffer, window.byteOffset + at - windowAt, recordHeaderSize);
    const start = Number(view.getBigInt64(0));
    const length = Number(view.getBigInt64(8));
    if (start === -1) return { records, ended: true };
    if (start < 0 || length < 0 || !Number.isSafeInteger(start + length))
      return stop(`has a damaged record at file offset 0x${at.toString(16)}, and nothing behind it can be found`);
    if (records.count >= limits.flattenedRecords)
      throw errors.limit(
        `${source.name}: has more than ${limits.flattenedRecords} records; rearrange it with: makedumpfile -R vmcore < ${source.name}`,
      );
    const data = at + recordHeaderSize;
    const there = Math.min(length, Math.max(0, source.size - data));
    if (there > 0) addRun(records, start, there, data);
    if (there < length) return stop(`has no end record: the file ends at byte ${source.size}, within a record of ${length} bytes`);
    at = data + length;
    windowSize = length > windows.near ? windows.far : windows.near;
  }
}

/** Disjoint runs in the order of the dump; where records overlap, the later one's bytes. */
function arrange(records: Runs): Runs {
  const { count, starts, lengths, offsets } = records;
  const order = inOrder(records);
  const runs = noRuns(Math.max(1, count));
  // Records that hold the present position, as a heap with the latest on top.
  const heap = new LatestFirst();
  let next = 0;
  let at = 0;
  const endOf = (record: number): number => (starts[record] ?? 0) + (lengths[record] ?? 0);
  const startOfNext = (): number => (next < count ? (starts[order?.[next] ?? next] ?? 0) : Infinity);
  for (;;) {
    while (heap.top !== undefined && endOf(heap.top) <= at) heap.pop();
    if (heap.top === undefined) {
      if (next >= count) return runs;
      at = startOfNext();
    } else {
      const until = Math.min(endOf(heap.top), startOfNext());
      if (until > at) appendRun(runs, at, until - at, (offsets[heap.top] ?? 0) + at - (starts[heap.top] ?? 0));
      at = until;
    }
    for (; startOfNext() <= at && next < count; next++) heap.push(order?.[next] ?? next);
  }
}

/** Appends a run, joined to the last one where both the dump and the file go on. */
function appendRun(runs: Runs, start: number, length: number, offset: number): void {
  const last = runs.count - 1;
  const lastLength = runs.lengths[last] ?? 0;
  if (last >= 0 && (runs.starts[last] ?? 0) + lastLength === start && (runs.offsets[last] ?? 0) + lastLength === offset)
    runs.lengths[last] = lastLength + length;
  else addRun(runs, start, length, offset);
}

/** Record numbers by start; undefined when they stand in that order already. */
function inOrder({ count, starts }: Runs): Uint32Array | undefined {
  let sorted = true;
  for (let index = 1; index < count && sorted; index++) sorted = (starts[index - 1] ?? 0) <= (starts[index] ?? 0);
  if (sorted) return undefined;
  return Uint32Array.from({ length: count }, (_, index) => index).sort((a, b) => (starts[a] ?? 0) - (starts[b] ?? 0) || a - b);
}

/** A binary heap of record numbers, the highest on top. */
class LatestFirst {
  readonly #items: number[] = [];

  get top(): number | undefined {
    return this.#items[0];
  }

  push(item: number): void {
    let at = this.#items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = this.#items[parent] ?? 0;
      if (above >= item) break;
      this.#items[at] = above;
      at = parent;
    }
    this.#items[at] = item;
  }

  pop(): void {
    const item = this.#items.pop();
    if (item === undefined || this.#items.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.#items.length) break;
      const child = (this.#items[left + 1] ?? -1) > (this.#items[left] ?? -1) ? left + 1 : left;
      const below = this.#items[child] ?? -1;
      if (below <= item) break;
      this.#items[at] = below;
      at = child;
    }
    this.#items[at] = item;
  }
}

/** The dump that the records make. Bytes that no record holds are zeros, as in the file that makedumpfile -R would write. */
class FlattenedSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly incomplete: boolean;
  readonly #source: ByteSource;
  readonly #runs: Runs;
  #last = 0;

  constructor(source: ByteSource, of: { runs: Runs; size: number; incomplete: boolean }) {
    this.name = source.name;
    this.size = of.size;
    this.incomplete = of.incomplete;
    this.#source = source;
    this.#runs = of.runs;
  }

  read(offset: number, length: number): Uint8Array {
    const end = Math.min(this.size, offset + length);
    if (!(end > offset)) return new Uint8Array();
    const bytes = new Uint8Array(end - offset);
    const { count, starts, lengths, offsets } = this.#runs;
    for (let run = this.#find(offset); run < count; run++) {
      const start = starts[run] ?? 0;
      if (start >= end) break;
      const from = Math.max(start, offset);
      const until = Math.min(start + (lengths[run] ?? 0), end);
      if (until <= from) continue;
      const data = this.#source.read((offsets[run] ?? 0) + from - start, until - from);
      bytes.set(data, from - offset);
      this.#last = run;
      // The file shrank since its records were listed.
      if (data.length < until - from) return bytes.subarray(0, from - offset + data.length);
    }
    return bytes;
  }

  close(): void {
    this.#source.close();
  }

  /** The first run that ends above `offset`. */
  #find(offset: number): number {
    const { count, starts, lengths } = this.#runs;
    const endsAbove = (run: number): boolean => (starts[run] ?? 0) + (lengths[run] ?? 0) > offset;
    if (endsAbove(this.#last) && (this.#last === 0 || !endsAbove(this.#last - 1))) return this.#last;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (endsAbove(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
