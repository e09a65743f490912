/** A symbol table from a list of symbols: modules, System.map, /proc/kallsyms text. */
import { compareAddresses } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { partitionPoint } from '../base/partition-point.ts';
import type { KernelSymbol, SymbolHit, SymbolTable } from './symbol-table.ts';

/**
 * Symbols kept as a sorted list. An address belongs to the last symbol at or below it, as far as that symbol's size reaches
 * where it has one.
 */
export class SymbolList implements SymbolTable {
  readonly source: string;
  readonly #sorted: readonly KernelSymbol[];
  #byName: Map<string, KernelSymbol[]> | undefined;

  /** `symbols` in any order; sizes are theirs. */
  constructor(source: string, symbols: readonly KernelSymbol[]) {
    this.source = source;
    this.#sorted = [...symbols].sort((a, b) => compareAddresses(a.address, b.address));
  }

  get count(): number {
    return this.#sorted.length;
  }

  find(name: string): KernelSymbol | undefined {
    return this.findAll(name)[0];
  }

  findAll(name: string): readonly KernelSymbol[] {
    this.#byName ??= groupByName(this.#sorted);
    return this.#byName.get(name) ?? [];
  }

  resolve(address: Address): SymbolHit | undefined {
    let last = partitionPoint(this.#sorted.length, (index) => (this.#sorted[index]?.address ?? 0n) <= address) - 1;
    while (last > 0 && this.#sorted[last - 1]?.address === this.#sorted[last]?.address) last--;
    const symbol = this.#sorted[last];
    if (symbol === undefined) return undefined;
    const offset = Number(address - symbol.address);
    return symbol.size === 0 || offset < symbol.size ? { symbol, offset } : undefined;
  }

  withPrefix(prefix: string, limit: number): readonly KernelSymbol[] {
    return this.#sorted.filter(({ name }) => name.startsWith(prefix)).slice(0, limit);
  }
}

function groupByName(symbols: readonly KernelSymbol[]): Map<string, KernelSymbol[]> {
  const byName = new Map<string, KernelSymbol[]>();
  for (const symbol of symbols) {
    const known = byName.get(symbol.name);
    if (known === undefined) byName.set(symbol.name, [symbol]);
    else known.push(symbol);
  }
  return byName;
}
