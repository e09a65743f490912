/** The kernel's symbols and behind them those of its modules, under one face. */
import type { Address } from '../base/address.ts';
import type { KernelSymbol, SymbolHit, SymbolTable } from './symbol-table.ts';

interface ModuleTable {
  readonly name: string;
  readonly table: SymbolTable;
  readonly ranges: readonly { readonly start: Address; readonly end: Address }[];
}

export class CombinedSymbols implements SymbolTable {
  readonly #kernel: SymbolTable | undefined;
  readonly #modules: ModuleTable[] = [];

  /** Without a kernel table every look-up finds nothing and `count` is 0. */
  constructor(kernel: SymbolTable | undefined) {
    this.#kernel = kernel;
  }

  addModule(name: string, table: SymbolTable, ranges: ModuleTable['ranges']): void {
    this.#modules.push({ name, table, ranges });
  }

  get source(): string {
    const kernel = this.#kernel?.source ?? 'none';
    return this.#modules.length === 0 ? kernel : `${kernel}, and ${this.#modules.length} modules`;
  }

  /** Symbols of the kernel image. */
  get count(): number {
    return this.#kernel?.count ?? 0;
  }

  find(name: string): KernelSymbol | undefined {
    const found = this.#kernel?.find(name);
    if (found !== undefined) return found;
    for (const { table } of this.#modules) {
      const symbol = table.find(name);
      if (symbol !== undefined) return symbol;
    }
    return undefined;
  }

  findAll(name: string): readonly KernelSymbol[] {
    return [...(this.#kernel?.findAll(name) ?? []), ...this.#modules.flatMap(({ table }) => table.findAll(name))];
  }

  resolve(address: Address): SymbolHit | undefined {
    for (const { table, ranges } of this.#modules) {
      if (ranges.some(({ start, end }) => address >= start && address < end)) return table.resolve(address);
    }
    return this.#kernel?.resolve(address);
  }

  withPrefix(prefix: string, limit: number): readonly KernelSymbol[] {
    const found = [...(this.#kernel?.withPrefix(prefix, limit) ?? [])];
    for (const { table } of this.#modules) {
      if (found.length >= limit) break;
      found.push(...table.withPrefix(prefix, limit - found.length));
    }
    return found;
  }
}
