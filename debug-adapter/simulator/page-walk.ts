/**
 * The kernel's walk over page tables without VMAs, as its page-table dump and DEBUG_WX use it (mm/pagewalk.c, mm/ptdump.c),
 * step by step: each table that is entered is a step. It reads what stands in memory, and goes wrong where the kernel did.
 */
import { entryKind } from '../arch/paging-mode.ts';
import { toAddress } from '../base/address.ts';
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { protection } from './protection.ts';
import { addressOfText } from './vmap-area.ts';

/** What a walk like mm/pagewalk.c's goes over, and what it enters. */
export interface WalkOptions {
  /** Physical address of the root table. */
  readonly root: number;
  /** Virtual pages [start, end), one behind the other, as their numbers are in the upper half too (address / 4096). */
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
  /** Whether an entry that is not present is passed over; the walk of November 2019 (v15) took it for a table. */
  readonly checksPresent: boolean;
  /** Whether an entry that leads to KASAN's shared shadow is noted once and not entered. */
  readonly knowsSharedShadow: boolean;
}

/** What such a walk met, counted. */
export interface WalkResult {
  /** Tables that were entered, and entries that were read in them. */
  tables: number;
  entries: number;
  /** Entries to KASAN's shared tables that were not entered. */
  shared: number;
  leaves: number;
  /** Ranges without an entry (pte_hole), by the level of the missing entry; none at the last, whose entries are all told. */
  readonly holes: Record<string, number>;
  /** Pages that are writable and executable, by effective rights, in order: [first, behind the last). */
  readonly insecure: { readonly start: number; end: number }[];
}

/** Rights that the entries above leave. */
interface Rights {
  readonly write: boolean;
  readonly execute: boolean;
}

const physicalMask = 0x000f_ffff_ffff_f000n;
/** PCI_BIOS is executable and writable, and not counted (arch/x86/mm/dump_pagetables.c). */
const biosPages = { start: 0xa0, end: 0x100 };

/** Give the steps of `run` one by one; `result` grows with them. Reads memory as it stands at each step. */
export class PageWalk {
  readonly #core: Core;
  readonly #options: WalkOptions;
  readonly #shadow: ReadonlySet<number>;
  readonly result: WalkResult;

  constructor(core: Core, options: WalkOptions) {
    this.#core = core;
    this.#options = options;
    this.#shadow = new Set(options.knowsSharedShadow ? sharedShadow(core) : []);
    const { tables } = core;
    this.result = {
      tables: 0,
      entries: 0,
      shared: 0,
      leaves: 0,
      holes: Object.fromEntries(tables.mode.levels.slice(0, -1).map(({ name }) => [name, 0])),
      insecure: [],
    };
  }

  /** Yields before each table that is entered. Throws `Fault` where a table cannot be read. */
  *run(): Steps {
    const { root, ranges } = this.#options;
    // A PAE root's entries have no RW bit: nothing below them is writable by effective rights.
    const isPae = this.#core.platform.architecture === 'x86-32';
    for (const { start, end } of ranges) yield* this.#table({ level: 0, table: root, start, end }, { write: !isPae, execute: true });
  }

  *#table(of: { readonly level: number; readonly table: number; readonly start: number; readonly end: number }, above: Rights): Steps {
    const core = this.#core;
    const { tables } = core;
    const { level, table, start, end } = of;
    yield core.step(() => `enter the ${tables.name(level)} table at 0x${table.toString(16)} for ${addressOfText(core, start)}`);
    this.result.tables++;
    const span = tables.span(level);
    for (let page = start; page < end; page = (Math.floor(page / span) + 1) * span) {
      const at = table + tables.index(level, page) * 8;
      if (!core.memory.isRam(at)) throw this.#wild(level, page, BigInt(table));
      this.result.entries++;
      const kind = tables.kind(level, at);
      const next = Math.min(end, (Math.floor(page / span) + 1) * span);
      if (kind === entryKind.leaf) this.#leaf({ level, at, page, next }, above);
      else if (level === tables.last) continue;
      else if (kind === entryKind.none) this.#hole(level);
      else if (kind === entryKind.table) {
        const below = tables.tableAt(level, at);
        if (this.#shadow.has(below)) this.result.shared++;
        else yield* this.#table({ level: level + 1, table: below, start: page, end: next }, this.#below(at, above));
      } else if (!this.#options.checksPresent) {
        // The entry is taken for a table's; its frame is stored inverted, and leads where no memory is.
        const wild = tables.entry(at) & physicalMask;
        yield core.step(() => `enter what the ${tables.name(level)} entry 0x${tables.entry(at).toString(16)} leads to: it is not present`);
        throw this.#wild(level + 1, page, wild);
      }
    }
  }

  #hole(level: number): void {
    const name = this.#core.tables.name(level);
    this.result.holes[name] = (this.result.holes[name] ?? 0) + 1;
  }

  #leaf(of: { readonly level: number; readonly at: number; readonly page: number; readonly next: number }, above: Rights): void {
    const core = this.#core;
    this.result.leaves++;
    const bits = core.tables.bits(of.level, of.at);
    const { write, execute } = protection;
    if ((bits & write) === 0 || (bits & execute) === 0 || !above.write || !above.execute) return;
    const bios = Number(core.platform.directOffset >> 12n);
    if (core.platform.architecture !== 'arm64' && of.page >= bios + biosPages.start && of.next <= bios + biosPages.end) return;
    const last = this.result.insecure.at(-1);
    if (last?.end === of.page) last.end = of.next;
    else this.result.insecure.push({ start: of.page, end: of.next });
  }

  /** effective_prot(); arm64 looks at the last entry alone. */
  #below(at: number, above: Rights): Rights {
    const { memory, platform } = this.#core;
    if (platform.architecture === 'arm64') return above;
    return { write: above.write && (memory.u32(at) & 0x2) !== 0, execute: above.execute && (memory.u32(at + 4) & 0x8000_0000) === 0 };
  }

  /** What the CPU says of the access to a table where none can be. */
  #wild(level: number, page: number, physical: bigint): Fault {
    const core = this.#core;
    const { platform, tables, memory } = core;
    const address = (platform.directOffset + physical + BigInt(tables.index(level, page) * 8)) & memory.addressMask;
    const where = { address: toAddress(address), level: tables.name(level) };
    const reading = `ptdump_${tables.name(level)}_entry`;
    if (core.configuration.features.kasan) {
      const text = address.toString(16).padStart(16, '0');
      return new Fault(
        'invalid-access',
        `BUG: KASAN: wild-memory-access in ${reading}\nRead of size 8 at addr ${text} by task swapper/0/0`,
        where,
      );
    }
    if (!platform.mode.isCanonical(toAddress(address)))
      return new Fault(
        'general-protection',
        `general protection fault, probably for non-canonical address 0x${address.toString(16)}`,
        where,
      );
    return new Fault('page-fault', `BUG: unable to handle page fault for address: 0x${address.toString(16)}`, where);
  }
}

/** Physical addresses of KASAN's shared tables. */
function sharedShadow(core: Core): number[] {
  if (!core.configuration.features.kasan) return [];
  return core.tables.mode.levels.slice(1).map(({ name }) => core.symbol(`kasan_early_shadow_${name}`));
}

/** What a dump of a whole address space walks: of x86-64 both halves without the hole between them. */
export function wholeSpace(core: Core): WalkOptions['ranges'] {
  const { tables, platform } = core;
  const all = tables.span(0) * tables.entries(0);
  switch (platform.architecture) {
    case 'x86-64': {
      // Up to the guard hole's end, 16 entries of the root above the middle (ptdump_walk_pgd_level_core).
      const top = 2 ** 52;
      return [
        { start: 0, end: all / 2 },
        { start: top - all / 2 + 16 * tables.span(0), end: top },
      ];
    }
    case 'x86-32':
      return [{ start: 0, end: all }];
    case 'arm64':
      return [{ start: 2 ** 52 - all, end: 2 ** 52 }];
  }
}

/** The kernel's log of DEBUG_WX (ptdump_check_wx), after a walk. */
export function checkWxLog(core: Core, { insecure }: WalkResult): { readonly pages: number; readonly log: readonly string[] } {
  const prefix = core.platform.architecture === 'arm64' ? 'arm64/mm' : 'x86/mm';
  const pages = insecure.reduce((sum, { start, end }) => sum + end - start, 0);
  const [first] = insecure;
  if (first === undefined) return { pages, log: [`${prefix}: Checked W+X mappings: passed, no W+X pages found.`] };
  const address = `0x${addressOfPage(core, first.start).toString(16)}`;
  return {
    pages,
    log: [
      `${prefix}: Found insecure W+X mapping at address ${address}`,
      `${prefix}: Checked W+X mappings: FAILED, ${pages} W+X pages found.`,
    ],
  };
}
