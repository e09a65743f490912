/** What the tables of boot are made with. */
import type { NumberRange } from '../base/range.ts';
import type { ImageBuilder } from './image-builder.ts';
import type { KernelMemory } from './kernel-memory.ts';
import type { MachineConfiguration } from './options.ts';
import type { Platform } from './platform.ts';
import type { Tables } from './tables.ts';

/** What page tables are made with while the machine boots, before there is an allocator. */
export interface TableBuilder {
  readonly configuration: MachineConfiguration;
  readonly platform: Platform;
  readonly memory: KernelMemory;
  readonly tables: Tables;
  readonly image: ImageBuilder;
  readonly root: number;
  /** An empty page for a table; its physical address. */
  readonly page: () => number;
}

/** The page number of an address. */
export function pageOf(address: bigint): number {
  return Number(address >> 12n);
}

/** The entry of a page of the kernel at `level`, with the tables above it. */
export function ensureEntry(builder: TableBuilder, page: number, level: number): number {
  const { tables, root } = builder;
  return tables.ensure(root, page, {
    level,
    make: (above, at) => {
      const table = builder.page();
      tables.setTable(above, at, { table, user: false });
      return table;
    },
  });
}

/** RAM as the direct map has it: the first MiB with its hole. */
export function directRanges(memory: KernelMemory, platform: Platform): NumberRange[] {
  if (platform.architecture === 'arm64') return [...memory.ranges];
  const [first, second, ...rest] = memory.ranges;
  return first === undefined || second === undefined ? [...memory.ranges] : [{ start: 0, end: second.end }, ...rest];
}
