/** Messages between the extension host and the translation panel's page. Types only. */
import type { Hex, IdentifyFacts, TranslationFacts } from './facts.ts';
import type { HostToPanel, PanelToHost } from './panel.ts';

/** What the extension host tells the page that draws one walk. */
export type HostToWalk =
  | HostToPanel
  | {
      readonly kind: 'walk';
      readonly mm: string;
      readonly identify: IdentifyFacts;
      readonly walk: TranslationFacts;
      /** Bits of an address. */
      readonly addressBits: 32 | 64;
    };

/** What the page that draws one walk asks of the extension host. */
export type WalkToHost =
  | PanelToHost
  /** An address or an expression to translate; `mm` as `--mm` takes it. */
  | { readonly kind: 'show'; readonly expression: string; readonly mm: string }
  /** Opens memory by a physical address. */
  | { readonly kind: 'openPhysical'; readonly address: Hex }
  /** Shows the entry in the view of page tables. */
  | { readonly kind: 'reveal'; readonly address: Hex; readonly mm: string };
