/** Messages between the extension host and the page of any panel; each panel adds its own. Types only. */
import type { Hex } from './facts.ts';

/** What the extension host tells every page that belongs to a session. */
export type HostToPanel =
  /**
   * `ended`: the session is over, and the panel keeps what it has. `next`: the name of another session that could be shown
   * instead.
   */
  | { readonly kind: 'session'; readonly state: 'none' | 'live' | 'ended'; readonly name: string; readonly next: string | null }
  | { readonly kind: 'problem'; readonly message: string };

/** The session that a panel shows. */
export type PanelSession = Extract<HostToPanel, { kind: 'session' }>;

/** A text, or a part of a long one, which come in their order: number 0, which is left out of a whole text, begins a new one. */
export interface TextPart {
  readonly text: string;
  readonly part?: number;
  /** Others follow. */
  readonly more?: true;
}

/** What every page may ask of the extension host. */
export type PanelToHost =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'copy' } & TextPart)
  /** Goes to another panel. */
  | { readonly kind: 'command'; readonly command: PanelCommand; readonly address: Hex; readonly mm: string }
  /** Shows the other session that was offered. */
  | { readonly kind: 'follow' };

/** Commands of the extension, without its prefix, that pages may run on an address. */
export type PanelCommand = 'openMemory' | 'showTranslation' | 'openPtdump' | 'comparePageTables' | 'breakWhenChanged';
