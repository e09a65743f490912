/** Messages between the extension host and the ptdump panel's page. Types only. */
import type { AddressSpaceFacts, FindingFacts, Hex, IdentifyFacts, ReverseMapFacts, TranslationFacts } from './facts.ts';
import type { VmallocBlockFacts } from './vmalloc.ts';
import type { HostToPanel, PanelToHost, TextPart } from './panel.ts';
import type { PtdumpLine } from './requests.ts';

/** Forms in which the lines of a panel are saved. */
export type PtdumpExportFormat = 'text' | 'csv' | 'json';

/** What the extension host tells the page-table dump's page. */
export type HostToPtdump =
  | HostToPanel
  /** `more`: there are others. */
  | { readonly kind: 'spaces'; readonly spaces: readonly AddressSpaceFacts[]; readonly more?: true }
  /** A page of lines; `total` is the whole count. `generation` echoes the request's. */
  | {
      readonly kind: 'lines';
      readonly generation: number;
      readonly start: number;
      readonly total: number;
      readonly lines: readonly PtdumpLine[];
    }
  /** What lines belong to; `line` echoes the request's. */
  | {
      readonly kind: 'owners';
      readonly generation: number;
      readonly owners: readonly { readonly line: number; readonly owner: string }[];
    }
  | { readonly kind: 'findings'; readonly generation: number; readonly findings: readonly FindingFacts[]; readonly problem: string | null }
  /** The entries of the page tables that are not as they were at the moment `since`. */
  | {
      readonly kind: 'changes';
      readonly since: string;
      readonly entries: readonly { readonly mm: string; readonly user: boolean; readonly start: Hex; readonly end: Hex }[];
    }
  /** The address space that was chosen. */
  | { readonly kind: 'space'; readonly mm: string; readonly user: boolean }
  | {
      readonly kind: 'details';
      readonly address: Hex;
      readonly identify: IdentifyFacts;
      readonly walk: TranslationFacts;
      /** The vmap_block that the address lies in. */
      readonly block: { readonly start: Hex; readonly facts: VmallocBlockFacts } | null;
    }
  /** Who maps a physical address: asked for by `whoMaps`, and by `pa:` in a filter. */
  | {
      readonly kind: 'mappings';
      readonly generation: number;
      readonly physical: Hex;
      readonly all: boolean;
      readonly result: ReverseMapFacts['results'][number] | null;
      readonly problem: string | null;
    }
  | { readonly kind: 'reveal'; readonly address: Hex; readonly mm?: string }
  | { readonly kind: 'export'; readonly format: PtdumpExportFormat };

/** What the page-table dump's page asks of the extension host. */
export type PtdumpToHost =
  | PanelToHost
  | { readonly kind: 'load'; readonly generation: number; readonly mm: string; readonly user: boolean }
  | {
      readonly kind: 'owners';
      readonly generation: number;
      readonly mm: string;
      readonly asked: readonly { readonly line: number; readonly address: Hex }[];
    }
  | { readonly kind: 'findings'; readonly generation: number; readonly mm: string }
  | { readonly kind: 'select'; readonly address: Hex; readonly mm: string }
  | { readonly kind: 'whoMaps'; readonly generation: number; readonly physical: Hex; readonly all: boolean }
  /** Asks for an address space; `space` follows. */
  | { readonly kind: 'chooseSpace' }
  /** An address or an expression to go to. */
  | { readonly kind: 'goTo'; readonly expression: string }
  /** Asks for the format; `save` follows. */
  | { readonly kind: 'chooseExport' }
  | ({ readonly kind: 'save'; readonly format: PtdumpExportFormat } & TextPart);
