/**
 * The kernel's own symbol table in memory (kernel/kallsyms.c, scripts/kallsyms.c). Names stay compressed; a name is
 * expanded when it is asked for.
 */
import { addToAddress, formatAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { MemoryFault } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { decodeAddresses } from './kallsyms-addresses.ts';
import type { SymbolAddresses } from './kallsyms-addresses.ts';
import { CompressedNames } from './kallsyms-names.ts';
import { locateKallsyms } from './kallsyms-scan.ts';
import type { KallsymsTables } from './kallsyms-tables.ts';
import type { KernelSymbol, SymbolHit, SymbolTable } from './symbol-table.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';

/** What is known of where the tables lie before they are read. */
export interface KallsymsHints {
  readonly vmcoreinfo?: Vmcoreinfo;
  /** Mapped ranges in which the tables may lie, for kernels whose VMCOREINFO does not say where. */
  readonly scan?: () => Iterable<{ readonly start: Address; readonly end: Address }>;
}

/** Opens the table, or says in one phrase why it cannot be. */
export function openKallsyms(memory: AddressSpace, hints: KallsymsHints): SymbolTable | { readonly problem: string } {
  try {
    const tables = fromVmcoreinfo(memory, hints.vmcoreinfo) ?? locateKallsyms(memory, hints.scan?.() ?? []);
    if (tables === undefined) return { problem: 'no kallsyms table was found in the kernel image' };
    return open(memory, tables);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return { problem: `the kallsyms table at ${formatAddress(error.address)} cannot be read (${error.reason})` };
  }
}

function fromVmcoreinfo(memory: AddressSpace, info: Vmcoreinfo | undefined): KallsymsTables | undefined {
  const names = info?.symbol('kallsyms_names');
  const count = info?.symbol('kallsyms_num_syms');
  const tokenTable = info?.symbol('kallsyms_token_table');
  const tokenIndex = info?.symbol('kallsyms_token_index');
  if (names === undefined || count === undefined || tokenTable === undefined || tokenIndex === undefined) return undefined;
  const optional = (name: string): Address | undefined => {
    const value = info?.symbol(name);
    return value === undefined ? undefined : toAddress(value);
  };
  return {
    names: toAddress(names),
    count: memory.u32(toAddress(count)),
    tokenTable: toAddress(tokenTable),
    tokenIndex: toAddress(tokenIndex),
    offsets: optional('kallsyms_offsets'),
    relativeBase: optional('kallsyms_relative_base'),
    addresses: optional('kallsyms_addresses'),
    source: 'kallsyms in the dump, by VMCOREINFO',
  };
}

function open(memory: AddressSpace, tables: KallsymsTables): SymbolTable | { readonly problem: string } {
  if (tables.count === 0 || tables.count > limits.symbols) return { problem: `the kallsyms table claims ${tables.count} symbols` };
  const names = CompressedNames.read(memory, tables);
  if ('problem' in names) return names;
  const addresses = decodeAddresses(memory, tables);
  if ('problem' in addresses) return addresses;
  return new Kallsyms(memory, { tables, names, addresses });
}

class Kallsyms implements SymbolTable {
  readonly source: string;
  readonly count: number;
  readonly #names: CompressedNames;
  readonly #addresses: SymbolAddresses;
  #bounds: { readonly start: bigint; readonly end: bigint } | undefined;
  readonly #found = new Map<string, readonly KernelSymbol[]>();

  constructor(memory: AddressSpace, parts: { tables: KallsymsTables; names: CompressedNames; addresses: SymbolAddresses }) {
    this.source = parts.tables.source;
    this.count = parts.tables.count;
    this.#names = parts.names;
    this.#addresses = parts.addresses;
    this.#names.findSortedOrder(memory, parts.tables);
  }

  find(name: string): KernelSymbol | undefined {
    return this.findAll(name)[0];
  }

  findAll(name: string): readonly KernelSymbol[] {
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const found = this.#names.indexesOf(name).map((index) => this.#symbol(index));
    this.#found.set(name, found);
    return found;
  }

  /** As kallsyms_lookup: inside the kernel image only, the first of symbols at the same address. */
  resolve(address: Address): SymbolHit | undefined {
    const { start, end } = (this.#bounds ??= this.#imageBounds());
    if (address < start || address >= end) return undefined;
    const last = this.#addresses.lastAtOrBelow(address);
    if (last < this.#addresses.absoluteCount) return undefined;
    const symbol = this.#symbol(this.#addresses.firstAlias(last));
    return { symbol, offset: Number(address - symbol.address) };
  }

  withPrefix(prefix: string, limit: number): readonly KernelSymbol[] {
    return this.#names.withPrefix(prefix, limit).map((index) => this.#symbol(index));
  }

  #symbol(index: number): KernelSymbol {
    const expanded = this.#names.expand(index);
    return {
      name: expanded.slice(1),
      type: expanded.slice(0, 1),
      address: this.#addresses.addressOf(index),
      size: this.#sizeOf(index),
      module: undefined,
    };
  }

  /** Up to the next higher symbol; for the last ones up to _end, as get_symbol_pos does with CONFIG_KALLSYMS_ALL. */
  #sizeOf(index: number): number {
    const next = this.#addresses.nextHigher(index);
    const address = this.#addresses.addressOf(index);
    if (next !== undefined) return Number(this.#addresses.addressOf(next) - address);
    const end = (this.#bounds ??= this.#imageBounds()).end;
    return end > address ? Number(end - address) : 0;
  }

  #imageBounds(): { start: bigint; end: bigint } {
    const addressOf = (name: string): bigint | undefined => {
      const index = this.#names.indexesOf(name)[0];
      return index === undefined ? undefined : this.#addresses.addressOf(index);
    };
    const first = this.#addresses.addressOf(Math.min(this.#addresses.absoluteCount, this.count - 1));
    const last = this.#addresses.addressOf(this.count - 1);
    const starts = [addressOf('_stext'), addressOf('_text')].filter((value) => value !== undefined);
    const start = starts.length === 0 ? first : starts.reduce((a, b) => (a < b ? a : b));
    return { start, end: addressOf('_end') ?? addToAddress(last, 1) };
  }
}
