/** The kernel's symbols and behind them those of its modules, under one face. */
import type { Address } from '../base/address.ts';
import type { KernelSymbol, SymbolHit, SymbolTable } from './symbol-table.ts';

type Ranges = readonly { readonly start: Address; readonly end: Address }[];

/** A module whose symbols are read when they are first asked for: a machine has many, and most questions are about none. */
class ModuleTable {
  readonly ranges: Ranges;
  readonly #open: () => SymbolTable;
  #table: SymbolTable | undefined;

  constructor(open: () => SymbolTable, ranges: Ranges) {
    this.#open = open;
    this.ranges = ranges;
  }

  get table(): SymbolTable {
    return (this.#table ??= this.#open());
  }
}

/** What /proc/kallsyms shows in brackets and is no module (kernel/kallsyms.c). */
const outsideModules: ReadonlySet<string> = new Set(['bpf', '__builtin__ftrace', '__builtin__kprobes']);

/**
 * Look-ups by name ask the kernel first, then the modules in the order of `addModule`; an address belongs to whose memory holds
 * it.
 */
export class CombinedSymbols implements SymbolTable {
  readonly #kernel: SymbolTable | undefined;
  readonly #modules: ModuleTable[] = [];

  /** Without a kernel table every look-up finds nothing and `count` is 0. */
  constructor(kernel: SymbolTable | undefined) {
    this.#kernel = kernel;
  }

  /** A module with the parts of its memory; `open` reads its symbols. */
  addModule(open: () => SymbolTable, ranges: Ranges): void {
    this.#modules.push(new ModuleTable(open, ranges));
  }

  get source(): string {
    const kernel = this.#kernel?.source ?? 'none';
    return this.#modules.length === 0 ? kernel : `${kernel}, and ${this.#modules.length} modules`;
  }

  /** Symbols of the kernel image. */
  get count(): number {
    return this.#kernel?.count ?? 0;
  }

  /** A symbol of the kernel image; no module is asked. */
  findInKernel(name: string): KernelSymbol | undefined {
    return this.#kernel?.find(name);
  }

  find(name: string): KernelSymbol | undefined {
    const found = this.findInKernel(name);
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
    const module = this.#modules.find(({ ranges }) => ranges.some(({ start, end }) => address >= start && address < end));
    if (module !== undefined) return module.table.resolve(address);
    const hit = this.#kernel?.resolve(address);
    return hit === undefined || this.#isWithin(hit, address) ? hit : undefined;
  }

  /**
   * A copy of /proc/kallsyms tells no ends: its symbols reach to the next one, over unused addresses and freed memory. Here no
   * module's memory holds the address, and behind the kernel image only names of that very address (and BPF's) are left.
   */
  #isWithin({ symbol, offset }: SymbolHit, address: Address): boolean {
    if (offset === 0) return true;
    // The last symbol of all has no size.
    if (symbol.size === 0 && offset >= 4096) return false;
    if (symbol.module !== undefined) return this.#modules.length === 0 || outsideModules.has(symbol.module);
    const end = this.#kernel?.find('_end')?.address;
    return end === undefined || address < end || symbol.address > end;
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
