/** Above the bytes: the ways back and forward, the address space, where to go, and what can be done at the cursor. */
import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import { actionsView } from '../panel/actions.ts';
import type { Action } from '../panel/actions.ts';
import { spaceButton } from '../panel/space-button.ts';

/** What the toolbar shows and does. */
export interface ToolbarModel {
  /** Pixels of the page. */
  readonly width: number;
  /** The address space that is shown. */
  readonly space: string;
  readonly address: string;
  /** Bytes of a group, and groups of a row. */
  readonly view: string;
  readonly optionsOpen: boolean;
  readonly canGoBack: boolean;
  readonly canGoForward: boolean;
  readonly live: boolean;
  readonly physical: boolean;
  /** Whether the session can stop when memory changes. */
  readonly watches: boolean;
  readonly kcore: boolean;
  readonly locked: boolean;
  readonly goBack: () => void;
  readonly goForward: () => void;
  readonly chooseSpace: () => void;
  readonly goToKey: (event: KeyboardEvent) => void;
  readonly toggleOptions: () => void;
  readonly follow: () => void;
  readonly showWalk: () => void;
  readonly watch: () => void;
  readonly toggleKcore: () => void;
  readonly toggleLock: () => void;
  readonly openAnother: () => void;
}

/** Pixels of the page below which how bytes are written is one of the actions. */
const narrowBelow = 560;
/** Pixels that the other controls need, with what lies between them. */
const others = { narrow: 260, wide: 490 };

/** One line, however narrow the page is. */
export function toolbar(model: ToolbarModel): TemplateResult {
  const { width, view, optionsOpen } = model;
  const narrow = width < narrowBelow;
  return html`<div class="toolbar one-line" role="toolbar" aria-label=${l10n.t('Memory')}>
    <vscode-toolbar-button
      icon="arrow-left"
      label=${l10n.t('Back')}
      title=${l10n.t('Back (Alt+Left)')}
      ?disabled=${!model.canGoBack}
      @click=${model.goBack}
    ></vscode-toolbar-button>
    <vscode-toolbar-button
      icon="arrow-right"
      label=${l10n.t('Forward')}
      title=${l10n.t('Forward (Alt+Right)')}
      ?disabled=${!model.canGoForward}
      @click=${model.goForward}
    ></vscode-toolbar-button>
    ${spaceButton(model)}
    <vscode-textfield
      class="address-field"
      label=${l10n.t('Go to an address or expression')}
      placeholder=${l10n.t('go to 0x… or expression')}
      title=${l10n.t('Go to an address or expression (Ctrl+G)')}
      .value=${model.address}
      @keydown=${model.goToKey}
    ></vscode-textfield>
    ${
      narrow
        ? nothing
        : html`<button
            class="choice view"
            title=${l10n.t('How bytes are written')}
            aria-label=${l10n.t('{0}: how bytes are written', view)}
            aria-expanded=${optionsOpen ? 'true' : 'false'}
            @click=${model.toggleOptions}
          >
            <span class="label">${view}</span><i class="codicon codicon-chevron-${optionsOpen ? 'up' : 'down'}" aria-hidden="true"></i>
          </button>`
    }
    ${actionsView(actions(model, narrow), width - (narrow ? others.narrow : others.wide))}
  </div>`;
}

function actions(model: ToolbarModel, withView: boolean): Action[] {
  const { live, physical, kcore, locked } = model;
  const view: Action = {
    name: 'view',
    icon: 'settings',
    label: l10n.t('{0}: how bytes are written', model.view),
    title: l10n.t('How bytes are written'),
    checked: model.optionsOpen,
    run: model.toggleOptions,
  };
  const watch: Action = {
    name: 'watch',
    icon: 'debug-breakpoint-data',
    label: l10n.t('Stop when this changes'),
    title: l10n.t('Stop when the bytes at the cursor, or the entry that maps them, change'),
    disabled: !live || physical,
    run: model.watch,
  };
  return [
    ...(withView ? [view] : []),
    {
      name: 'follow',
      icon: 'references',
      label: l10n.t('Follow'),
      title: l10n.t('Follow the pointer at the cursor (Enter)'),
      words: true,
      run: model.follow,
    },
    {
      name: 'walk',
      icon: 'type-hierarchy',
      label: l10n.t('Show walk'),
      title: l10n.t('Show how the address at the cursor is translated'),
      disabled: !live || physical,
      run: model.showWalk,
    },
    ...(model.watches ? [watch] : []),
    {
      name: 'kcore',
      icon: 'eye',
      label: '/proc/kcore',
      title: l10n.t("What the kernel's own /proc/kcore would give, with what differs marked"),
      words: true,
      checked: kcore,
      disabled: physical,
      run: model.toggleKcore,
    },
    {
      name: 'lock',
      icon: locked ? 'lock' : 'unlock',
      label: l10n.t('Lock'),
      title: l10n.t('Lock: «Open Memory» takes another panel'),
      checked: locked,
      run: model.toggleLock,
    },
    {
      name: 'another',
      icon: 'split-horizontal',
      label: l10n.t('Another memory panel here'),
      title: l10n.t('Another memory panel here'),
      run: model.openAnother,
    },
  ];
}
