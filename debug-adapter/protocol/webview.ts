/** Messages between the extension host and the ptdump panel's page. Types only. */
import type { AddressSpaceFacts, Hex, IdentifyFacts, TranslationFacts } from './facts.ts';
import type { PtdumpLine } from './requests.ts';

export type HostToPtdump =
  | { readonly kind: 'spaces'; readonly spaces: readonly AddressSpaceFacts[] }
  /** A page of lines; `total` is the whole count. `generation` echoes the request's. */
  | {
      readonly kind: 'lines';
      readonly generation: number;
      readonly start: number;
      readonly total: number;
      readonly lines: readonly PtdumpLine[];
    }
  | { readonly kind: 'details'; readonly address: Hex; readonly identify: IdentifyFacts; readonly walk: TranslationFacts }
  | { readonly kind: 'problem'; readonly message: string }
  /** Another session was started, or this one ended. */
  | { readonly kind: 'session'; readonly active: boolean }
  | { readonly kind: 'reveal'; readonly address: Hex };

export type PtdumpToHost =
  | { readonly kind: 'ready' }
  | { readonly kind: 'load'; readonly generation: number; readonly mm: string; readonly user: boolean }
  | { readonly kind: 'select'; readonly address: Hex; readonly mm: string }
  | { readonly kind: 'copy'; readonly text: string }
  | { readonly kind: 'export'; readonly text: string };
