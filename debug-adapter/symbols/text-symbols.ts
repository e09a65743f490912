/** Symbols from a System.map or a copy of /proc/kallsyms: lines of address, type letter, name, and `[module]`. */
import { addToAddress, compareAddresses, toAddress } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import { SymbolList } from './symbol-list.ts';
import type { KernelSymbol } from './symbol-table.ts';

/**
 * Parses the text. `expected` is an address that a symbol is known to have at run time: when the text's own address
 * differs, all symbols move by the difference (a System.map knows nothing of KASLR).
 */
export function parseTextSymbols(text: string, source: string, expected?: { readonly name: string; readonly address: bigint }): SymbolList {
  const symbols: KernelSymbol[] = [];
  for (const line of text.split('\n')) {
    const match = /^([0-9a-f]{8,16}) ([a-zA-Z?]) (\S+)(?:\s+\[(\S+)\])?\s*$/.exec(line);
    if (match === null) continue;
    const [, address, type, name, module] = match;
    symbols.push({ name: name ?? '', type: type ?? '?', address: toAddress(BigInt(`0x${address ?? '0'}`)), size: 0, module });
  }
  if (symbols.length === 0) {
    throw errors.badArgument(`${source}: has no symbol lines; give a System.map or a copy of /proc/kallsyms made by root`);
  }
  return placeSymbols(symbols, source, expected);
}

/** Moves symbols to where `expected` has them at run time, and gives each the bytes up to the next. */
export function placeSymbols(
  symbols: readonly KernelSymbol[],
  source: string,
  expected?: { readonly name: string; readonly address: bigint },
): SymbolList {
  const known = expected === undefined ? undefined : symbols.find(({ name }) => name === expected.name);
  const shift = known === undefined || expected === undefined ? 0n : expected.address - known.address;
  const highHalf = 1n << (known !== undefined && known.address > 0xffff_ffffn ? 63n : 30n);
  const moved = symbols.map((symbol) =>
    shift !== 0n && symbol.address >= highHalf ? { ...symbol, address: addToAddress(symbol.address, shift) } : symbol,
  );
  const sorted = moved.sort((a, b) => compareAddresses(a.address, b.address));
  const sized = sorted.map((symbol, index) => {
    let next = index + 1;
    while (sorted[next]?.address === symbol.address) next++;
    const end = sorted[next]?.address;
    return end === undefined ? symbol : { ...symbol, size: Number(end - symbol.address) };
  });
  return new SymbolList(source, sized);
}
