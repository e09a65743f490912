/** A type laid over the bytes at an address: whose byte is which. Where members share bytes (unions), the first has them. */
import type { TypeLayoutFacts } from '../../debug-adapter/protocol/memory-pages.ts';
import { character, hex, numberOf, numberText } from './numbers.ts';

type Member = TypeLayoutFacts['members'][number];

/** Tints that neighbours take in turn; memory.css has as many. */
const tints = 6;

/** A member and the number of its colour. */
export interface Part {
  readonly member: Member;
  readonly tint: number;
}

export class Overlay {
  readonly address: bigint;
  readonly layout: TypeLayoutFacts;
  readonly parts: readonly Part[];
  readonly #owners = new Map<number, Part>();

  constructor(address: bigint, layout: TypeLayoutFacts) {
    this.address = address;
    this.layout = layout;
    const parts: Part[] = [];
    for (const member of layout.members) {
      const part = { member, tint: parts.length % tints };
      let owns = false;
      for (let at = member.offset; at < member.offset + member.size; at++) {
        if (this.#owners.has(at)) continue;
        this.#owners.set(at, part);
        owns = true;
      }
      if (owns) parts.push(part);
    }
    this.parts = parts;
  }

  get end(): bigint {
    return this.address + BigInt(this.layout.size);
  }

  at(address: bigint): Part | undefined {
    return address < this.address || address >= this.end ? undefined : this.#owners.get(Number(address - this.address));
  }

  /** Names of the members that begin in [from, to). */
  begin(from: bigint, to: bigint): readonly Part[] {
    if (to <= this.address || from >= this.end) return [];
    return this.parts.filter(({ member }) => {
      const at = this.address + BigInt(member.offset);
      return at >= from && at < to;
    });
  }
}

/** A member's value; `read` gives undefined where a byte is missing. */
export function memberValue(
  { offset, size, bits, kind }: Member,
  read: (offset: number) => number | undefined,
  littleEndian: boolean,
): string {
  const shown = Math.min(size, kind === 'text' ? 64 : 16);
  const bytes: number[] = [];
  for (let at = 0; at < shown; at++) {
    const byte = read(offset + at);
    if (byte === undefined) return '—';
    bytes.push(byte);
  }
  if (kind === 'text') {
    const end = bytes.indexOf(0);
    return `"${bytes
      .slice(0, end < 0 ? undefined : end)
      .map(character)
      .join('')}"`;
  }
  if (size > 8) return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ') + (size > shown ? ' …' : '');
  const value = numberOf(bytes, littleEndian);
  if (bits !== null) {
    const shift = littleEndian ? bits.first : size * 8 - bits.first - bits.count;
    return ((value >> BigInt(shift)) & ((1n << BigInt(bits.count)) - 1n)).toString();
  }
  if (kind === 'pointer') return hex(value);
  if (kind === 'signed') return numberText(value, size * 8, 'signed');
  return value < 10n ? value.toString() : hex(value);
}
