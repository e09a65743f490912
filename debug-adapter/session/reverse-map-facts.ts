/** Which virtual addresses map a physical one: the kernel's, or those of every page table that the dump holds. */
import { formatAddress } from '../base/address.ts';
import type { Address, PhysAddr } from '../base/address.ts';
import { neverCancelled, throwIfCancelled } from '../base/cancellation.ts';
import { UserError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { identify } from '../kernel/identify.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { tasks } from '../kernel/task.ts';
import type { Task } from '../kernel/task.ts';
import { buildReverseMap, windowAddresses } from '../pagetable/reverse-map.ts';
import type { ReverseMap, ReverseMapping } from '../pagetable/reverse-map.ts';
import type { Translation } from '../pagetable/translation.ts';
import type { ReverseMapFacts, ReverseMappingFacts } from '../protocol/facts.ts';
import type { ReverseMapOptions } from './session-face.ts';
import type { Space, Spaces } from './spaces.ts';

/** Addresses between two reports of progress. */
const reportEvery = 16;

/** A page table that is searched. */
interface Searched {
  readonly space: Space;
  /** As `--mm` takes it. */
  readonly mm: string;
  readonly comm: string | null;
  /** Indexes of the page tables whose mappings it repeats. */
  readonly repeats: readonly number[];
}

interface Built {
  readonly searched: readonly Searched[];
  readonly map: ReverseMap;
  readonly warnings: readonly string[];
}

/** Answers from indexes that are built once: one of the kernel's page table, one of all. */
export class ReverseMaps {
  readonly #kernel: Kernel;
  readonly #spaces: Spaces;
  #ofKernel: Built | undefined;
  #ofAll: Built | undefined;

  constructor(kernel: Kernel, spaces: Spaces) {
    this.#kernel = kernel;
    this.#spaces = spaces;
  }

  facts(addresses: readonly PhysAddr[], options: ReverseMapOptions): ReverseMapFacts {
    const built = options.all === true ? (this.#ofAll ??= this.#build(options)) : (this.#ofKernel ??= this.#build(options));
    const warnings = [...built.warnings, ...built.map.warnings];
    const results = addresses.map((physical, done) => {
      if (done > 0 && done % reportEvery === 0) options.progress?.('looking up addresses', done, addresses.length);
      const windows = windowAddresses(this.#kernel.root.mode, physical).map((virtual) => ({ root: 0, virtual }));
      const found = built.map.lookup(physical, limits.mappings, options.token);
      if (!found.complete) {
        warnings.push(
          `${formatAddress(physical)} is mapped at about ${found.total} addresses; ${found.mappings.length} of them are told, the rarest page tables' first`,
        );
      }
      const mappings = [...windows, ...found.mappings].map((mapping) => this.#mappingFacts(built, mapping, options));
      return { physical: formatAddress(physical), mappings, total: windows.length + found.total };
    });
    return { results, tables: built.map.tables, warnings };
  }

  #build(options: ReverseMapOptions): Built {
    const warnings: string[] = [];
    const searched = options.all === true ? this.#all(warnings) : [this.#searched('kernel', { user: false, task: undefined, repeats: [] })];
    const map = buildReverseMap(
      searched.map(({ space, repeats }) => ({ pageTable: space.pageTable, repeats })),
      { token: options.token, progress: options.progress },
    );
    return { searched, map, warnings };
  }

  #searched(mm: string, of: { user: boolean; task: Task | undefined; repeats: readonly number[] }): Searched {
    return { space: this.#spaces.get(mm, { user: of.user }), mm, comm: of.task?.comm ?? null, repeats: of.repeats };
  }

  /** The kernel's page table, the firmware's, and each process's, with the halves that user mode sees. */
  #all(warnings: string[]): Searched[] {
    const found: Searched[] = [];
    const add = (mm: string, task: Task | undefined): void => {
      try {
        const whole = this.#searched(mm, { user: false, task, repeats: found.length === 0 ? [] : [0] });
        const place = found.push(whole) - 1;
        const half = this.#searched(mm, { user: true, task, repeats: place === 0 ? [0] : [0, place] });
        if (half.space.pageTable.root !== whole.space.pageTable.root) found.push(half);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        warnings.push(`the page table of ${mm} was not searched: ${error.message}`);
      }
    };
    add('kernel', undefined);
    if (this.#hasFirmwareTable(warnings)) add('efi', undefined);
    try {
      for (const task of this.#processes()) add(String(task.pid), task);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      warnings.push(`processes were not searched: ${error.message}`);
    }
    return found;
  }

  /** Machines that were not booted by EFI have an efi_mm whose pgd is null. */
  #hasFirmwareTable(warnings: string[]): boolean {
    const efi = this.#kernel.addressOf('efi_mm');
    if (efi === undefined) return false;
    try {
      return this.#kernel.structs("searching the firmware's page table").get('mm_struct').pointer(efi, 'pgd') !== 0n;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      warnings.push(`the page table of efi was not searched: ${error.message}`);
      return false;
    }
  }

  /** One task of each process that has an address space: its leader, or another thread where the leader has ended. */
  #processes(): readonly Task[] {
    const found = new Map<string, Task>();
    for (const task of tasks(this.#kernel)) {
      if (task.mm === undefined) continue;
      const key = `${task.tgid} ${formatAddress(task.mm)}`;
      if (!found.has(key) || task.pid === task.tgid) found.set(key, task);
    }
    return [...found.values()];
  }

  #mappingFacts(built: Built, mapping: ReverseMapping, options: ReverseMapOptions): ReverseMappingFacts {
    throwIfCancelled(options.token ?? neverCancelled);
    const { root, virtual } = mapping;
    const searched = built.searched[root];
    if (searched === undefined) throw new RangeError(`no page table ${root} was searched`);
    const { pageTable } = searched.space;
    const walk = pageTable.translate(virtual);
    const leaf = walk.levels.at(-1);
    const effective = this.#userWalk(built, mapping)?.effective ?? walk.effective;
    return {
      virtual: formatAddress(virtual),
      mm: searched.mm,
      user: searched.space.user,
      comm: searched.comm,
      level: leaf?.level ?? null,
      pageSize: walk.pageSize,
      entryAddress: leaf === undefined ? null : formatAddress(leaf.entryAddress),
      entry: leaf === undefined ? null : formatAddress(leaf.entry),
      flags: leaf?.flags ?? [],
      present: walk.physical !== undefined,
      rights: effective === undefined ? null : { write: effective.write, execute: effective.execute, user: effective.user },
      what: this.#what(virtual, searched.space),
    };
  }

  /** `identify`'s answer; in the direct map, which maps everything, that comes before what the frame holds. */
  #what(virtual: Address, space: Space): ReverseMappingFacts['what'] {
    const { kind, summary, details } = identify(this.#kernel, virtual, { pageTable: space.pageTable, task: space.task });
    const direct = details.find((detail) => detail.kind === 'direct-map');
    if (direct === undefined || direct === details[0]) return { kind, summary };
    return { kind: direct.kind, summary: `${direct.summary}: ${summary}` };
  }

  /** Under page-table isolation a user address has its rights from the half that user mode sees: the kernel's may not execute it. */
  #userWalk(built: Built, mapping: ReverseMapping): Translation | undefined {
    const own = built.searched[mapping.root];
    const half = built.searched[mapping.root + 1];
    if (own === undefined || half === undefined || own.space.user || !half.space.user || half.mm !== own.mm) return undefined;
    return own.space.pageTable.isUserAddress(mapping.virtual) ? half.space.pageTable.translate(mapping.virtual) : undefined;
  }
}
