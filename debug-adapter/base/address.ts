/**
 * Virtual and physical addresses. Every border of the program (JSON, DAP, webview messages, LSP) carries an address as
 * the text that `formatAddress` makes and `parseAddress` reads: `0x` and lower-case hexadecimal digits.
 */
import type { Brand } from './brand.ts';

/** A virtual address: an unsigned 64-bit integer (32-bit machines use the low half). */
export type Address = Brand<bigint, 'Address'>;

/** A physical address in bytes: an integer from 0 up to, not including, 2^53 (no supported architecture has more RAM). */
export type PhysAddr = Brand<number, 'PhysAddr'>;

const maximum = 0xffff_ffff_ffff_ffffn;

/** Wraps `value` to 64 bits, as the address arithmetic of a 64-bit machine does. */
export function toAddress(value: bigint | number): Address {
  return BigInt.asUintN(64, BigInt(value)) as Address;
}

/** `address + offset` (bytes, may be negative), wrapped to 64 bits. */
export function addToAddress(address: Address, offset: bigint | number): Address {
  return BigInt.asUintN(64, address + BigInt(offset)) as Address;
}

/** Makes a physical address of a non-negative safe integer; a value outside that range throws `RangeError`. */
export function toPhysAddr(value: bigint | number): PhysAddr {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new RangeError(`physical address 0x${BigInt(value).toString(16)} is outside [0, 2^53)`);
  }
  return number as PhysAddr;
}

/** The one text form of an address or of any 64-bit value: `0x` and lower-case hexadecimal, no leading zeros. */
export function formatAddress(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** `formatAddress` with the digits padded to `digits` (16 for 64-bit, 8 for 32-bit), as the kernel's `%016lx` prints. */
export function formatPaddedAddress(value: bigint | number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** Orders addresses for `sort`, ascending. */
export function compareAddresses(a: bigint, b: bigint): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Reads an address: hexadecimal with `0x`, or decimal digits. Blanks around it and `_`, `` ` `` between digits are
 * accepted (as crash, gdb and WinDbg print them). Returns `undefined` for anything else, for negative numbers, and above 2^64-1.
 */
export function parseAddress(text: string): Address | undefined {
  const plain = text.trim().replace(/(?<=[0-9a-f])[_`](?=[0-9a-f])/gi, '');
  if (!/^(?:0x[0-9a-f]{1,32}|[0-9]{1,32})$/i.test(plain)) return undefined;
  const value = BigInt(plain.toLowerCase());
  return value <= maximum ? (value as Address) : undefined;
}
