/** What shows a page is in a bundle of its own, which is read when the first page is wanted and not with the extension. */
import type * as all from './every-panel.ts';

export function loadPanels(): Promise<typeof all> {
  return import('./every-panel.ts');
}
