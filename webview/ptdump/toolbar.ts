/** Above the list: the address space, the filter, where to go, and what can be done with what is listed. */
import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import * as l10n from '@vscode/l10n';
import { html } from 'lit';
import type { TemplateResult } from 'lit';
import { actionsView } from '../panel/actions.ts';
import type { Action } from '../panel/actions.ts';
import { spaceButton } from '../panel/space-button.ts';
import './filter-box.ts';
import type { FilterProblem } from './filter.ts';
import type { RegionTable } from './table.ts';

/** What the toolbar shows and does. */
export interface ToolbarModel {
  readonly page: HTMLElement;
  readonly table: RegionTable;
  /** The address space that is shown. */
  readonly space: string;
  readonly filter: string;
  readonly problem: FilterProblem | undefined;
  readonly holes: boolean;
  /** Where there is room for one field only: whether it is the one for addresses. */
  readonly goingTo: boolean;
  readonly live: boolean;
  readonly chooseSpace: () => void;
  readonly changeFilter: (event: CustomEvent<string>) => void;
  readonly leaveFilter: () => void;
  readonly goToKey: (event: KeyboardEvent) => void;
  readonly goTo: () => void;
  readonly leaveGoTo: () => void;
  readonly toggleHoles: () => void;
  readonly compare: () => void;
  readonly copy: () => void;
  readonly chooseExport: () => void;
}

/** Pixels of the page below which the toolbar has one field. */
const oneFieldBelow = 480;
/** Pixels that the other controls need: the address space, the fields, and what lies between them. */
const others = { oneField: 280, twoFields: 490 };

/** Whether the filter and the field for addresses share one place. */
export function hasOneField(page: HTMLElement): boolean {
  return page.clientWidth < oneFieldBelow;
}

/** One line, however narrow the page is. */
export function toolbar(model: ToolbarModel): TemplateResult {
  const { page } = model;
  const one = hasOneField(page);
  const room = page.clientWidth - (one ? others.oneField : others.twoFields);
  return html`<div class="toolbar one-line" role="toolbar" aria-label="ptdump">
    ${spaceButton(model)}
    <pagewalk-filter
      ?hidden=${one && model.goingTo}
      .table=${model.table}
      .text=${model.filter}
      .problem=${model.problem}
      @filter=${model.changeFilter}
      @leave=${model.leaveFilter}
    ></pagewalk-filter>
    <vscode-textfield
      class="jump"
      ?hidden=${one && !model.goingTo}
      label=${l10n.t('Go to an address or expression')}
      placeholder=${l10n.t('go to 0x… or expression')}
      title=${l10n.t('Go to an address or expression (Ctrl+G)')}
      @keydown=${model.goToKey}
      @focusout=${model.leaveGoTo}
    ></vscode-textfield>
    ${actionsView(actions(model, one), room)}
  </div>`;
}

function actions(model: ToolbarModel, withGoTo: boolean): Action[] {
  const goTo: Action = {
    name: 'go-to',
    icon: 'search',
    label: l10n.t('Go to an address or expression'),
    title: l10n.t('Go to an address or expression (Ctrl+G)'),
    run: model.goTo,
  };
  return [
    ...(withGoTo ? [goTo] : []),
    {
      name: 'holes',
      icon: 'eye',
      label: l10n.t('Holes'),
      title: l10n.t('Show every hole in a row of its own'),
      words: true,
      checked: model.holes,
      run: model.toggleHoles,
    },
    {
      name: 'compare',
      icon: 'diff',
      label: l10n.t('Compare…'),
      title: l10n.t('Compare with another page table, image or text…'),
      words: true,
      run: model.compare,
    },
    {
      name: 'copy',
      icon: 'copy',
      label: l10n.t('Copy the selected lines'),
      title: l10n.t('Copy the selected lines (Ctrl+C)'),
      run: model.copy,
    },
    {
      name: 'export',
      icon: 'export',
      label: l10n.t('Export what is shown'),
      title: l10n.t('Export what is shown…'),
      run: model.chooseExport,
    },
  ];
}
