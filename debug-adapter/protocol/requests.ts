/**
 * Pagewalk's own debug-adapter requests: name, arguments, answer. The extension sends them with
 * `session.customRequest`; any DAP client may. Types only.
 */
import type {
  AddressSpaceFacts,
  ExplainedFacts,
  FindingsFacts,
  Hex,
  IdentifyFacts,
  InfoFacts,
  MapsFacts,
  PageCategoriesFacts,
  PagemapFacts,
  PagemapScanFacts,
  PagemapScanRequest,
  PtdumpDiffFacts,
  PtdumpFacts,
  ReverseMapFacts,
  TableFacts,
  TaskFacts,
  TranslationFacts,
} from './facts.ts';
import type { VmallocCountFacts, VmallocFacts, VmallocKind, VmallocList, VmallocPagesFacts, VmallocPartFacts } from './vmalloc.ts';
import type { MemoryPagesFacts, TypeLayoutFacts } from './memory-pages.ts';
import type { KcoreReadFacts } from './reads.ts';
import type { DeathFacts } from './stacks.ts';
import type { ChangesFacts, MomentFacts, ScenarioProblems, WatchFacts, WatchQuestion } from './scenario.ts';
import type { SearchFacts, SearchPatternFacts, SearchPatternQuestion, SearchQuestion } from './search.ts';

/** Lists that `pagewalk/listCount` counts. */
export type CountedList = 'tasks' | 'addressSpaces';

/** Pagewalk's own requests of the Debug Adapter Protocol, by name: what they take, and what they answer with. */
export interface PagewalkRequests {
  'pagewalk/info': { arguments: Record<string, never>; body: InfoFacts };
  /** `physical`: the addresses are physical ones. */
  'pagewalk/identify': {
    arguments: { addresses: readonly Hex[]; mm?: string; physical?: boolean };
    body: { results: readonly IdentifyFacts[] };
  };
  'pagewalk/translate': { arguments: { addresses: readonly Hex[]; mm?: string }; body: { results: readonly TranslationFacts[] } };
  /**
   * Both of each address, for who shows one at a time: `0x…`, 16 digits as registers are printed, or `symbol+0x1a/0x94` as a
   * backtrace has it; null of a text that is none, or names a symbol that there is not.
   */
  'pagewalk/explain': {
    arguments: { addresses: readonly string[]; mm?: string };
    body: { results: readonly (ExplainedFacts | null)[] };
  };
  /** Without `tableAddress`, the root table of the address space. `level` is the level's name. */
  'pagewalk/tableEntries': {
    arguments: { mm?: string; user?: boolean; tableAddress?: Hex; level?: string; virtualBase?: Hex };
    body: TableFacts;
  };
  /** The text's lines and the regions behind them, paged: `start` and `count` count lines; `total` is known in every answer. */
  'pagewalk/ptdump': {
    /**
     * `other`: the path(s) of another image, or of a dump's text, instead of the session's image. `moment`: of a scenario, the
     * name of a moment (`pagewalk/snapshot`) instead of now.
     */
    arguments: {
      mm?: string;
      moment?: string;
      user?: boolean;
      other?: string | readonly string[];
      range?: { start: Hex; end: Hex };
      start?: number;
      count?: number;
    };
    body: PtdumpPage;
  };
  /**
   * From the session's address space `mm` to `otherMm` (by default the same) of `other`: the path(s) of an image or of a
   * dump's text; without it, of the session's own image. `user` chooses the half that user mode sees on both sides,
   * `otherUser` on the other alone. With `before`, the path(s) of an image or of text, that is what is compared from, each
   * side has the choices made for it alone, and no image need be open. Of a scenario, `moment` is the moment to compare from
   * and `otherMoment` that to compare with, each now by default.
   */
  'pagewalk/ptdumpDiff': {
    arguments: {
      before?: string | readonly string[];
      mm?: string;
      moment?: string;
      otherMm?: string;
      otherMoment?: string;
      other?: string | readonly string[];
      user?: boolean;
      otherUser?: boolean;
      range?: { start: Hex; end: Hex };
    };
    body: PtdumpDiffFacts;
  };
  /**
   * The kernel's virtual addresses of physical ones; with `all`, those in every page table that the dump holds. The first
   * request reads the page tables: it can be cancelled, and reports progress.
   */
  'pagewalk/reverseMap': { arguments: { physical: readonly Hex[]; all?: boolean }; body: ReverseMapFacts };
  /**
   * Where a pattern stands in memory. It can be cancelled, and reports progress. With `search`, a name that the client
   * chooses, hits are told in `pagewalk/searchHits` events as they are found; the answer has all of them again.
   */
  'pagewalk/search': { arguments: SearchQuestion & { readonly search?: string }; body: SearchFacts };
  /** How a pattern would be understood; refused as a search for it would be. Nothing is searched. */
  'pagewalk/searchPattern': { arguments: SearchPatternQuestion; body: SearchPatternFacts };
  /** What is wrong in the page tables of one address space, or of all. */
  'pagewalk/findings': { arguments: { mm?: string }; body: FindingsFacts };
  'pagewalk/tasks': { arguments: Record<string, never>; body: { tasks: readonly TaskFacts[] } };
  /**
   * How many entries a list has, or how many come before the entry `before` (a PID, or an address space as `mm` names it) where
   * that is `found`. Reads them all, and lets other requests overtake it.
   */
  'pagewalk/listCount': { arguments: { list: CountedList; before?: string }; body: { count: number; found: boolean } };
  'pagewalk/maps': { arguments: { pid: number }; body: MapsFacts };
  /** How many pages of RAM are of each of makedumpfile's categories. Reads every struct page, and every page that is kept. */
  'pagewalk/pageCategories': { arguments: Record<string, never>; body: PageCategoriesFacts };
  /** Entries of a range; `start` and `end` are addresses. */
  'pagewalk/pagemap': { arguments: { pid: number; start: Hex; end: Hex }; body: PagemapFacts };
  'pagewalk/pagemapScan': { arguments: PagemapScanRequest; body: PagemapScanFacts };
  /** The kernel log as dmesg(1) prints it; with `levels` as `dmesg -r`. */
  'pagewalk/log': { arguments: { levels?: boolean }; body: { text: string; death: DeathFacts | null } };
  /** `moment`: of a scenario, the name of a moment (`pagewalk/snapshot`) instead of now. */
  'pagewalk/vmallocAreas': { arguments: { moment?: string }; body: VmallocFacts };
  /** How many areas there are of each list and kind. Reads them all, and lets other requests overtake it. */
  'pagewalk/vmallocCount': { arguments: { moment?: string }; body: VmallocCountFacts };
  /** The frames behind the busy area that holds `address`. */
  'pagewalk/vmallocPages': { arguments: { address: Hex }; body: VmallocPagesFacts };
  /** The answer to the event `pagewalk/splitSet`, for which a launch waits: files of the set; none to give up. */
  'pagewalk/chooseMembers': { arguments: { paths: readonly string[] }; body: Record<string, never> };
  /** What the kernel's own /proc/kcore would have given; at most 16 MiB at once. */
  'pagewalk/readAsKcore': { arguments: { address: Hex; count: number }; body: KcoreReadFacts };
  /** The pages of a range, each with what it belongs to and how it is mapped, and the bytes; at most 1 MiB at once. */
  'pagewalk/memoryPages': { arguments: { address: Hex; count: number; mm?: string; physical?: boolean }; body: MemoryPagesFacts };
  /** The members of a type, as it is written in C. */
  'pagewalk/typeLayout': { arguments: { type: string }; body: TypeLayoutFacts };
  /** What changed in the machine of a scenario since a moment, by default since the stop before this one. */
  'pagewalk/changes': { arguments: { since?: string }; body: ChangesFacts };
  /** The moments of a scenario that can be compared; with `name`, this one is kept under it first. A dump has none. */
  'pagewalk/snapshot': { arguments: { name?: string }; body: { moments: readonly MomentFacts[] } };
  /** What the scenario stops at when it changes, beside the data breakpoints of the client; after `add` and `remove` (an id). */
  'pagewalk/watch': { arguments: { add?: WatchQuestion; remove?: string }; body: { watches: readonly WatchFacts[] } };
  /** What is wrong in the machine of a scenario now, at the statements that made it so. */
  'pagewalk/scenarioProblems': { arguments: Record<string, never>; body: ScenarioProblems };
  /** `other`: the path(s) of another image, or of a dump's text, which has none to choose. */
  'pagewalk/addressSpaces': { arguments: { other?: string | readonly string[] }; body: { spaces: readonly AddressSpaceFacts[] } };
}

/** A part of a list, as the DAP's own `variables` takes it: `count` entries behind the first `start`; without `count`, all of them. */
interface PartArguments {
  readonly start?: number;
  readonly count?: number;
}

/** Requests that answer in parts when they are asked to: no more is read than is told. */
export interface PagewalkPartRequests {
  'pagewalk/tasks': { arguments: PartArguments; body: { readonly tasks: readonly TaskFacts[]; readonly more: boolean } };
  /** Of the areas in use, which come by address, `kind` takes one kind alone, and `address` the area that holds it. */
  'pagewalk/vmallocAreas': {
    arguments: PartArguments & { moment?: string; list?: VmallocList | 'free'; kind?: VmallocKind; address?: Hex };
    body: VmallocPartFacts;
  };
  /** `filter`: only those whose label holds it, in any case. */
  'pagewalk/addressSpaces': {
    arguments: PartArguments & { filter?: string };
    body: { readonly spaces: readonly AddressSpaceFacts[]; readonly more: boolean };
  };
}

/**
 * Body of the event `pagewalk/splitSet`: more files than belong together hold pages of the split dump that a launch with
 * `askMembers` names. Pages are [start, end); `taken`: what would be chosen where nobody asks, the named file first.
 */
export interface SplitSetEvent {
  readonly members: readonly { readonly path: string; readonly start: number; readonly end: number; readonly taken: boolean }[];
}

/** Part of a page-table dump: lines from number `start` on, of `total`. */
export interface PtdumpPage {
  readonly total: number;
  readonly start: number;
  readonly lines: readonly PtdumpLine[];
}

/** A line of the kernel's text, with what it tells as fields. */
export interface PtdumpLine {
  /** The kernel's text without its newline. */
  readonly text: string;
  /** Absent for marker lines. */
  readonly region: PtdumpFacts['regions'][number] | null;
  /** Of marker lines: the address at which the marker stands. */
  readonly marker: Hex | null;
}

/** Names of those requests: `pagewalk/info`… */
export type PagewalkRequestName = keyof PagewalkRequests;
