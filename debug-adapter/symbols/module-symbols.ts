/** Symbols of one loaded module (struct mod_kallsyms in include/linux/module.h, kernel/module/kallsyms.c). */
import { addToAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { limits } from '../base/limits.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { isName } from './symbol-table.ts';
import type { KernelSymbol } from './symbol-table.ts';
import { SymbolList } from './symbol-list.ts';
import { locateMember, offsetOfMember } from './type-layout.ts';
import type { TypeTable } from './types.ts';

/** A part of the module's memory; `text` parts bound the symbols in them. */
export interface ModuleRange {
  readonly start: Address;
  readonly end: Address;
}

/** Reads the module's symbol table. Throws `MemoryFault` when it is not readable. */
export function openModuleSymbols(
  memory: AddressSpace,
  types: TypeTable,
  module: { readonly address: Address; readonly name: string; readonly memory: readonly ModuleRange[] },
): SymbolList {
  const source = `module ${module.name}`;
  const moduleStruct = types.struct('module');
  const kallsyms = types.struct('mod_kallsyms');
  const at = moduleStruct === undefined ? undefined : locateMember(moduleStruct, 'kallsyms')?.offset;
  if (at === undefined || kallsyms === undefined) return new SymbolList(source, []);
  const table = memory.pointer(addToAddress(module.address, at));
  if (table === 0n) return new SymbolList(source, []);
  const member = (name: string): Address | undefined => {
    const offset = locateMember(kallsyms, name)?.offset;
    return offset === undefined ? undefined : addToAddress(table, offset);
  };
  const symtabAt = member('symtab');
  const countAt = member('num_symtab');
  const strtabAt = member('strtab');
  const typetabAt = member('typetab');
  if (symtabAt === undefined || countAt === undefined || strtabAt === undefined) return new SymbolList(source, []);
  const count = Math.min(memory.u32(countAt), limits.symbols);
  const raw = readSymbols(memory, types, {
    symtab: memory.pointer(symtabAt),
    strtab: memory.pointer(strtabAt),
    typetab: typetabAt === undefined ? undefined : memory.pointer(typetabAt),
    count,
    module: module.name,
  });
  return new SymbolList(source, withSizes(raw, module.memory));
}

function readSymbols(
  memory: AddressSpace,
  types: TypeTable,
  from: { symtab: Address; strtab: Address; typetab: Address | undefined; count: number; module: string },
): KernelSymbol[] {
  const name = memory.pointerSize === 8 ? 'elf64_sym' : 'elf32_sym';
  const wide = memory.pointerSize === 8;
  const size = types.struct(name)?.size ?? (wide ? 24 : 16);
  const nameAt = offsetOfMember(types, name, 'st_name') ?? 0;
  const valueAt = offsetOfMember(types, name, 'st_value') ?? (wide ? 8 : 4);
  const sectionAt = offsetOfMember(types, name, 'st_shndx') ?? (wide ? 6 : 14);
  const symbols: KernelSymbol[] = [];
  // Symbol 0 is the null symbol.
  for (let index = 1; index < from.count; index++) {
    const symbol = addToAddress(from.symtab, index * size);
    if (memory.u16(addToAddress(symbol, sectionAt)) === 0) continue;
    const text = memory.cString(addToAddress(from.strtab, memory.u32(addToAddress(symbol, nameAt))), 512);
    if (!isName(text)) continue;
    const type = from.typetab === undefined ? '?' : String.fromCharCode(memory.u8(addToAddress(from.typetab, index)));
    symbols.push({ name: text, address: memory.pointer(addToAddress(symbol, valueAt)), type, size: 0, module: from.module });
  }
  return symbols;
}

/** A symbol reaches to the next one, or to the end of the memory part that holds it (find_kallsyms_symbol). */
function withSizes(symbols: readonly KernelSymbol[], ranges: readonly ModuleRange[]): KernelSymbol[] {
  const addresses = [...new Set(symbols.map(({ address }) => address))].sort((a, b) => (a < b ? -1 : 1));
  const nextOf = new Map(addresses.map((address, index) => [address, addresses[index + 1]]));
  return symbols.map((symbol) => {
    const range = ranges.find(({ start, end }) => symbol.address >= start && symbol.address < end);
    const next = nextOf.get(symbol.address);
    const end = range === undefined ? next : next === undefined || next > range.end ? range.end : next;
    return end === undefined ? symbol : { ...symbol, size: Number(toAddress(end) - symbol.address) };
  });
}
