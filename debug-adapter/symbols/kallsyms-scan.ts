/**
 * Finds the kallsyms tables by their shape, for kernels whose VMCOREINFO does not name them (before 6.0). The token table
 * is recognised by the tokens for the ten digits, which stand one after the other as strings of one letter; everything
 * else lies around it in the order that scripts/kallsyms.c writes.
 */
import { addToAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { limits } from '../base/limits.ts';
import { decodeLatin1 } from '../base/text.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { optionalRead } from '../memory/optional-read.ts';
import { decodeAddresses } from './kallsyms-addresses.ts';
import type { KallsymsTables } from './kallsyms-tables.ts';

/** Tokens of the ten digits, as text: where they stand is where a table may be. */
export const digitTokens = '0\u00001\u00002\u00003\u00004\u00005\u00006\u00007\u00008\u00009\u0000';
const firstDigitToken = 48;
const tokens = 256;
const pieceSize = 1024 * 1024;
const symbolsPerMarker = 256;
/** Bytes that 256 names take at most: lengths of two bytes each and names of the longest kind are never this many. */
const mostBytesPerMarker = 64 * 1024;

/** The tables, or undefined when no place fits. */
export function locateKallsyms(
  memory: AddressSpace,
  ranges: Iterable<{ readonly start: Address; readonly end: Address }>,
): KallsymsTables | undefined {
  for (const { start, end } of ranges) {
    for (let at = start; at < end; at = addToAddress(at, pieceSize)) {
      const length = Math.min(pieceSize + digitTokens.length, Number(end - at));
      const { bytes, holes } = memory.read(at, length);
      if (holes[0]?.length === bytes.length) continue;
      const text = decodeLatin1(bytes);
      for (let found = text.indexOf(digitTokens); found >= 0; found = text.indexOf(digitTokens, found + 1)) {
        const tables = optionalRead(() => around(memory, addToAddress(at, found)));
        if (tables !== undefined) return tables;
      }
    }
  }
  return undefined;
}

function around(memory: AddressSpace, digitToken: Address): KallsymsTables | undefined {
  const tokenIndex = findTokenIndex(memory, digitToken);
  if (tokenIndex === undefined) return undefined;
  const tokenTable = addToAddress(digitToken, -memory.u16(addToAddress(tokenIndex, firstDigitToken * 2)));
  const found = findNames(memory, tokenTable);
  if (found === undefined) return undefined;
  const { names, countAt, count } = found;
  const word = memory.pointerSize;
  const common = { names, count, tokenTable, tokenIndex, source: 'kallsyms in the dump, found by its shape' };
  const behind = align(addToAddress(tokenIndex, tokens * 2), word);
  const baseBehind = align(addToAddress(behind, 4 * count), word);
  const baseBefore = addToAddress(countAt, -word);
  const before = alignDown(addToAddress(baseBefore, -4 * count), word);
  const none = { offsets: undefined, relativeBase: undefined, addresses: undefined };
  const candidates: readonly KallsymsTables[] = [
    // 6.4 and later: behind the token index; then without a base, each from its own place.
    { ...common, ...none, offsets: behind, relativeBase: baseBehind },
    { ...common, ...none, offsets: behind },
    // Before 6.4: in front of the count.
    { ...common, ...none, offsets: before, relativeBase: baseBefore },
    // Before 4.6, and on architectures whose image may be too large.
    { ...common, ...none, addresses: addToAddress(countAt, -word * count) },
  ];
  return candidates.find((tables) => optionalRead(() => isSorted(memory, tables)) === true);
}

/**
 * Symbols are sorted by address: of tables in the wrong place, or of another encoding, not even a few hundred rise. Zeros would,
 * but the last symbol lies neither at the base nor at its own entry.
 */
function isSorted(memory: AddressSpace, tables: KallsymsTables): boolean {
  const { count, offsets, relativeBase } = tables;
  if (relativeBase !== undefined && (memory.word(relativeBase) & 0xfffn) !== 0n) return false;
  if (offsets !== undefined && memory.u32(addToAddress(offsets, 4 * (count - 1))) === 0) return false;
  return !('problem' in decodeAddresses(memory, tables));
}

/** The 256 offsets behind the token table. */
function findTokenIndex(memory: AddressSpace, digitToken: Address): Address | undefined {
  let at = digitToken;
  for (let token = firstDigitToken; token < tokens; token++) {
    const text = memory.cString(at, 64);
    if (text.length === 0 || text.length >= 64) return undefined;
    at = addToAddress(at, text.length + 1);
  }
  const index = align(at, memory.pointerSize);
  let previous = -1;
  for (let token = 0; token < tokens; token++) {
    const offset = memory.u16(addToAddress(index, token * 2));
    if (offset <= previous || (token === 0 && offset !== 0)) return undefined;
    previous = offset;
  }
  return index;
}

interface NamesPlace {
  readonly names: Address;
  readonly countAt: Address;
  readonly count: number;
}

/** Goes back from the token table over the markers to the names and their count. */
function findNames(memory: AddressSpace, tokenTable: Address): NamesPlace | undefined {
  for (const markerSize of [4, 8]) {
    for (let padding = 0; padding < 8; padding += 4) {
      const place = optionalRead(() => namesBefore(memory, { end: addToAddress(tokenTable, -padding), markerSize }));
      if (place !== undefined) return place;
    }
    // 6.2 and 6.3 put three bytes a symbol between markers and token table.
    const place = optionalRead(() => namesBeforeSequence(memory, tokenTable));
    if (place !== undefined) return place;
  }
  return undefined;
}

function namesBefore(memory: AddressSpace, from: { end: Address; markerSize: number }): NamesPlace | undefined {
  const { end, markerSize } = from;
  const marker = (at: Address): bigint => (markerSize === 4 ? BigInt(memory.u32(at)) : memory.u64(at));
  const last = marker(addToAddress(end, -markerSize));
  let at = addToAddress(end, -markerSize);
  let value = last;
  let markers = 1;
  while (value !== 0n) {
    at = addToAddress(at, -markerSize);
    const previous = marker(at);
    if (previous >= value || value - previous > BigInt(mostBytesPerMarker) || markers > limits.symbols / symbolsPerMarker) return undefined;
    value = previous;
    markers++;
  }
  if (markers < 2) return undefined;
  return namesByMarkers(memory, { markersAt: at, markers, last: Number(last), second: Number(marker(addToAddress(at, markerSize))) });
}

/** The markers then lie at an unknown distance: look back for a zero that begins a rising run which fits. */
function namesBeforeSequence(memory: AddressSpace, tokenTable: Address): NamesPlace | undefined {
  const farthest = 3 * limits.symbols;
  for (let distance = 8; distance < farthest; distance += 8) {
    const end = addToAddress(tokenTable, -distance);
    const last = memory.u32(addToAddress(end, -4));
    const before = memory.u32(addToAddress(end, -8));
    const rising = last > before && last - before < mostBytesPerMarker && before > 0x1000;
    if (!rising) continue;
    const place = optionalRead(() => namesBefore(memory, { end, markerSize: 4 }));
    if (place !== undefined) return place;
  }
  return undefined;
}

function namesByMarkers(
  memory: AddressSpace,
  from: { markersAt: Address; markers: number; last: number; second: number },
): NamesPlace | undefined {
  const { markersAt, markers, last, second } = from;
  const word = memory.pointerSize;
  const nearest = alignDown(addToAddress(markersAt, -last), word);
  for (let back = 0; back < mostBytesPerMarker; back += 4) {
    const names = addToAddress(nearest, -back);
    const countAt = addToAddress(names, -word);
    const count = memory.u32(countAt);
    if (Math.ceil(count / symbolsPerMarker) !== markers) continue;
    if (skipNames(memory, names, symbolsPerMarker) === second) return { names, countAt, count };
  }
  return undefined;
}

/** Bytes that the first `count` names take. */
function skipNames(memory: AddressSpace, names: Address, count: number): number {
  let at = 0;
  for (let index = 0; index < count; index++) {
    const first = memory.u8(addToAddress(names, at));
    if (first === 0) return -1;
    at += first < 0x80 ? 1 + first : 2 + ((first & 0x7f) | (memory.u8(addToAddress(names, at + 1)) << 7));
  }
  return at;
}

function align(address: bigint, unit: number): Address {
  return toAddress(((address + BigInt(unit) - 1n) / BigInt(unit)) * BigInt(unit));
}

function alignDown(address: bigint, unit: number): Address {
  return toAddress((address / BigInt(unit)) * BigInt(unit));
}
