/** Messages between the extension host and the page of an image's overview. Types only. */
import type { InfoFacts, PageCategoriesFacts } from './facts.ts';
import type { HostToPanel, PanelToHost } from './panel.ts';

/** The file that is shown; null what its file system does not tell. */
export interface OverviewFile {
  readonly name: string;
  readonly path: string;
  readonly size: number | null;
  /** Milliseconds since 1970. */
  readonly modified: number | null;
}

/** How far an answer has come. */
export type Progressing<Facts> =
  /** Nobody has asked, or who asked cancelled it. */
  | { readonly state: 'none'; readonly cancelled: boolean }
  /** `step`: in words, empty at first. `share`: 0 to 1; null where it is not told. */
  | { readonly state: 'running'; readonly step: string; readonly share: number | null }
  | { readonly state: 'done'; readonly facts: Facts }
  | { readonly state: 'refused'; readonly message: string };

/** What the extension host tells the page that stands for a dump file. */
export type HostToOverview =
  /** Whether a session on this very image is open stands in `session`. */
  | HostToPanel
  | { readonly kind: 'file'; readonly file: OverviewFile }
  | { readonly kind: 'info'; readonly answer: Progressing<InfoFacts> }
  | { readonly kind: 'pages'; readonly answer: Progressing<PageCategoriesFacts> }
  /** What happened to the file since it was read. */
  | { readonly kind: 'disk'; readonly change: 'none' | 'changed' | 'gone' };

/** What can be done with the image; all but `log`, `compare`, `text` and `debug` start a session on it where none is open. */
export type OverviewLink = 'debug' | 'session' | 'ptdump' | 'vmalloc' | 'processes' | 'log' | 'compare' | 'text';

/** What the page that stands for a dump file asks of the extension host. */
export type OverviewToHost =
  | Extract<PanelToHost, { kind: 'ready' | 'copy' }>
  | { readonly kind: 'open'; readonly link: OverviewLink }
  /** Asks anew, or for the first time; cancels. */
  | { readonly kind: 'ask'; readonly what: OverviewQuestion }
  | { readonly kind: 'cancel'; readonly what: OverviewQuestion };

/** Answers that take time, and are asked for one by one. */
export type OverviewQuestion = 'info' | 'pages';
