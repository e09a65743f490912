/** Which virtual addresses map a physical one: the kernel's, or those of every page table that the dump holds. */
import { formatAddress } from '../base/address.ts';
import type { Address, PhysAddr } from '../base/address.ts';
import { neverCancelled, throwIfCancelled } from '../base/cancellation.ts';
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { identify } from '../kernel/identify/identify.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { buildReverseMap, windowAddresses } from '../pagetable/reverse-map.ts';
import type { ReverseMap, ReverseMapping } from '../pagetable/reverse-map.ts';
import type { Translation } from '../pagetable/translation.ts';
import type { ReverseMapFacts, ReverseMappingFacts } from '../protocol/facts.ts';
import { SpaceList } from './every-space.ts';
import type { NamedSpace } from './every-space.ts';
import type { ReverseMapOptions } from './session-face.ts';
import type { Space, Spaces } from './spaces.ts';

/** Addresses between two reports of progress. */
const reportEvery = 16;

interface Built {
  readonly searched: readonly NamedSpace[];
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

  /** Page tables are read by the first question of each kind and kept. Throws `Cancelled`. */
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
    const list = new SpaceList(this.#kernel, this.#spaces, (what, why) => {
      warnings.push(`${what}: not searched: ${why}`);
    });
    if (options.all === true) list.addAll();
    if (list.untyped.length > 0) warnings.push(errors.noTypes(`searching ${list.untyped.join(' and ')}`).message);
    const searched: readonly NamedSpace[] =
      options.all === true ? list.found : [{ space: this.#spaces.get('kernel', { user: false }), mm: 'kernel', repeats: [] }];
    const map = buildReverseMap(
      searched.map(({ space, repeats }) => ({ pageTable: space.pageTable, repeats })),
      { token: options.token, progress: options.progress },
    );
    return { searched, map, warnings };
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
      comm: searched.space.task?.comm ?? null,
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
