/** Reads what users type: addresses, lengths, ranges. Every complaint says what would have been right. */
import { addToAddress, parseAddress, toPhysAddr } from '../base/address.ts';
import type { Address, PhysAddr } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { OpenedImage } from '../session/opened-image.ts';

/** Exit statuses that scripts rely on. */
export const exitStatus = { fine: 0, notFound: 1, unusable: 2, findings: 3 } as const;

/** An address: `0x…`, 8 or 16 bare hexadecimal digits, decimal, or `symbol` and `symbol+0x10`. */
export function addressArgument(text: string, session: OpenedImage): Address {
  const bare = /^[0-9a-f]{16}$/i.test(text) || (/^[0-9a-f]{8}$/i.test(text) && /[a-f]/i.test(text)) ? `0x${text}` : text;
  const plain = parseAddress(bare);
  if (plain !== undefined) return plain;
  const [, name, offset] = /^([A-Za-z_.$][\w.$]*)(?:\+(0x[0-9a-f]+|\d+))?$/i.exec(text) ?? [];
  if (name === undefined) throw errors.badArgument(`${text} is no address; write 0x and hexadecimal digits, or a symbol's name`);
  const symbol = session.symbols.find(name);
  if (symbol === undefined) {
    if (session.symbols.count === 0) throw errors.noSymbols(`the name ${name}`);
    throw errors.unknownSymbol(name);
  }
  return addToAddress(symbol.address, BigInt(offset ?? '0'));
}

/** A physical address: `0x…` or decimal. */
export function physicalArgument(text: string): PhysAddr {
  const address = parseAddress(text);
  if (address === undefined) throw errors.badArgument(`${text} is no physical address; write 0x and hexadecimal digits`);
  if (address >= 1n << 53n) {
    throw errors.badArgument(`${text} is no physical address: they lie below 2^53; translate a virtual one first with: pagewalk vtop`);
  }
  return toPhysAddr(address);
}

/** A number of bytes: decimal or `0x…`, with K, M or G behind. */
export function lengthArgument(text: string): number {
  const [, digits, unit] = /^(0x[0-9a-f]+|\d+)([KMG]?)$/i.exec(text) ?? [];
  const scale = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }[(unit ?? '').toUpperCase()];
  const value = Number(digits ?? 'x') * (scale ?? 1);
  if (!Number.isSafeInteger(value)) throw errors.badArgument(`${text} is no length; write a number of bytes such as 4096, 0x1000 or 64K`);
  return value;
}

/** `A-B`, two addresses; B is the first byte behind. */
export function rangeArgument(text: string): { start: Address; end: Address } {
  const [first, second, more] = text.split('-');
  const start = parseAddress(first ?? '');
  const end = parseAddress(second ?? '');
  if (start === undefined || end === undefined || more !== undefined || start >= end) {
    throw errors.badArgument(`${text} is no range; write START-END, for example 0xffff888000000000-0xffff888040000000`);
  }
  return { start, end };
}

/** A number of MiB for the cache of decompressed pages. */
export function pageCacheArgument(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 4096)
    throw errors.badArgument(`${text}: is no size for the page cache; give a whole number of MiB from 1 to 4096`);
  return value;
}
