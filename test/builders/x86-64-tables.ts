/** Builds x86-64 page tables in memory, from the bit layout of the Intel SDM (vol. 3, 4.5). Shares nothing with the decoder. */
import { frameSize, missingFrame } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';

export const bits = { p: 1n, rw: 2n, us: 4n, pwt: 8n, pcd: 16n, a: 32n, d: 64n, ps: 128n, g: 256n, nx: 1n << 63n } as const;

export class TableBuilder implements PhysicalMemory {
  readonly ranges = [{ start: 0, end: 0x1000_0000 }];
  readonly #frames = new Map<number, Uint8Array>();
  #next = 0x100;

  /** A fresh table; its physical address. */
  table(): bigint {
    this.#next++;
    this.#frames.set(this.#next, new Uint8Array(frameSize));
    return BigInt(this.#next) * 4096n;
  }

  set(table: bigint, index: number, entry: bigint): void {
    const frame = this.#frames.get(Number(table / 4096n));
    if (frame === undefined) throw new Error('no such table');
    new DataView(frame.buffer).setBigUint64(index * 8, BigInt.asUintN(64, entry), true);
  }

  /** Tables for `indexes` from the root down; the last index gets `leaf`. */
  map(root: bigint, indexes: readonly number[], leaf: bigint): void {
    let table = root;
    indexes.forEach((index, depth) => {
      if (depth === indexes.length - 1) {
        this.set(table, index, leaf);
        return;
      }
      const frame = this.#frames.get(Number(table / 4096n)) ?? new Uint8Array(frameSize);
      const known = new DataView(frame.buffer).getBigUint64(index * 8, true);
      const next = known === 0n ? this.table() : known & 0x000f_ffff_ffff_f000n;
      if (known === 0n) this.set(table, index, next | bits.p | bits.rw | bits.us | bits.a);
      table = next;
    });
  }

  frame(frameNumber: number): Uint8Array | undefined {
    return this.#frames.get(frameNumber);
  }

  partialFrame(): ReturnType<PhysicalMemory['partialFrame']> {
    return missingFrame({ kind: 'not-ram', message: 'no RAM in this test' });
  }
}
