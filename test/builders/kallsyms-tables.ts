/**
 * kallsyms tables as scripts/kallsyms.c of the different kernels lays them out: which address tables there are, how they are
 * encoded and in what order everything stands. Names are told letter by letter, without compression.
 */
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import type { AddressSpace } from '../../debug-adapter/memory/address-space.ts';
import { byteList } from './byte-list.ts';
import { SparseMemory } from './small-kernel.ts';
import { directMapOf } from './memory-image.ts';

export interface BuiltSymbol {
  readonly name: string;
  readonly type: string;
  readonly address: bigint;
}

/**
 * - `addresses`: pointers, before 4.6;
 * - `before`: offsets from a base, in front of the count, before 6.4; symbols at less than the base are absolute (per-CPU);
 * - `behind`: the same behind the tokens, 6.4 and later;
 * - `placed`: offsets from the place of each entry, without a base; addresses where those have 32 bits.
 */
export type KallsymsOrder = 'addresses' | 'before' | 'behind' | 'placed';

export interface BuiltKallsyms {
  readonly memory: AddressSpace;
  readonly start: Address;
  readonly end: Address;
}

const pages = 256;

/** Lays the tables out at `at`, a page boundary; `base` is the lowest address of the image. */
export function buildKallsyms(
  symbols: readonly BuiltSymbol[],
  from: { order: KallsymsOrder; at: bigint; base: bigint; perCpu?: boolean; word?: 4 | 8; littleEndian?: boolean },
): BuiltKallsyms {
  const { order, at, base, perCpu = false, word = 8, littleEndian = true } = from;
  const { bytes, put } = byteList(littleEndian);
  const here = (): bigint => at + BigInt(bytes.length);
  const align = (): void => {
    while (bytes.length % word !== 0) bytes.push(0);
  };
  const addressTable = (): void => {
    align();
    for (const { address } of symbols) {
      if (order === 'addresses') put(address, word);
      else if (order === 'placed') put(word === 4 ? address : address - here(), 4);
      else if (!perCpu) put(address - base, 4);
      else put(address < base ? address : base - 1n - address, 4);
    }
    align();
    if (order === 'before' || order === 'behind') put(base, word);
  };
  // What lies in front in the read-only data.
  for (let index = 0; index < 37; index++) bytes.push(0xa5);
  if (order === 'addresses' || order === 'before') addressTable();
  align();
  put(symbols.length, 4);
  align();
  const markers: number[] = [];
  const namesStart = bytes.length;
  symbols.forEach(({ name, type }, index) => {
    if (index % 256 === 0) markers.push(bytes.length - namesStart);
    const text = type + name;
    bytes.push(text.length, ...Array.from(text, (letter) => letter.charCodeAt(0)));
  });
  align();
  for (const marker of markers) put(marker, 4);
  align();
  const tokenOffsets: number[] = [];
  const tokensStart = bytes.length;
  for (let token = 0; token < 256; token++) {
    tokenOffsets.push(bytes.length - tokensStart);
    // Single letters stand for themselves, the others for pairs that no name here is made of.
    const text = token > 32 && token < 127 ? String.fromCharCode(token) : `~${token}`;
    bytes.push(...Array.from(text, (letter) => letter.charCodeAt(0)), 0);
  }
  align();
  for (const offset of tokenOffsets) put(offset, 2);
  if (order === 'behind' || order === 'placed') addressTable();
  if (bytes.length > pages * 4096) throw new Error('too many symbols for the room of this test');
  const ram = new SparseMemory();
  ram.clear(0, pages * 4096);
  bytes.forEach((byte, index) => {
    ram.write(index, BigInt(byte), 1);
  });
  const memory = directMapOf(ram, { architecture: 'x86-64', pointerSize: word, littleEndian }, { start: at, pages });
  return { memory, start: toAddress(at), end: toAddress(at + BigInt(pages * 4096)) };
}
