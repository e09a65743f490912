/**
 * What a session on a scenario tells beyond what a dump tells: what changed between its stops, moments to compare, and what
 * it stops at. Types only. A panel refreshes at each `stopped` and `invalidated` event (Sessions.onDidChange), and may then
 * ask `pagewalk/changes` for what to mark. A dump answers it too: nothing ever changes there (`since` is null).
 */
import type { FindingFacts, Hex } from './facts.ts';

/** Physical memory and page-table entries that differ between a moment and now. */
export interface ChangesFacts {
  /** Name of the moment that now is compared with; null where there is none: a dump, or before the first stop. */
  readonly since: string | null;
  /** Physical addresses, ascending, to the byte; neighbours are one range. At most `mostChangedRanges`. */
  readonly ranges: readonly { readonly start: Hex; readonly end: Hex }[];
  /** Bytes that differ, those of ranges that were left out too. */
  readonly bytes: number;
  /** Entries of the page tables of now, each told in the first address space that has it; the kernel's comes first. */
  readonly entries: readonly ChangedEntryFacts[];
  /** Whether ranges or entries were left out, being too many. */
  readonly truncated: boolean;
}

/** A page-table entry, or a run of such, that a scenario's step changed. */
export interface ChangedEntryFacts {
  /** Address space as `mm` takes it. */
  readonly mm: string;
  /** The half that user mode sees under page-table isolation. */
  readonly user: boolean;
  readonly level: string;
  /** Virtual addresses that the entry covers. */
  readonly start: Hex;
  readonly end: Hex;
  /** Physical address of the entry, and its bytes. */
  readonly entryAddress: Hex;
  readonly length: number;
  readonly before: Hex;
  readonly after: Hex;
  readonly flags: readonly string[];
}

/** A state of the machine that can be compared: `moment` of `pagewalk/ptdump` and `pagewalk/ptdumpDiff`, `since` of changes. */
export interface MomentFacts {
  /** What requests call it; unique. */
  readonly name: string;
  /** `stop`: of the stop before this one; `snapshot`: of the scenario's own `snapshot NAME`; `kept`: by `pagewalk/snapshot`. */
  readonly kind: 'start' | 'stop' | 'snapshot' | 'kept';
}

/** Something that the run stops at when its bytes change, until it is taken away. */
export interface WatchFacts {
  readonly id: string;
  /** As a person reads it: `pte entry of 0xffffc90000000000`. */
  readonly label: string;
}

/** What to watch: bytes at an address, or the entry of a level (by default of the last one there is) on the walk to it. */
export interface WatchQuestion {
  readonly kind: 'virtual' | 'physical' | 'entry';
  readonly address: Hex;
  /** Bytes, from 1 to 1 MiB; of an entry, its size. */
  readonly length?: number;
  readonly mm?: string;
  readonly level?: string;
}

/** A place in the text of a scenario: lines and columns counted from 0, `end` behind the last character. */
export interface TextPlace {
  readonly start: { readonly line: number; readonly character: number };
  readonly end: { readonly line: number; readonly character: number };
}

/** Something wrong in the machine of a scenario, or the failure of its run, at the statement that made it so. */
export interface ScenarioProblem {
  readonly kind: FindingFacts['kind'] | 'failure';
  /** `error` for what a CPU or the kernel would stumble over, `warning` for what is only dangerous. */
  readonly severity: 'error' | 'warning';
  /** A phrase that can stand alone. */
  readonly message: string;
  /** The statement that gave the entry its bytes; null where the machine booted so, or it was changed from outside. */
  readonly place: TextPlace | null;
}

/** Body of `pagewalk/scenarioProblems`, and of the event of that name, which a run without debugging sends before it ends. */
export interface ScenarioProblems {
  /** Path of the scenario; null of a dump, which has no problems of this kind. */
  readonly path: string | null;
  readonly problems: readonly ScenarioProblem[];
  /** Whether some were left out, being too many. */
  readonly truncated: boolean;
}
