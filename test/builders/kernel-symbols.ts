/** What the kernels that tests write by hand know of names and types: nothing but what they are given. */
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { KernelSymbol } from '../../debug-adapter/symbols/symbol-table.ts';
import type { TypeTable } from '../../debug-adapter/symbols/types.ts';

/** Symbols of data, without sizes. */
export function dataSymbols(addresses: ReadonlyMap<string, bigint>): KernelSymbol[] {
  return [...addresses].map(([name, address]) => ({ name, address: toAddress(address), type: 'D', size: 0, module: undefined }));
}

/** A table of types that has what `known` has and nothing else. */
export function typeTable(known: Pick<TypeTable, 'struct'> & Partial<TypeTable>): TypeTable {
  return {
    source: 'test',
    pointerSize: 8,
    enum: () => undefined,
    typedef: () => undefined,
    enumerator: () => undefined,
    variable: () => undefined,
    parse: () => undefined,
    withPrefix: () => [],
    ...known,
  };
}
