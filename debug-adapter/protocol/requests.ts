/**
 * Pagewalk's own debug-adapter requests: name, arguments, answer. The extension sends them with
 * `session.customRequest`; any DAP client may. Types only.
 */
import type { AddressSpaceFacts, Hex, IdentifyFacts, InfoFacts, PtdumpFacts, TableFacts, TranslationFacts, VmallocFacts } from './facts.ts';

export interface PagewalkRequests {
  'pagewalk/info': { arguments: Record<string, never>; body: InfoFacts };
  'pagewalk/identify': { arguments: { addresses: readonly Hex[]; mm?: string }; body: { results: readonly IdentifyFacts[] } };
  'pagewalk/translate': { arguments: { addresses: readonly Hex[]; mm?: string }; body: { results: readonly TranslationFacts[] } };
  /** Without `tableAddress`, the root table of the address space. `level` is the level's name. */
  'pagewalk/tableEntries': {
    arguments: { mm?: string; user?: boolean; tableAddress?: Hex; level?: string; virtualBase?: Hex };
    body: TableFacts;
  };
  /** The text's lines and the regions behind them, paged: `start` and `count` count lines; `total` is known in every answer. */
  'pagewalk/ptdump': {
    arguments: { mm?: string; user?: boolean; range?: { start: Hex; end: Hex }; start?: number; count?: number };
    body: PtdumpPage;
  };
  'pagewalk/vmallocAreas': { arguments: Record<string, never>; body: VmallocFacts };
  'pagewalk/addressSpaces': { arguments: Record<string, never>; body: { spaces: readonly AddressSpaceFacts[] } };
}

export interface PtdumpPage {
  readonly total: number;
  readonly start: number;
  readonly lines: readonly PtdumpLine[];
}

export interface PtdumpLine {
  /** The kernel's text without its newline. */
  readonly text: string;
  /** Absent for marker lines. */
  readonly region: PtdumpFacts['regions'][number] | null;
  /** Of marker lines: the address at which the marker stands. */
  readonly marker: Hex | null;
}

export type PagewalkRequestName = keyof PagewalkRequests;
