/** Kernel logs in memory as printk() leaves them: the ring buffer since 5.10, and the records before. */
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { PlainKernel } from './plain-kernel.ts';

export const base = 0xffff_ffff_8000_0000n;
export const ringAt = base + 0x1000n;
export const descriptorsAt = base + 0x2000n;
export const infosAt = base + 0x4000n;
export const dataAt = base + 0x8000n;

export const committed = 1n;
const finalized = 2n;
export const reusable = 3n;

/** VMCOREINFO's lines for the same layout as the types below. */
const offsets = [
  'SIZE(printk_ringbuffer)=88',
  'OFFSET(printk_ringbuffer.desc_ring)=0',
  'OFFSET(printk_ringbuffer.text_data_ring)=48',
  'OFFSET(prb_desc_ring.count_bits)=0',
  'OFFSET(prb_desc_ring.descs)=8',
  'OFFSET(prb_desc_ring.infos)=16',
  'OFFSET(prb_desc_ring.head_id)=24',
  'OFFSET(prb_desc_ring.tail_id)=32',
  'SIZE(prb_desc)=24',
  'OFFSET(prb_desc.state_var)=0',
  'OFFSET(prb_desc.text_blk_lpos)=8',
  'OFFSET(prb_data_blk_lpos.begin)=0',
  'OFFSET(prb_data_blk_lpos.next)=8',
  'SIZE(printk_info)=88',
  'OFFSET(printk_info.seq)=0',
  'OFFSET(printk_info.ts_nsec)=8',
  'OFFSET(printk_info.text_len)=16',
  'OFFSET(printk_info.caller_id)=20',
  'OFFSET(prb_data_ring.size_bits)=0',
  'OFFSET(prb_data_ring.data)=8',
];

export interface RingRecord {
  readonly text: string;
  readonly state?: bigint;
  /** Positions that are not where the text was put. */
  readonly lost?: 'empty' | 'failed';
  readonly level?: number;
}

/** A ring of 2^countBits records and 2^sizeBits bytes into which `records` were written one after the other, from id `first` on. */
export class LogRing {
  readonly kernel: PlainKernel;
  readonly countBits: number;
  readonly size: bigint;
  #next: bigint;
  readonly #first: bigint;
  #id: bigint;

  constructor(shape: { countBits: number; sizeBits: number; first?: bigint; position?: bigint }) {
    this.countBits = shape.countBits;
    this.size = 1n << BigInt(shape.sizeBits);
    this.#first = shape.first ?? 0n;
    this.#id = this.#first;
    this.#next = shape.position ?? 0n;
    this.kernel = new PlainKernel({ architecture: 'x86-64', base, vmcoreinfo: offsets, withoutTypes: true }).room(base, 0x1_0000);
    this.kernel.symbol('prb', base + 0x100n).write(base + 0x100n, ringAt);
    this.kernel.write(ringAt, shape.countBits, 4).words(ringAt + 8n, [descriptorsAt, infosAt]);
    this.kernel.write(ringAt + 48n, shape.sizeBits, 4).write(ringAt + 56n, dataAt);
  }

  add({ text, state = finalized, lost, level = 6 }: RingRecord): this {
    const index = this.#id & ((1n << BigInt(this.countBits)) - 1n);
    const bytes = BigInt(text.length);
    // As the kernel does it: the id, the text, rounded up to words; a block that does not fit goes to the ring's beginning.
    const block = ((8n + bytes + 7n) / 8n) * 8n;
    const begin = this.#next;
    const place = begin % this.size;
    let at = place;
    let next = begin + block;
    if (place + block > this.size) {
      at = 0n;
      next = begin - place + this.size + block;
    }
    if (lost === undefined) {
      this.kernel.write(dataAt + at, this.#id).text(dataAt + at + 8n, text);
      this.#next = next;
    }
    const positions = { empty: [3n, 3n], failed: [1n, 1n], there: [begin, next] }[lost ?? 'there'];
    this.kernel.words(descriptorsAt + 24n * index, [(state << 62n) | this.#id, ...positions]);
    const info = infosAt + 88n * index;
    this.kernel
      .words(info, [this.#id, this.#id * 1_000_000n])
      .write(info + 16n, bytes, 2)
      .write(info + 18n, 0, 1);
    this.kernel.write(info + 19n, level << 5, 1).write(info + 20n, 7, 4);
    this.#id++;
    return this;
  }

  open(): Kernel {
    const kept = 1n << BigInt(this.countBits);
    const tail = this.#id - this.#first > kept ? this.#id - kept : this.#first;
    return this.kernel.words(ringAt + 24n, [this.#id - 1n, tail]).open();
  }
}

/** Before 5.10: ts_nsec, len, text_len, dict_len, facility, flags and level; then the text. */
export function recordKernel(
  records: readonly { readonly at: number; readonly text: string; readonly length?: number }[],
  ends: { first: number; next: number },
): PlainKernel {
  const kernel = new PlainKernel({ architecture: 'x86-64', base }).room(base, 0x4000);
  kernel.struct('printk_log', 16, { ts_nsec: [0, 8], len: [8, 2], text_len: [10, 2], dict_len: [12, 2], facility: [14, 1] });
  const words = { log_buf: dataAtOld, log_buf_len: 256n, log_first_idx: BigInt(ends.first), log_next_idx: BigInt(ends.next) };
  Object.entries(words).forEach(([name, value], index) => {
    kernel.symbol(name, base + BigInt(0x100 + 8 * index)).write(base + BigInt(0x100 + 8 * index), value);
  });
  for (const { at, text, length } of records) {
    const record = dataAtOld + BigInt(at);
    kernel
      .write(record, 5_000_001_000n)
      .write(record + 8n, length ?? lengthOf(text), 2)
      .write(record + 10n, text.length, 2);
    kernel.write(record + 15n, (4 << 5) | 2, 1).text(record + 16n, text);
  }
  return kernel;
}
export const dataAtOld = base + 0x2000n;
export const lengthOf = (text: string): number => Math.ceil((16 + text.length) / 8) * 8;
