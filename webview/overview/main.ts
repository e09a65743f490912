/**
 * The overview of a dump file: what died and why, the machine, the file, its memory as a picture, how every base was found,
 * and how many pages are of which kind; with what one can do next at the top.
 */
import '@vscode-elements/elements/dist/vscode-progress-bar/index.js';
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { InfoFacts, PageCategoriesFacts } from '../../debug-adapter/protocol/facts.ts';
import type {
  HostToOverview,
  OverviewFile,
  OverviewLink,
  OverviewQuestion,
  OverviewToHost,
  Progressing,
} from '../../debug-adapter/protocol/overview-panel.ts';
import type { HostToPanel } from '../../debug-adapter/protocol/panel.ts';
import { pageHost } from '../panel/host.ts';
import { PanelPage } from '../panel/panel-page.ts';
import { foundQuantities } from './evidence.ts';
import { deathPlace, fileRows, machineRows } from './fact-rows.ts';
import './memory-strip.ts';
import { categoryChart, evidenceTable, factList, warningList } from './sections.ts';
import { summaryText } from './summary.ts';
import { bytesText, countText, durationText } from './words.ts';

/** What is unfolded, by name. */
type Fold = 'report' | 'ranges' | 'header';

interface PageState {
  readonly unfolded: readonly Fold[];
  readonly scrolled: number;
}

const api = pageHost<OverviewToHost, PageState>();
/** Ranges of RAM that are listed one by one. */
const mostRanges = 500;

const links: readonly { readonly link: OverviewLink; readonly icon: string; readonly label: () => string }[] = [
  { link: 'ptdump', icon: 'list-flat', label: () => l10n.t('ptdump') },
  { link: 'vmalloc', icon: 'symbol-array', label: () => l10n.t('vmalloc') },
  { link: 'processes', icon: 'account', label: () => l10n.t('Processes') },
  { link: 'log', icon: 'output', label: () => l10n.t('Kernel log') },
  { link: 'compare', icon: 'diff', label: () => l10n.t('Compare with…') },
];

class OverviewElement extends PanelPage<HostToOverview, OverviewToHost, PageState> {
  #file: OverviewFile | undefined;
  #info: Progressing<InfoFacts> = { state: 'running', step: '', share: null };
  #pages: Progressing<PageCategoriesFacts> = { state: 'none', cancelled: false };
  #change: 'none' | 'changed' | 'gone' = 'none';
  /** Where the page was scrolled to, until there is something to scroll. */
  #scrollTo: number;

  constructor() {
    super(api, { unfolded: [], scrolled: 0 });
    this.#scrollTo = this.kept.scrolled;
  }

  protected override hear(message: Exclude<HostToOverview, HostToPanel>): void {
    switch (message.kind) {
      case 'file':
        this.#file = message.file;
        break;
      case 'info':
        this.#info = message.answer;
        this.problem = '';
        break;
      case 'pages':
        this.#pages = message.answer;
        break;
      case 'disk':
        this.#change = message.change;
        break;
    }
  }

  protected override updated(): void {
    const main = this.querySelector('main');
    if (main === null || this.#scrollTo === 0 || this.#info.state !== 'done') return;
    main.scrollTop = this.#scrollTo;
    this.#scrollTo = 0;
  }

  protected override render(): TemplateResult {
    return html`${this.#toolbar()}${this.#diskBanner()}
      <main @scroll=${this.#scrolled}>
        <header>
          <h1>${this.#file?.name ?? ''}</h1>
          <p class="muted path">${this.#file?.path ?? ''}</p>
        </header>
        ${this.#body()}
      </main>
      ${this.problem === '' ? nothing : html`<div class="status"><span class="problem" role="alert">${this.problem}</span></div>`}`;
  }

  #toolbar(): TemplateResult {
    const ready = this.#info.state === 'done';
    return html`<div class="toolbar" role="toolbar" aria-label=${l10n.t('What to do with the image')}>
      ${
        this.live
          ? this.#linkButton({ link: 'session', icon: 'debug', label: () => l10n.t('Show the session') }, '')
          : this.#linkButton({ link: 'debug', icon: 'debug-start', label: () => l10n.t('Debug this image') }, '')
      }
      ${links.map((link) => this.#linkButton(link, 'secondary'))}
      <button class="secondary copy" ?disabled=${!ready} @click=${this.#copySummary}>
        <i class="codicon codicon-copy" aria-hidden="true"></i>${l10n.t('Copy summary')}
      </button>
    </div>`;
  }

  #linkButton({ link, icon, label }: (typeof links)[number], kind: string): TemplateResult {
    return html`<button
      class="${kind} ${link}"
      ?disabled=${this.#info.state === 'refused'}
      @click=${() => {
        this.problem = '';
        this.requestUpdate();
        api.postMessage({ kind: 'open', link });
      }}
    >
      <i class="codicon codicon-${icon}" aria-hidden="true"></i>${label()}
    </button>`;
  }

  #diskBanner(): TemplateResult | typeof nothing {
    if (this.#change === 'none') return nothing;
    return html`<div class="banner" role="status">
      <i class="codicon codicon-history" aria-hidden="true"></i>
      <span>
        ${
          this.#change === 'gone'
            ? l10n.t('The file is no longer there; what it held when it was read is shown.')
            : l10n.t('The file has changed on disk since it was read.')
        }
      </span>
      ${this.#askButton('info', l10n.t('Read again'))}
    </div>`;
  }

  #body(): TemplateResult {
    switch (this.#info.state) {
      case 'running':
        return this.#progress('info', this.#info, l10n.t('Reading the dump'));
      case 'none':
        return html`<div class="note">
          <p>${l10n.t('Reading the dump was cancelled.')}</p>
          ${this.#askButton('info', l10n.t('Read it'))}
        </div>`;
      case 'refused':
        return this.#refusal(this.#info.message);
      case 'done':
        return this.#overview(this.#info.facts);
    }
  }

  #refusal(message: string): TemplateResult {
    return html`<div class="card refused" role="alert">
      <i class="codicon codicon-error" aria-hidden="true"></i>
      <div>
        <h2>${l10n.t('Pagewalk cannot read this file')}</h2>
        <p class="reason">${message}</p>
        <div class="buttons">
          ${this.#askButton('info', l10n.t('Try again'))}
          <button
            class="secondary text"
            @click=${() => {
              api.postMessage({ kind: 'open', link: 'text' });
            }}
          >
            ${l10n.t('Open as text')}
          </button>
        </div>
      </div>
    </div>`;
  }

  #overview(info: InfoFacts): TemplateResult {
    return html`${this.#death(info)} ${warningList(info.warnings)}
      <div class="pair">
        <section class="machine">
          <h2>${l10n.t('Machine')}</h2>
          ${factList(machineRows(info))}
        </section>
        <section class="file">
          <h2>${l10n.t('File')}</h2>
          ${factList(fileRows(info, this.#file))}
          ${
            info.header.length === 0
              ? nothing
              : this.#fold('header', l10n.t('All that its header says'), factList(info.header.map((fact) => ({ ...fact, mono: true }))))
          }
        </section>
      </div>
      <section class="memory">
        <h2>${l10n.t('Physical memory')}</h2>
        ${this.#memory(info)}
      </section>
      <section class="pages">
        <h2>${l10n.t('Pages by category')}</h2>
        ${this.#categories(info)}
      </section>
      <section class="found">
        <h2>${l10n.t('How every base was found')}</h2>
        ${evidenceTable(foundQuantities(info), copy)}
      </section>`;
  }

  #death({ log }: InfoFacts): TemplateResult {
    const { death, records, last, problem } = log;
    if (death !== null)
      return html`<div class="card death">
        <i class="codicon codicon-error" aria-hidden="true"></i>
        <div>
          <h2>${death.kind === 'panic' ? l10n.t('Kernel panic') : l10n.t('Oops')}</h2>
          <p class="reason mono">${death.reason}</p>
          <p class="where">${deathPlace(death)}</p>
          ${this.#fold('report', l10n.t('Its report'), html`<pre tabindex="0">${death.report.join('\n')}</pre>`)}
        </div>
      </div>`;
    if (records === 0 && problem !== null) return html`<p class="note">${l10n.t('The kernel log cannot be read: {0}', problem)}</p>`;
    return html`<p class="note no-death">
      <i class="codicon codicon-info" aria-hidden="true"></i>
      ${
        last === null
          ? l10n.t('The kernel log is empty.')
          : l10n.t(
              'No panic and no oops in the kernel log: {0} records, the last one {1} after boot.',
              countText(records),
              durationText(last),
            )
      }
    </p>`;
  }

  #memory({ memory }: InfoFacts): TemplateResult {
    if (memory.map.length === 0) return html`<p class="note">${l10n.t('The file names no RAM.')}</p>`;
    const told = memory.map.every(({ stored }) => stored !== null);
    const ranges = memory.ranges.slice(0, mostRanges);
    const rest = memory.ranges.length - ranges.length;
    const list = html`<table class="ranges">
        <thead>
          <tr>
            <th scope="col">${l10n.t('From')}</th>
            <th scope="col">${l10n.t('Up to')}</th>
            <th scope="col" class="figure">${l10n.t('Size')}</th>
          </tr>
        </thead>
        <tbody>
          ${ranges.map(
            ({ start, end }) =>
              html`<tr>
                <td class="mono">${start}</td>
                <td class="mono">${end}</td>
                <td class="figure">${bytesText(Number(BigInt(end) - BigInt(start)))}</td>
              </tr>`,
          )}
        </tbody>
      </table>
      ${rest === 0 ? nothing : html`<p class="muted">${l10n.t('and {0} more; pagewalk info lists them all', countText(rest))}</p>`}`;
    const rangesLabel =
      memory.ranges.length === 1 ? l10n.t('1 range of RAM') : l10n.t('{0} ranges of RAM', countText(memory.ranges.length));
    return html`<pagewalk-memory-strip .pieces=${memory.map} .nodes=${memory.nodes}></pagewalk-memory-strip>
      <ul class="legend" aria-label=${l10n.t('Legend')}>
        ${
          told
            ? html`<li><span class="swatch stored"></span>${l10n.t('in the file')}</li>
                <li><span class="swatch left-out"></span>${l10n.t('left out of the file')}</li>`
            : html`<li><span class="swatch untold"></span>${l10n.t('RAM; only reading tells whether it is in the file')}</li>`
        }
        <li><span class="swatch none"></span>${l10n.t('no RAM')}</li>
      </ul>
      ${this.#fold('ranges', rangesLabel, list)}`;
  }

  #categories({ memory }: InfoFacts): TemplateResult {
    const answer = this.#pages;
    switch (answer.state) {
      case 'running':
        return this.#progress('pages', answer, l10n.t('Counting pages'));
      case 'done':
        return categoryChart(answer.facts, memory.dumpLevel);
      case 'refused':
        return html`<div class="note">
          <p>${answer.message}</p>
          ${this.#askButton('pages', l10n.t('Try again'))}
        </div>`;
      case 'none':
        return html`<div class="note">
          <p>
            ${
              answer.cancelled
                ? l10n.t('Counting was cancelled.')
                : l10n.t('Every struct page of {0} is read for this, which takes a while.', bytesText(memory.bytes))
            }
          </p>
          ${this.#askButton('pages', l10n.t('Count pages'))}
        </div>`;
    }
  }

  #progress(what: OverviewQuestion, { step, share }: Extract<Progressing<unknown>, { state: 'running' }>, label: string): TemplateResult {
    const words = `${step === '' ? label : `${label}: ${step}`}${share === null ? '' : `, ${Math.floor(share * 100)} %`}`;
    return html`<div class="progress">
      <vscode-progress-bar aria-label=${label} .value=${share === null || share < 0.01 ? undefined : share * 100}></vscode-progress-bar>
      <p>
        <span class="words" role="status">${words}</span>
        <button
          class="secondary cancel"
          @click=${() => {
            api.postMessage({ kind: 'cancel', what });
          }}
        >
          ${l10n.t('Cancel')}
        </button>
      </p>
    </div>`;
  }

  #askButton(what: OverviewQuestion, label: string): TemplateResult {
    return html`<button
      class="ask"
      @click=${() => {
        api.postMessage({ kind: 'ask', what });
      }}
    >
      ${label}
    </button>`;
  }

  #fold(name: Fold, label: string, content: TemplateResult): TemplateResult {
    return html`<details
      class=${name}
      ?open=${this.kept.unfolded.includes(name)}
      @toggle=${(event: Event) => {
        const others = this.kept.unfolded.filter((one) => one !== name);
        this.setKept({ unfolded: (event.currentTarget as HTMLDetailsElement).open ? [...others, name] : others });
      }}
    >
      <summary>${label}</summary>
      ${content}
    </details>`;
  }

  readonly #scrolled = (event: Event): void => {
    this.setKept({ scrolled: (event.currentTarget as HTMLElement).scrollTop });
  };

  readonly #copySummary = (): void => {
    if (this.#info.state !== 'done') return;
    const pages = this.#pages.state === 'done' ? this.#pages.facts : undefined;
    copy(summaryText({ file: this.#file, info: this.#info.facts, pages }));
  };
}

function copy(text: string): void {
  api.postMessage({ kind: 'copy', text });
}

customElements.define('pagewalk-overview', OverviewElement);
