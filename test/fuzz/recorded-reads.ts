/** Which bytes answering a question reads through address spaces: the fields of structures, to the byte, and whole tables. */
import { addToAddress } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import { AddressSpace } from '../../debug-adapter/memory/address-space.ts';
import { frameSize } from '../../debug-adapter/memory/physical-memory.ts';

/** One read, within one frame: its virtual and its physical address, and how many bytes it has. */
export interface RecordedRead {
  readonly address: Address;
  readonly at: number;
  readonly length: number;
}

/** Reads kept of one question. */
const most = 100_000;

/** All others read through these; a number's size is in its name, in bits. */
const readers = ['u8', 'u16', 'u32', 'u64', 'readInto'] as const;
type Reader = (this: AddressSpace, address: Address, bytes?: Uint8Array) => unknown;

/** What `ask` reads, each place once. */
export function recordReads(ask: () => void): readonly RecordedRead[] {
  const found = new Map<number, RecordedRead>();
  const note = (space: AddressSpace, address: Address, length: number): void => {
    for (let done = 0; done < length && found.size < most;) {
      const at = addToAddress(address, done);
      const inFrame = Number(at & 0xfffn);
      const part = Math.min(frameSize - inFrame, length - done);
      const frame = space.frameOf(Number(at >> 12n));
      if (frame >= 0) {
        const physical = frame * frameSize + inFrame;
        if ((found.get(physical)?.length ?? 0) < part) found.set(physical, { address: at, at: physical, length: part });
      }
      done += part;
    }
  };
  const { prototype } = AddressSpace;
  const whole = new Map(readers.map((name) => [name, Reflect.get(prototype, name) as Reader]));
  try {
    for (const [name, read] of whole) {
      const noted: Reader = function (this: AddressSpace, address, bytes) {
        note(this, address, bytes?.length ?? Number(name.slice(1)) / 8);
        return read.call(this, address, bytes);
      };
      Reflect.set(prototype, name, noted);
    }
    ask();
  } finally {
    for (const [name, read] of whole) Reflect.set(prototype, name, read);
  }
  return [...found.values()];
}
