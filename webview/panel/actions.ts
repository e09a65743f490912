/**
 * What the toolbar of a page does, as buttons as far as there is room: first with words, then by their icons alone, and what
 * still has no room in a menu behind an ellipsis.
 */
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import './more-menu.ts';
import { shownActions } from './shown-actions.ts';
import { wordsWidth } from './text-size.ts';

/** What a button of a toolbar, or an entry of its menu, does. */
export interface Action {
  /** Also the class of its button. */
  readonly name: string;
  readonly icon: string;
  /** What it does, in few words. */
  readonly label: string;
  readonly title: string;
  /** Whether the label stands beside the icon where there is room. */
  readonly words?: boolean;
  /** Whether it is in force; of what is turned on and off. */
  readonly checked?: boolean;
  readonly disabled?: boolean;
  readonly run: () => void;
}

/** The first are the most important. `room`: pixels of the page's toolbar that nothing else needs. */
export function actionsView(actions: readonly Action[], room: number): TemplateResult {
  const { count, words } = shownActions(
    room,
    actions.map(({ label, words: own }) => (own === true ? wordsWidth(label) : 0)),
  );
  const behind = actions.slice(count);
  return html`${actions.slice(0, count).map((action) => button(action, words))}
  ${behind.length === 0 ? nothing : html`<pagewalk-more .actions=${behind}></pagewalk-more>`}`;
}

function button({ name, icon, label, title, words, checked, disabled = false, run }: Action, roomForWords: boolean): TemplateResult {
  const written = words === true && roomForWords;
  return html`<vscode-toolbar-button
    class=${name}
    icon=${icon}
    label=${written ? nothing : label}
    title=${title}
    ?toggleable=${checked !== undefined}
    .checked=${checked ?? false}
    ?disabled=${disabled}
    @click=${disabled ? nothing : run}
    >${written ? label : nothing}</vscode-toolbar-button
  >`;
}
