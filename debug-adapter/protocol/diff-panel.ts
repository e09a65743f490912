/** Messages between the extension host and the page of two ptdumps side by side. Types only. */
import type { Hex, PtdumpChangeFacts } from './facts.ts';
import type { HostToPanel, PanelToHost, TextPart } from './panel.ts';
import type { PtdumpExportFormat } from './ptdump-panel.ts';
import type { PtdumpLine } from './requests.ts';

/** The sides in the order in which they were chosen; which of them the page shows on the left is its own affair. */
export type DiffSideName = 'first' | 'second';

/** What the panel shows above one side, and keeps to ask for it again. */
export interface DiffSideFacts {
  /** For people: the address space, and the file where it is not the session's. */
  readonly label: string;
  /** The file, or the session's name. */
  readonly source: string;
  /** The address space, as `--mm` takes it; null of a text. */
  readonly mm: string | null;
  /** Whether the session can be asked about its addresses. */
  readonly ofSession: boolean;
  /** Of a moment of the session that is past: what the session says of addresses is of now. */
  readonly past?: true;
  /** How to find the side again after a reload of the window; the page keeps it as it is. */
  readonly place: unknown;
}

/** What the extension host tells the comparison's page. */
export type HostToDiff =
  | HostToPanel
  /** A comparison begins. `generation` stands in every message about it. */
  | { readonly kind: 'sides'; readonly generation: number; readonly first: DiffSideFacts; readonly second: DiffSideFacts }
  | {
      readonly kind: 'lines';
      readonly generation: number;
      readonly side: DiffSideName;
      readonly start: number;
      readonly total: number;
      readonly lines: readonly PtdumpLine[];
    }
  /** What makes the second of the first, ascending; a page of it. The last page ends the comparison. */
  | {
      readonly kind: 'changes';
      readonly generation: number;
      readonly start: number;
      readonly total: number;
      readonly changes: readonly PtdumpChangeFacts[];
      readonly addressBits: 32 | 64;
      readonly warnings: readonly string[];
    }
  | {
      readonly kind: 'owners';
      readonly generation: number;
      readonly side: DiffSideName;
      readonly owners: readonly { readonly line: number; readonly owner: string }[];
    }
  | { readonly kind: 'export'; readonly format: PtdumpExportFormat };

/** What the comparison's page asks of the extension host. */
export type DiffToHost =
  | PanelToHost
  /** Asks what a side shall be. */
  | { readonly kind: 'choose'; readonly side: DiffSideName }
  /** Compares again: a file may have changed. */
  | { readonly kind: 'again' }
  | {
      readonly kind: 'owners';
      readonly generation: number;
      readonly side: DiffSideName;
      readonly mm: string;
      readonly asked: readonly { readonly line: number; readonly address: Hex }[];
    }
  /** The plain text of both in VS Code's own diff editor. */
  | { readonly kind: 'asText'; readonly swapped: boolean }
  | { readonly kind: 'chooseExport' }
  | ({ readonly kind: 'save'; readonly format: PtdumpExportFormat } & TextPart);
