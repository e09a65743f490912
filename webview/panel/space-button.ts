/** The button that says whose address space a page shows, and lets another be chosen. */
import * as l10n from '@vscode/l10n';
import { html } from 'lit';
import type { TemplateResult } from 'lit';

/** `live`: whether there is a session to choose from. */
export function spaceButton({
  space,
  live,
  chooseSpace,
}: {
  readonly space: string;
  readonly live: boolean;
  readonly chooseSpace: () => void;
}): TemplateResult {
  return html`<button
    class="choice space"
    title=${l10n.t('Address space: {0}', space)}
    aria-label=${l10n.t('Address space: {0}', space)}
    ?disabled=${!live}
    @click=${chooseSpace}
  >
    <span class="label">${space}</span><i class="codicon codicon-chevron-down" aria-hidden="true"></i>
  </button>`;
}
