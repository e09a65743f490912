/** The kernel's log: its records, from the ring buffer of kernels since 5.10 or from the older record and text buffers. */
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { errors, MemoryFault } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { decodeName } from '../../base/text.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import { frameSize } from '../../memory/physical-memory.ts';
import type { Kernel } from '../kernel.ts';

const purpose = 'reading the kernel log';

/** One record of the ring buffer, as printk() stored it. */
export interface LogRecord {
  /** Number since boot; undefined before 5.10. */
  readonly sequence: bigint | undefined;
  /** Nanoseconds since boot. */
  readonly time: bigint;
  /** 0 (emergency) to 7 (debug). */
  readonly level: number;
  /** 0 for the kernel's own messages, as syslog's. */
  readonly facility: number;
  /** PID of the task, or with bit 31 set the CPU; undefined before 5.1. */
  readonly caller: number | undefined;
  /** Without a newline at its end; may have several lines. Undefined where it is lost. */
  readonly text: string | undefined;
}

/** What could be read of the log; records that could not are told among the problems. */
export interface KernelLog {
  /** Oldest first. */
  readonly records: readonly LogRecord[];
  /** What could not be read, one sentence each. */
  readonly problems: readonly string[];
}

/** The whole log; read once. Throws `UserError` where the kernel has none that Pagewalk knows. */
export function kernelLog(kernel: Kernel): KernelLog {
  return kernel.once(readLog);
}

function readLog(kernel: Kernel): KernelLog {
  const ring = find(kernel, 'prb');
  if (ring !== undefined) return new RingReader(kernel).read(kernel.memory.pointer(ring));
  if (find(kernel, 'log_first_idx') !== undefined) return readRecords(kernel);
  return readText(kernel);
}

/** Address of a variable of the log, which VMCOREINFO tells where there are no symbols. */
function find(kernel: Kernel, name: string): Address | undefined {
  const told = kernel.vmcoreinfo?.symbol(name);
  return told === undefined ? kernel.addressOf(name) : toAddress(told);
}

function need(kernel: Kernel, name: string): Address {
  return find(kernel, name) ?? kernel.needAddressOf(name, purpose);
}

/** Where members lie, by the types or by VMCOREINFO, which has them for this purpose. */
class Layout {
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  has(struct: string, member: string): boolean {
    return this.#find(struct, member) !== undefined;
  }

  offset(struct: string, member: string): number {
    const found = this.#find(struct, member);
    if (found !== undefined) return found;
    if (this.#kernel.types === undefined) throw errors.noTypes(purpose);
    return this.#kernel.structs(purpose).get(struct).offset(member);
  }

  size(struct: string): number {
    const found = this.#typed()?.find(struct)?.size ?? this.#kernel.vmcoreinfo?.size(struct);
    if (found !== undefined) return found;
    if (this.#kernel.types === undefined) throw errors.noTypes(purpose);
    throw errors.unknownType(`struct ${struct}`);
  }

  #find(struct: string, member: string): number | undefined {
    const shape = this.#typed()?.find(struct);
    return shape?.has(member) === true ? shape.offset(member) : this.#kernel.vmcoreinfo?.offset(`${struct}.${member}`);
  }

  #typed(): ReturnType<Kernel['structs']> | undefined {
    return this.#kernel.types === undefined ? undefined : this.#kernel.structs(purpose);
  }
}

/** `flags:5, level:3` in the byte behind the facility: bit-fields begin at the low end of little-endian machines. */
function levelOf(kernel: Kernel, byte: number): number {
  return kernel.memory.littleEndian ? byte >>> 5 : byte & 7;
}

/** States of a descriptor, in the two highest bits of its word (kernel/printk/printk_ringbuffer.h). */
const states = { committed: 1n, finalized: 2n } as const;

interface DataRing {
  readonly data: Address;
  /** Bytes: a power of two. */
  readonly size: bigint;
}

/** Bytes of a page of memory as it is read. */
const pageSize = BigInt(frameSize);

interface Ring {
  readonly count: bigint;
  readonly descriptors: Address;
  readonly infos: Address;
  readonly text: DataRing;
}

/** The lock-less ring buffer: descriptors, an info beside each, and texts in a ring of bytes. */
class RingReader {
  readonly #kernel: Kernel;
  readonly #layout: Layout;
  readonly #problems: string[] = [];
  #untold = 0;
  /** Bytes of the ring that no text read so far had: texts share none. */
  #left = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#layout = new Layout(kernel);
  }

  read(at: Address): KernelLog {
    const { memory } = this.#kernel;
    const layout = this.#layout;
    const descriptors = addToAddress(at, layout.offset('printk_ringbuffer', 'desc_ring'));
    const text = addToAddress(at, layout.offset('printk_ringbuffer', 'text_data_ring'));
    const member = (name: string): Address => addToAddress(descriptors, layout.offset('prb_desc_ring', name));
    const countBits = memory.u32(member('count_bits'));
    const sizeBits = memory.u32(addToAddress(text, layout.offset('prb_data_ring', 'size_bits')));
    if (2 ** countBits > limits.logRecords || 2 ** sizeBits > limits.logBytes) {
      throw errors.notSupported(
        `the kernel log at ${formatAddress(at)} is damaged: it claims 2^${countBits} records in 2^${sizeBits} bytes; see its memory with: pagewalk read IMAGE prb 8`,
      );
    }
    const ring: Ring = {
      count: 1n << BigInt(countBits),
      descriptors: memory.pointer(member('descs')),
      infos: memory.pointer(member('infos')),
      text: {
        data: memory.pointer(addToAddress(text, layout.offset('prb_data_ring', 'data'))),
        size: 1n << BigInt(sizeBits),
      },
    };
    const idMask = (1n << BigInt(memory.pointerSize * 8 - 2)) - 1n;
    const tail = memory.word(member('tail_id')) & idMask;
    const head = memory.word(member('head_id')) & idMask;
    const records: LogRecord[] = [];
    this.#left = 2 ** sizeBits;
    // The ring is never longer than its descriptors, whatever its ends claim.
    const span = ((head - tail) & idMask) + 1n;
    if (span > ring.count) this.#problem(`the log claims ${span} records in ${ring.count} descriptors; its ends are damaged`);
    const steps = span < ring.count ? span : ring.count;
    for (let step = 0n; step < steps; step++) {
      const id = (tail + step) & idMask;
      const missing = this.#missing(ring, id, steps - step);
      if (missing > 0n) {
        step += missing - 1n;
        continue;
      }
      const record = this.#record(ring, id, idMask);
      if (record !== undefined) records.push(record);
    }
    if (this.#untold > 0) this.#problems.push(`${this.#untold} more places of the log cannot be read`);
    return { records, problems: this.#problems };
  }

  #problem(message: string): void {
    if (this.#problems.length < limits.logProblems) this.#problems.push(message);
    else this.#untold++;
  }

  /** Records from `id` on, at most so many, whose descriptors lie on one page that is missing as a whole: told together. */
  #missing(ring: Ring, id: bigint, most: bigint): bigint {
    const size = BigInt(this.#layout.size('prb_desc'));
    const index = id & (ring.count - 1n);
    const at = addToAddress(ring.descriptors, Number(index * size));
    const reason = this.#kernel.memory.missingPage(at);
    if (reason === undefined) return 0n;
    const onPage = (pageSize - (at % pageSize) + size - 1n) / size;
    const count = [onPage, ring.count - index, most].reduce((least, one) => (one < least ? one : least));
    const which = count === 1n ? `record ${index}` : `records ${index} to ${index + count - 1n}`;
    this.#problem(`${which} of the log cannot be read: ${reason.message}`);
    return count;
  }

  #record(ring: Ring, id: bigint, idMask: bigint): LogRecord | undefined {
    const { memory } = this.#kernel;
    const layout = this.#layout;
    const index = Number(id & (ring.count - 1n));
    try {
      const descriptor = addToAddress(ring.descriptors, index * layout.size('prb_desc'));
      const word = memory.word(addToAddress(descriptor, layout.offset('prb_desc', 'state_var')));
      const state = word >> BigInt(memory.pointerSize * 8 - 2);
      const found = word & idMask;
      if (found !== id) {
        // The head goes on before the descriptor is taken (desc_reserve): until then it is as it was a turn before, or at boot.
        const isReserved = word === 0n || found === ((id - ring.count) & idMask);
        if (!isReserved) this.#problem(`descriptor ${index} of the log belongs to record ${found}, not ${id}; its record is missing`);
        return undefined;
      }
      if (state !== states.committed && state !== states.finalized) return undefined;
      const info = addToAddress(ring.infos, index * layout.size('printk_info'));
      const member = (name: string): Address => addToAddress(info, layout.offset('printk_info', name));
      const length = memory.u16(member('text_len'));
      // facility, then flags and level, stand behind text_len.
      const facility = memory.u8(addToAddress(member('text_len'), 2));
      const level = levelOf(this.#kernel, memory.u8(addToAddress(member('text_len'), 3)));
      const sequence = memory.u64(member('seq'));
      return {
        sequence,
        time: memory.u64(member('ts_nsec')),
        level,
        facility,
        caller: memory.u32(member('caller_id')),
        text: this.#text(ring.text, addToAddress(descriptor, layout.offset('prb_desc', 'text_blk_lpos')), { length, sequence, id }),
      };
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      this.#problem(`record ${index} of the log cannot be read: ${error.reason}`);
      return undefined;
    }
  }

  /** The text between two positions, which go on counting round the ring. Odd ones mean that there is none. */
  #text(
    ring: DataRing,
    block: Address,
    of: { readonly length: number; readonly sequence: bigint; readonly id: bigint },
  ): string | undefined {
    const { memory } = this.#kernel;
    const begin = memory.word(addToAddress(block, this.#layout.offset('prb_data_blk_lpos', 'begin')));
    const next = memory.word(addToAddress(block, this.#layout.offset('prb_data_blk_lpos', 'next')));
    // NO_LPOS is an empty line, FAILED_LPOS a text for which there was no room.
    if ((begin & 1n) === 1n && (next & 1n) === 1n) return begin === 3n && next === 3n ? '' : undefined;
    const turn = (position: bigint): bigint => position / ring.size;
    const place = (position: bigint): bigint => position & (ring.size - 1n);
    let start = place(begin);
    let size = next - begin;
    if (turn(next) === turn(begin) + 1n && place(next) !== 0n) {
      // It did not fit before the end of the ring: it stands at the beginning.
      start = 0n;
      size = place(next);
    }
    const idSize = BigInt(memory.pointerSize);
    if (size <= idSize || size > ring.size - start) {
      this.#problem(`the text of log record ${of.sequence} has impossible bounds`);
      return undefined;
    }
    // A block begins with the number of its record (struct prb_data_block).
    const owner = optionalRead(() => memory.word(addToAddress(ring.data, start)));
    if (owner !== undefined && owner !== of.id) {
      this.#problem(`the text of log record ${of.sequence} is not in its place: that of record ${owner} is there`);
      return undefined;
    }
    const length = Math.min(of.length, Number(size - idSize));
    if (length > this.#left) {
      this.#problem(`the text of log record ${of.sequence} lies where others lie`);
      return undefined;
    }
    this.#left -= length;
    // get_data() refuses what is longer than its block.
    if (length < of.length) this.#problem(`the text of log record ${of.sequence} is longer than its room; it is cut`);
    return this.#bytes(addToAddress(ring.data, start + idSize), length, of.sequence);
  }

  #bytes(at: Address, length: number, sequence: bigint): string | undefined {
    const { bytes, holes } = this.#kernel.memory.read(at, length);
    const [hole] = holes;
    if (hole === undefined) return decodeName(bytes);
    this.#problem(`the text of log record ${sequence} cannot be read: ${hole.reason.message}`);
    return undefined;
  }
}

/** Before 5.10: struct printk_log (struct log before 3.11) and its text, one behind the other, in log_buf. */
function readRecords(kernel: Kernel): KernelLog {
  const { memory } = kernel;
  const layout = new Layout(kernel);
  const name = layout.has('printk_log', 'ts_nsec') || !layout.has('log', 'ts_nsec') ? 'printk_log' : 'log';
  const header = layout.size(name);
  const buffer = memory.pointer(need(kernel, 'log_buf'));
  const length = memory.u32(need(kernel, 'log_buf_len'));
  const first = memory.u32(need(kernel, 'log_first_idx'));
  const next = memory.u32(need(kernel, 'log_next_idx'));
  const records: LogRecord[] = [];
  const problems: string[] = [];
  let at = first;
  let wrapped = false;
  while (at !== next) {
    if (records.length >= limits.logRecords) {
      problems.push(`the log has more than ${limits.logRecords} records; the later ones are not shown`);
      break;
    }
    const record = addToAddress(buffer, at);
    const member = (one: string): Address => addToAddress(record, layout.offset(name, one));
    try {
      const size = memory.u16(member('len'));
      if (size === 0 && !wrapped) {
        // No record fits before the end of the buffer: the next one stands at its beginning.
        wrapped = true;
        at = 0;
        continue;
      }
      const textLength = memory.u16(member('text_len'));
      if (size < header + textLength || at + size > length || (wrapped && at + size > first && first !== 0)) {
        problems.push(`the log is damaged at ${formatAddress(record)}; what follows is not shown`);
        break;
      }
      const facility = addToAddress(member('dict_len'), 2);
      const { bytes, holes } = memory.read(addToAddress(record, header), textLength);
      const [hole] = holes;
      if (hole !== undefined)
        problems.push(`the text of the log record at ${formatAddress(record)} cannot be read: ${hole.reason.message}`);
      records.push({
        sequence: undefined,
        time: memory.u64(member('ts_nsec')),
        level: levelOf(kernel, memory.u8(addToAddress(facility, 1))),
        facility: memory.u8(facility),
        caller: layout.has(name, 'caller_id') ? memory.u32(member('caller_id')) : undefined,
        text: hole === undefined ? decodeName(bytes) : undefined,
      });
      at += size;
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      problems.push(`the log cannot be read behind ${formatAddress(record)}: ${error.reason}`);
      break;
    }
  }
  return { records, problems };
}

/** Before 3.5: the text alone, each line with its level and, where the kernel put it there, its time. */
function readText(kernel: Kernel): KernelLog {
  const { memory } = kernel;
  const buffer = memory.pointer(need(kernel, 'log_buf'));
  const length = memory.u32(need(kernel, 'log_buf_len'));
  const end = memory.u32(need(kernel, 'log_end'));
  if (length === 0 || length > limits.logBytes || (length & (length - 1)) !== 0) {
    throw errors.notSupported(`the kernel log is damaged: it claims ${length} bytes; see its memory with: pagewalk read IMAGE log_buf 8`);
  }
  const kept = Math.min(end, length);
  const first = (end - kept) & (length - 1);
  const { bytes, holes } = memory.read(buffer, length);
  const turned = new Uint8Array(kept);
  for (let index = 0; index < kept; index++) turned[index] = bytes[(first + index) & (length - 1)] ?? 0;
  const lines = decodeName(turned)
    .split('\n')
    .filter((line) => line !== '');
  const problems = holes.map(({ reason }) => `a part of the log cannot be read: ${reason.message}`);
  return { records: lines.map(recordOfLine), problems };
}

function recordOfLine(line: string): LogRecord {
  const [, level, seconds, micros, text] = /^(?:<(\d+)>)?(?:\[ *(\d+)\.(\d{6})\] )?(.*)$/.exec(line) ?? [];
  const priority = Number(level ?? '4');
  return {
    sequence: undefined,
    time: BigInt(seconds ?? '0') * 1_000_000_000n + BigInt(micros ?? '0') * 1000n,
    level: priority & 7,
    facility: priority >>> 3,
    caller: undefined,
    text: text ?? line,
  };
}
