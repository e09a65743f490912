/** Page tables of 32-bit arm, by hand (Arm ARM DDI 0406C). */
import { TableMemory } from './table-memory.ts';

/** Short descriptors (B3.5): the first level alone, whose entries are sections of 1 MiB. `base`: physical address of the root. */
export function armShortTables(base?: bigint): TableMemory {
  return new TableMemory({
    levels: [{ shift: 20, bits: 12, entry: 4 }],
    littleEndian: true,
    pointer: () => 0n,
    ...(base === undefined ? {} : { base }),
  });
}

/** Long descriptors (B3.6): three levels; bits 1-0 of a table's entry are 3, beside `flags`. `base`: physical address of the root. */
export function armLongTables({ base, flags = 0n }: { readonly base?: bigint; readonly flags?: bigint } = {}): TableMemory {
  return new TableMemory({
    levels: [
      { shift: 30, bits: 2 },
      { shift: 21, bits: 9 },
      { shift: 12, bits: 9 },
    ],
    littleEndian: true,
    pointer: (address) => address | 3n | flags,
    ...(base === undefined ? {} : { base }),
  });
}
