/**
 * The translation page: the walk of one address as a ladder, from the register that holds the root to the byte, with the
 * address's bits above it in the colours of the steps.
 */
import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { LevelFacts, TranslationFacts } from '../../debug-adapter/protocol/facts.ts';
import { pageSizeText } from '../../debug-adapter/protocol/page-size.ts';
import type { HostToPanel } from '../../debug-adapter/protocol/panel.ts';
import type { HostToWalk, WalkToHost } from '../../debug-adapter/protocol/walk-panel.ts';
import { pageHost } from '../panel/host.ts';
import { PanelPage } from '../panel/panel-page.ts';
import { bitFields } from './address-bits.ts';
import { belongingsOf } from './belongings.ts';

type Shown = Extract<HostToWalk, { kind: 'walk' }>;

interface PageState {
  readonly address: string;
  /** Empty for the session's own. */
  readonly mm: string;
}

const api = pageHost<WalkToHost, PageState>();
/** Tints that levels take in turn; walk.css has as many. */
const tints = 5;

class WalkElement extends PanelPage<HostToWalk, WalkToHost, PageState> {
  #shown: Shown | undefined;

  constructor() {
    super(api, { address: '', mm: '' });
  }

  protected override hear(message: Exclude<HostToWalk, HostToPanel>): void {
    this.#shown = message;
    this.problem = '';
    this.setKept({ address: message.walk.virtual, mm: message.mm });
  }

  protected override sessionChanged(): void {
    const { address, mm } = this.kept;
    // A page that was loaded anew shows what it showed before.
    if (this.live && this.#shown === undefined && address !== '') api.postMessage({ kind: 'show', expression: address, mm });
  }

  protected override render(): TemplateResult {
    if (this.session === undefined || (this.session.state === 'none' && this.#shown === undefined)) {
      return this.empty(l10n.t('walks through its page tables'));
    }
    return html`${this.#toolbar()}${this.endedBanner(l10n.t('This is a snapshot of what it showed.'))}
      <main>${this.#shown === undefined ? nothing : this.#ladder(this.#shown)}</main>
      <div class="status">
        ${this.problem === '' ? nothing : html`<span class="problem" role="alert">${this.problem}</span>`}
        ${this.#shown === undefined || this.#shown.mm === '' ? nothing : html`<span>${l10n.t('address space {0}', this.#shown.mm)}</span>`}
      </div>`;
  }

  #toolbar(): TemplateResult {
    return html`<div class="toolbar" role="toolbar" aria-label=${l10n.t('Walk')}>
      <vscode-textfield
        class="address-field"
        label=${l10n.t('Translate an address or expression')}
        placeholder=${l10n.t('0x… or expression')}
        title=${l10n.t('Translate an address or expression')}
        .value=${this.kept.address}
        @keydown=${this.#typed}
      ></vscode-textfield>
      <vscode-toolbar-button
        icon="file-binary"
        title=${l10n.t('Open memory at the address')}
        ?disabled=${!this.live || this.#shown === undefined}
        @click=${() => {
          this.#command('openMemory');
        }}
        >${l10n.t('Open memory')}</vscode-toolbar-button
      >
      <vscode-toolbar-button
        icon="list-flat"
        title=${l10n.t('Show the address in ptdump')}
        ?disabled=${!this.live || this.#shown === undefined}
        @click=${() => {
          this.#command('openPtdump');
        }}
        >${l10n.t('Show in ptdump')}</vscode-toolbar-button
      >
      <vscode-toolbar-button
        icon="copy"
        title=${l10n.t('Copy the walk as text')}
        label=${l10n.t('Copy the walk as text')}
        ?disabled=${this.#shown === undefined}
        @click=${this.#copy}
      ></vscode-toolbar-button>
    </div>`;
  }

  #ladder(shown: Shown): TemplateResult {
    const { walk, identify } = shown;
    const root = walk.levels[0]?.tableAddress;
    return html`<h1>${identify.summary}</h1>
      ${this.#bits(shown)}
      <ol class="ladder" aria-label=${l10n.t('Walk of {0}', walk.virtual)}>
        ${
          root === undefined
            ? nothing
            : html`<li class="step root">
                <span class="rung"><b>${walk.register ?? 'pgd'}</b></span>
                <div class="what"><span class="mono">${root}</span> <span class="muted">${l10n.t('root table, physical')}</span></div>
              </li>`
        }
        ${walk.levels.map((level, at) => this.#step(level, at, shown))} ${this.#end(walk)}
      </ol>
      ${this.#details(shown)}`;
  }

  #bits({ walk, addressBits }: Shown): TemplateResult {
    const fields = bitFields(walk, addressBits);
    return html`<div class="bits" role="group" aria-label=${l10n.t('Bits of the address')}>
      ${fields.map(({ level, label, high, low, bits, value }) => {
        const tint = level < 0 ? 'none' : `t${level % tints}`;
        const words = l10n.t('{0}: bits {1} to {2}, {3}', label, high, low, level < 0 ? `0x${value.toString(16)}` : String(value));
        return html`<div class="field ${tint}" style="flex-grow:${high - low + 1}" title=${words} role="img" aria-label=${words}>
          <span class="range">${high}${high === low ? '' : `–${low}`}</span>
          <span class="digits mono">${bits.replace(/\B(?=(?:.{4})+$)/g, '\u2009')}</span>
          <span class="label">${label}${level < 0 ? '' : ` [${String(value)}]`}</span>
        </div>`;
      })}
    </div>`;
  }

  #step(level: LevelFacts, at: number, { walk, mm }: Shown): TemplateResult {
    const lost = lostAt(walk, level.level);
    // An entry at which the walk ends allows nothing, whatever its bits are.
    const ends = at === walk.levels.length - 1 && walk.physical === null;
    return html`<li class="step ${level.defect === null ? '' : 'wrong'} ${ends ? 'broken' : ''}">
      <span class="rung t${at % tints}"><b>${level.level}</b><span class="mono">[${level.index}]</span></span>
      <div class="what">
        <span class="mono entry">${level.entry}</span>
        <span class="flags">${level.flags.length === 0 ? l10n.t('empty') : level.flags.join(' ')}</span>
        <span class="muted mono at">${l10n.t('at {0}', level.entryAddress)}</span>
        <span class="muted so-far" title=${l10n.t('Rights over the levels so far')}>${ends ? '' : rightsText(rightsSoFar(walk, at))}</span>
        <span class="losses"
          >${lost.map((words) => html`<span class="lost"><i class="codicon codicon-lock" aria-hidden="true"></i>${words}</span>`)}</span
        >
        ${level.defect === null ? nothing : html`<p class="finding"><i class="codicon codicon-warning" aria-hidden="true"></i> ${level.defect}</p>`}
      </div>
      <div class="go">
        <vscode-toolbar-button
          icon="file-binary"
          label=${l10n.t('Open the {0} table in memory', level.level)}
          title=${l10n.t('Open the {0} table in memory', level.level)}
          ?disabled=${!this.live}
          @click=${() => {
            api.postMessage({ kind: 'openPhysical', address: level.entryAddress });
          }}
        ></vscode-toolbar-button>
        <vscode-toolbar-button
          icon="list-tree"
          label=${l10n.t('Show the {0} entry in the page tables', level.level)}
          title=${l10n.t('Show the {0} entry in the page tables', level.level)}
          ?disabled=${!this.live}
          @click=${() => {
            api.postMessage({ kind: 'reveal', address: walk.virtual, mm });
          }}
        ></vscode-toolbar-button>
      </div>
    </li>`;
  }

  #end(walk: TranslationFacts): TemplateResult {
    const { physical, pfn, effective, cacheType, pageSize } = walk;
    if (physical === null)
      return html`<li class="step end gone">
        <span class="rung"><i class="codicon codicon-circle-slash" aria-hidden="true"></i></span>
        <div class="what"><b>${l10n.t('not mapped')}</b> <span>${walk.reason ?? l10n.t('no entry')}</span></div>
      </li>`;
    return html`<li class="step end">
      <span class="rung"><i class="codicon codicon-target" aria-hidden="true"></i></span>
      <div class="what">
        <b class="mono">${physical}</b> <span class="muted">${l10n.t('physical, page of {0}', pageSizeText(pageSize))}</span>
        ${effective === null ? nothing : html`<span class="effective ${effective.write && effective.execute ? 'wx' : ''}">${rightsText(effective)}</span>`}
        ${cacheType === null ? nothing : html`<span class="muted">${cacheType}</span>`}
        ${pfn === null ? nothing : html`<span class="muted mono">pfn 0x${pfn.toString(16)}</span>`}
      </div>
      <div class="go">
        <vscode-toolbar-button
          icon="file-binary"
          label=${l10n.t('Open physical memory')}
          title=${l10n.t('Open physical memory')}
          ?disabled=${!this.live}
          @click=${() => {
            api.postMessage({ kind: 'openPhysical', address: physical });
          }}
        ></vscode-toolbar-button>
      </div>
    </li>`;
  }

  #details({ identify }: Shown): TemplateResult | typeof nothing {
    const belongings = belongingsOf(identify.details);
    if (belongings.length === 0) return nothing;
    return html`<h2>${l10n.t('What it belongs to')}</h2>
      <ul>
        ${belongings.map((words) => html`<li>${words}</li>`)}
      </ul>`;
  }

  #command(command: 'openMemory' | 'openPtdump'): void {
    if (this.#shown !== undefined)
      api.postMessage({
        kind: 'command',
        command,
        address: this.#shown.walk.virtual,
        mm: this.#shown.mm === '' ? 'kernel' : this.#shown.mm,
      });
  }

  readonly #typed = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter') return;
    const expression = (event.currentTarget as HTMLInputElement).value.trim();
    if (expression === '') return;
    if (/^0x[0-9a-f]+$/i.test(expression) && BigInt(expression) >= 1n << 64n) {
      this.problem = l10n.t('{0} is beyond 64 bits.', expression);
      this.requestUpdate();
    } else api.postMessage({ kind: 'show', expression, mm: this.kept.mm });
  };

  readonly #copy = (): void => {
    if (this.#shown !== undefined) api.postMessage({ kind: 'copy', text: textOf(this.#shown) });
  };
}

/** What the entry of this level takes away from the whole. */
function lostAt({ effective }: TranslationFacts, level: string): string[] {
  if (effective === null) return [];
  return [
    ...(effective.writeLostAt === level ? [l10n.t('write is lost here')] : []),
    ...(effective.executeLostAt === level ? [l10n.t('execute is lost here')] : []),
    ...(effective.userLostAt === level ? [l10n.t('user access is lost here')] : []),
  ];
}

/** What the entries of the levels up to this one allow together. */
function rightsSoFar({ levels }: TranslationFacts, at: number): LevelFacts['rights'] {
  const above = levels.slice(0, at + 1).map(({ rights }) => rights);
  return {
    write: above.every(({ write }) => write),
    execute: above.every(({ execute }) => execute),
    user: above.every(({ user }) => user),
  };
}

/** The kernel's own letters. */
function rightsText({ write, execute, user }: LevelFacts['rights']): string {
  return `${write ? 'RW' : 'ro'} ${execute ? 'x' : 'NX'}${user ? ' USR' : ''}`;
}

function textOf({ walk, identify }: Shown): string {
  const lines = walk.levels.map(
    ({ level, index, entryAddress, entry, flags, defect }) =>
      `${level.padEnd(4)} [${String(index).padStart(3)}] at ${entryAddress.padEnd(14)} ${entry.padEnd(18)} ${flags.join(' ')}${defect === null ? '' : ` (${defect})`}`,
  );
  const end = walk.physical === null ? `not mapped: ${walk.reason ?? 'no entry'}` : `physical ${walk.physical}`;
  return [`${walk.virtual}  ${identify.summary}`, ...lines, end, ''].join('\n');
}

customElements.define('pagewalk-walk', WalkElement);
