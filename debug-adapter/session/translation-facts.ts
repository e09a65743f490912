/** A walk in the shape of `vtop --json`, with what is wrong on its way. */
import { formatAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { findRange } from '../base/range.ts';
import type { PageTable } from '../pagetable/page-table.ts';
import type { PageUse } from '../pagetable/table-check.ts';
import type { Translation } from '../pagetable/translation.ts';
import type { TranslationFacts } from '../protocol/facts.ts';

/** What is known of the page at physical `table`, a table of the level number `depth`; see kernel/findings-pages.ts. */
type Judge = (table: number, depth: number) => PageUse;

/** The walk with its effective rights; `pageUse` is asked only where the walk ends at an entry that may be damaged. */
export function translationFacts(pageTable: PageTable, address: Address, pageUse: Judge): TranslationFacts {
  const walk = pageTable.translate(address);
  const { effective } = walk;
  // What pages are takes symbols and types, which a walk that ends well does without.
  const judge = isDoubtful(pageTable, walk) ? pageUse : (): undefined => undefined;
  return {
    virtual: formatAddress(walk.virtual),
    register: walk.levels.length === 0 ? null : rootRegister(pageTable, address),
    physical: walk.physical === undefined ? null : formatAddress(walk.physical),
    pfn: walk.physical === undefined ? null : Math.floor(walk.physical / 2 ** pageTable.mode.pageShift),
    pageSize: walk.pageSize,
    levels: walk.levels.map((level, index) => ({
      level: level.level,
      tableAddress: formatAddress(level.tableAddress),
      index: level.index,
      shift: level.shift,
      indexBits: level.indexBits,
      entryAddress: formatAddress(level.entryAddress),
      entry: formatAddress(level.entry),
      flags: level.flags,
      rights: { write: level.rights.write, execute: level.rights.execute, user: level.rights.user },
      leaf: level.leaf,
      defect: level.defect ?? tableDefect(pageTable, walk, index, judge) ?? null,
    })),
    reason: walk.reason?.message ?? null,
    effective:
      effective === undefined
        ? null
        : {
            write: effective.write,
            execute: effective.execute,
            user: effective.user,
            writeLostAt: effective.writeLostAt ?? null,
            executeLostAt: effective.executeLostAt ?? null,
            userLostAt: effective.userLostAt ?? null,
          },
    cacheType: walk.cacheType ?? null,
  };
}

/** The register that holds the root: by the paging mode's architecture, and by the address where each half has its own. */
function rootRegister(pageTable: PageTable, address: Address): string {
  const user = pageTable.isUserAddress(address);
  const { name } = pageTable.mode;
  const known = registers.find(([architecture]) => name.startsWith(architecture));
  return known === undefined ? 'pgd' : known[user ? 2 : 1];
}

/** By the first words of a mode's name: of kernel addresses, of user addresses (the manuals' names). */
const registers: readonly (readonly [mode: string, kernel: string, user: string])[] = [
  ['x86', 'CR3', 'CR3'],
  ['arm64', 'TTBR1_EL1', 'TTBR0_EL1'],
  ['arm', 'TTBR0', 'TTBR0'],
  ['riscv', 'satp', 'satp'],
  ['s390', 'ASCE', 'ASCE'],
  ['loongarch', 'PGDH', 'PGDL'],
];

/** What is wrong with the table that the entry of `walk.levels[index]` points to and that was read. */
function tableDefect(pageTable: PageTable, walk: Translation, index: number, pageUse: Judge): string | undefined {
  const next = walk.levels[index + 1];
  const shape = pageTable.mode.levels[index + 1];
  if (next === undefined || shape === undefined) return undefined;
  const met = walk.levels.findIndex((level, at) => at <= index && level.tableAddress === next.tableAddress);
  const own = walk.levels[met];
  if (own !== undefined)
    return `it points back to the ${own.level} table at physical ${formatAddress(own.tableAddress)}, which is on the way to it`;
  const use = pageUse(next.tableAddress, shape.depth);
  if (typeof use !== 'object') return undefined;
  return `the page at physical ${formatAddress(next.tableAddress)} is no ${shape.name} table but ${use.other}`;
}

/** Whether the walk ends at something that a page which is no table may well have held. */
function isDoubtful(pageTable: PageTable, { physical, levels }: Translation): boolean {
  const last = levels.at(-1);
  if (last === undefined) return false;
  if (levels.some(({ defect }) => defect !== undefined)) return true;
  return physical === undefined ? last.entry !== 0n : findRange(pageTable.physical.ranges, physical) < 0;
}
