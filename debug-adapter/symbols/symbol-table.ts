import type { Address } from '../base/address.ts';

/** One symbol of the kernel or a module. */
export interface KernelSymbol {
  readonly name: string;
  readonly address: Address;
  /** nm(1) type letter as kallsyms has it: `T`, `t`, `D`, `b`, `A` (per-CPU offset)… */
  readonly type: string;
  /** Bytes up to the next symbol (what the kernel's own kallsyms_lookup_size_offset takes), 0 when unknown. */
  readonly size: number;
  /** Name of the module that owns it; undefined for the kernel image. */
  readonly module: string | undefined;
}

/** An address inside a symbol. */
export interface SymbolHit {
  readonly symbol: KernelSymbol;
  /** Bytes from the symbol's start. */
  readonly offset: number;
}

/**
 * Names and addresses, both ways, looked up lazily. Several sources (kallsyms, each module, a System.map) sit behind one
 * table; see `CombinedSymbols`.
 */
export interface SymbolTable {
  /** For `info`, e.g. `kallsyms in the dump`. */
  readonly source: string;
  readonly count: number;
  /** The first symbol with this exact name, or undefined. */
  find(name: string): KernelSymbol | undefined;
  /** All symbols with this exact name, in address order. */
  findAll(name: string): readonly KernelSymbol[];
  /** The symbol that covers `address`, as the kernel's %pS would choose it (aliases: the first at that address). */
  resolve(address: Address): SymbolHit | undefined;
  /** Up to `limit` symbols whose name begins with `prefix`, in name order where the table has one. */
  withPrefix(prefix: string, limit: number): readonly KernelSymbol[];
}

/** Whether it names anything: not a label that a compiler or assembler made (is_mapping_symbol in include/linux/module_symbol.h). */
export function isName(text: string): boolean {
  return text !== '' && !text.startsWith('$') && !text.startsWith('.L') && !text.startsWith('L0');
}

/** `name+0x1a/0x94`, with ` [module]` behind: the kernel's %pS. */
export function formatSymbolHit(hit: SymbolHit): string {
  const module = hit.symbol.module === undefined ? '' : ` [${hit.symbol.module}]`;
  return `${hit.symbol.name}+0x${hit.offset.toString(16)}/0x${hit.symbol.size.toString(16)}${module}`;
}
