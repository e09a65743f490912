/** Messages between the extension host and the memory panel's page. Types only. */
import type { AddressSpaceFacts, Hex } from './facts.ts';
import type { MemoryPagesFacts, TypeLayoutFacts } from './memory-pages.ts';
import type { HostToPanel, PanelToHost } from './panel.ts';
import type { KcoreReadFacts } from './reads.ts';
import type { SearchHit } from './search.ts';

/** What a panel looks at. */
export interface MemoryPlace {
  readonly address: Hex;
  /** An address space's id, as `--mm` takes it. */
  readonly mm: string;
  /** The address is a physical one. */
  readonly physical: boolean;
}

/** What the extension host tells the memory page. */
export type HostToMemory =
  | HostToPanel
  /** Whether the session takes bytes; `stop` counts how often it has stopped. */
  | {
      readonly kind: 'opened';
      readonly spaces: readonly AddressSpaceFacts[];
      readonly writable: boolean;
      readonly watches: boolean;
      readonly stop: number;
    }
  /** `generation` and `address` echo the request's; `pages` is null where that failed. */
  | {
      readonly kind: 'pages';
      readonly generation: number;
      readonly address: Hex;
      readonly pages: MemoryPagesFacts | null;
      /** What /proc/kcore would have given, where that was asked for. */
      readonly kcore: KcoreReadFacts | null;
      readonly problem: string | null;
    }
  | { readonly kind: 'goTo'; readonly address: Hex; readonly mm?: string; readonly physical?: boolean }
  /** The address space that was chosen. */
  | { readonly kind: 'space'; readonly mm: string; readonly physical: boolean }
  | { readonly kind: 'layout'; readonly address: Hex; readonly layout: TypeLayoutFacts }
  /** What is wrong with a pattern that is being typed; null where it can be searched for. */
  | { readonly kind: 'patternChecked'; readonly pattern: string; readonly problem: string | null }
  | {
      readonly kind: 'hits';
      readonly pattern: string;
      readonly hits: readonly SearchHit[];
      /** Bytes of a hit. */
      readonly length: number;
      readonly complete: boolean;
      readonly problem: string | null;
    }
  /** Bytes were written, or were not. `address` echoes the request's. */
  | { readonly kind: 'written'; readonly address: Hex; readonly problem: string | null };

/** What the memory page asks of the extension host. */
export type MemoryToHost =
  | PanelToHost
  | ({
      readonly kind: 'load';
      readonly generation: number;
      readonly count: number;
      readonly kcore: boolean;
    } & MemoryPlace)
  /** An expression to go to; the page knows addresses itself. */
  | { readonly kind: 'evaluate'; readonly expression: string; readonly mm: string }
  | { readonly kind: 'chooseSpace' }
  /** Lays a type over the bytes at an address. */
  | { readonly kind: 'layout'; readonly type: string; readonly address: Hex }
  | { readonly kind: 'checkPattern'; readonly pattern: string }
  | { readonly kind: 'search'; readonly pattern: string; readonly mm: string; readonly physical: boolean }
  /** Base64. */
  | { readonly kind: 'write'; readonly address: Hex; readonly data: string; readonly mm: string }
  | { readonly kind: 'lock'; readonly locked: boolean }
  /** Another panel, at the same place. */
  | ({ readonly kind: 'another' } & MemoryPlace);
