/**
 * The extension host as a page sees it. The words of VS Code's display language come with the document, in the body's
 * `data-words`: pages say `l10n.t(…)` of @vscode/l10n.
 */
import { config } from '@vscode/l10n';
import type { l10nJsonFormat } from '@vscode/l10n';

/** Takes messages, and keeps one state for the page. */
export interface PageHost<Message, State> {
  postMessage(message: Message): void;
  /** What `setState` was given last, also before a reload of the window. */
  getState(): Partial<State> | undefined;
  setState(state: State): void;
}

declare function acquireVsCodeApi(): unknown;

/** To be called once a page: VS Code gives its interface once. */
export function pageHost<Message, State>(): PageHost<Message, State> {
  const { words } = document.body.dataset;
  if (words !== undefined) config({ contents: JSON.parse(words) as l10nJsonFormat });
  return acquireVsCodeApi() as PageHost<Message, State>;
}
