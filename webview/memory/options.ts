/** What is chosen seldom: how bytes are written, the type that lies over them, and what is looked for. */
import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { HostToMemory } from '../../debug-adapter/protocol/memory-panel.ts';
import type { GroupSize, NumberForm } from './numbers.ts';
import type { PatternCheck } from './pattern-check.ts';

/** How the grid shows the bytes. */
export interface ViewOptions {
  /** Bytes of a row; 0: as many as there is room for. */
  readonly perRow: number;
  readonly group: GroupSize;
  readonly form: NumberForm;
  /** null: as the machine has it. */
  readonly littleEndian: boolean | null;
}

/** What the bar of options is drawn from. */
export interface OptionsModel {
  readonly options: ViewOptions;
  readonly type: string;
  readonly searching: boolean;
  readonly patternCheck: PatternCheck;
  readonly hits: Extract<HostToMemory, { kind: 'hits' }> | undefined;
  /** Which of them is shown. */
  readonly hitAt: number;
  readonly change: (change: Partial<ViewOptions>) => void;
  readonly lay: (type: string) => void;
  readonly search: (pattern: string) => void;
  readonly go: (by: number) => void;
}

interface Choice {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  readonly items: readonly (readonly [value: string, words: string])[];
}

export function optionsView(model: OptionsModel): TemplateResult {
  const { options, change } = model;
  const { perRow, group, form, littleEndian } = options;
  const numbers = (...each: readonly number[]): [string, string][] => each.map((one) => [String(one), String(one)]);
  const rows = { label: l10n.t('bytes in a row'), name: 'per-row', value: String(perRow) };
  const groups = { label: l10n.t('in a group'), name: 'group', value: String(group), items: numbers(1, 2, 4, 8) };
  const forms: Choice['items'] = [
    ['hex', l10n.t('hexadecimal')],
    ['unsigned', l10n.t('unsigned')],
    ['signed', l10n.t('signed')],
  ];
  const orders: Choice['items'] = [
    ['machine', l10n.t("the machine's")],
    ['little', l10n.t('little endian')],
    ['big', l10n.t('big endian')],
  ];
  const order = littleEndian === null ? 'machine' : littleEndian ? 'little' : 'big';
  return html`<div class="toolbar options" role="group" aria-label=${l10n.t('How bytes are written')}>
    ${choice({ ...rows, items: [['0', l10n.t('as fits')], ...numbers(8, 16, 32, 64)] }, (value) => {
      change({ perRow: Number(value) });
    })}
    ${choice(groups, (value) => {
      change({ group: Number(value) as GroupSize });
    })}
    ${choice({ label: l10n.t('written'), name: 'form', value: form, items: forms }, (value) => {
      change({ form: value as NumberForm });
    })}
    ${choice({ label: l10n.t('byte order'), name: 'order', value: order, items: orders }, (value) => {
      change({ littleEndian: value === 'machine' ? null : value === 'little' });
    })}
    <vscode-textfield
      class="type-field"
      label=${l10n.t('Type over the bytes at the cursor')}
      placeholder=${l10n.t('type, e.g. struct page')}
      title=${l10n.t('Lays a type over the bytes at the cursor')}
      .value=${model.type}
      @keydown=${entered(model.lay)}
    ></vscode-textfield>
    <vscode-textfield
      class="search-field"
      label=${l10n.t('Search')}
      placeholder=${l10n.t('search: 0x…, symbol, 48 8b ?? c3, "text"')}
      title=${l10n.t('Search all of the address space (Ctrl+F)')}
      .invalid=${model.patternCheck.problem !== ''}
      @input=${(event: Event) => {
        model.patternCheck.typed((event.currentTarget as HTMLInputElement).value.trim());
      }}
      @keydown=${entered(model.search)}
    ></vscode-textfield>
    ${found(model)}
  </div>`;
}

/** What stands in the field, when Enter is pressed. */
function entered(take: (text: string) => void): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.key !== 'Enter') return;
    const text = (event.currentTarget as HTMLInputElement).value.trim();
    if (text !== '') take(text);
  };
}

function choice({ label, name, value, items }: Choice, chosen: (value: string) => void): TemplateResult {
  return html`<label
    >${label}
    <select
      class=${name}
      @change=${(event: Event) => {
        chosen((event.currentTarget as HTMLSelectElement).value);
      }}
    >
      ${items.map(([id, words]) => html`<option value=${id} ?selected=${id === value}>${words}</option>`)}
    </select></label
  >`;
}

function found({ searching, patternCheck, hits: answer, hitAt, go }: OptionsModel): TemplateResult | typeof nothing {
  if (patternCheck.problem !== '') return html`<span class="problem" role="status">${patternCheck.problem}</span>`;
  if (searching) return html`<span class="muted" role="status">${l10n.t('searching…')}</span>`;
  if (answer?.problem !== null) return nothing;
  const { hits, complete } = answer;
  const count = complete ? String(hits.length) : l10n.t('the first {0}', hits.length);
  return html`<span class="muted found" role="status"
      >${hits.length === 0 ? l10n.t('found nowhere') : l10n.t('{0} of {1}', hitAt + 1, count)}</span
    ><vscode-toolbar-button
      icon="chevron-up"
      label=${l10n.t('Previous')}
      title=${l10n.t('Previous (Shift+F3)')}
      @click=${() => {
        go(-1);
      }}
    ></vscode-toolbar-button
    ><vscode-toolbar-button
      icon="chevron-down"
      label=${l10n.t('Next')}
      title=${l10n.t('Next (F3)')}
      @click=${() => {
        go(1);
      }}
    ></vscode-toolbar-button>`;
}
