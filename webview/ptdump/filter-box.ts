/** The filter's text box: what may be written is offered as one types, and what is wrong is said below it. */
import * as l10n from '@vscode/l10n';
import { html, LitElement, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import { completions } from './filter.ts';
import type { FilterProblem } from './filter.ts';
import { RegionTable } from './table.ts';

class FilterBoxElement extends LitElement {
  table = new RegionTable();
  text = '';
  problem: FilterProblem | undefined;
  #offers: readonly string[] = [];
  #from = 0;
  #chosen = -1;

  static override properties = { table: { attribute: false }, text: { attribute: false }, problem: { attribute: false } };

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult {
    const open = this.#offers.length > 0;
    const { problem, text } = this;
    return html`<input
        class=${problem === undefined ? 'filter' : 'filter wrong'}
        type="text"
        role="combobox"
        spellcheck="false"
        autocomplete="off"
        placeholder=${l10n.t('Filter: {0}', 'w+x  level:pmd  size>=2M  va:0x…  pa:0x…  owner:…  NX  text')}
        aria-label=${l10n.t('Filter')}
        aria-autocomplete="list"
        aria-expanded=${open ? 'true' : 'false'}
        aria-controls="filter-offers"
        aria-invalid=${problem === undefined ? 'false' : 'true'}
        aria-describedby=${problem === undefined ? nothing : 'filter-problem'}
        aria-activedescendant=${this.#chosen < 0 ? nothing : `offer-${this.#chosen}`}
        .value=${text}
        @input=${this.#typed}
        @keydown=${this.#key}
        @blur=${this.#close}
      />
      <ul id="filter-offers" role="listbox" aria-label=${l10n.t('What may be written')} ?hidden=${!open}>
        ${this.#offers.map(
          (offer, index) =>
            html`<li
              id="offer-${index}"
              role="option"
              aria-selected=${index === this.#chosen ? 'true' : 'false'}
              @mousedown=${(event: Event) => {
                event.preventDefault();
                this.#accept(offer);
              }}
            >
              ${offer}
            </li>`,
        )}
      </ul>
      ${
        problem === undefined || open
          ? nothing
          : html`<p id="filter-problem" role="alert">
              <code>${text.slice(0, problem.from)}<mark>${text.slice(problem.from, problem.to)}</mark>${text.slice(problem.to)}</code>
              ${problem.message}
            </p>`
      }`;
  }

  protected override updated(): void {
    this.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }

  get #input(): HTMLInputElement | null {
    return this.querySelector('input');
  }

  readonly #typed = (): void => {
    this.#offer(false);
    this.#tell();
  };

  /** Offers what fits the word before the caret; an empty word has offers only when they are asked for. */
  #offer(asked: boolean): void {
    const input = this.#input;
    if (input === null) return;
    const caret = input.selectionStart ?? input.value.length;
    const { from, offers } = completions(input.value, caret, this.table);
    this.#from = from;
    this.#offers = from < caret || asked ? offers : [];
    this.#chosen = -1;
    this.requestUpdate();
  }

  #accept(offer: string): void {
    const input = this.#input;
    if (input === null) return;
    const caret = input.selectionStart ?? input.value.length;
    const goesOn = /[:x]$/.test(offer) && /^(?:va|pa|owner):/.test(offer);
    input.setRangeText(goesOn ? offer : `${offer} `, this.#from, caret, 'end');
    this.#close();
    this.#tell();
  }

  #tell(): void {
    const text = this.#input?.value ?? '';
    this.text = text;
    this.dispatchEvent(new CustomEvent('filter', { detail: text }));
  }

  readonly #close = (): void => {
    this.#offers = [];
    this.#chosen = -1;
    this.requestUpdate();
  };

  readonly #key = (event: KeyboardEvent): void => {
    const { key } = event;
    if (key === ' ' && event.ctrlKey) {
      event.preventDefault();
      this.#offer(true);
      return;
    }
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      event.preventDefault();
      if (this.#offers.length === 0) {
        if (key === 'ArrowDown') this.dispatchEvent(new CustomEvent('leave'));
        return;
      }
      const count = this.#offers.length;
      this.#chosen = key === 'ArrowDown' ? (this.#chosen + 1) % count : this.#chosen <= 0 ? count - 1 : this.#chosen - 1;
      this.requestUpdate();
      return;
    }
    const chosen = this.#offers[this.#chosen];
    if ((key === 'Enter' || key === 'Tab') && chosen !== undefined) {
      event.preventDefault();
      this.#accept(chosen);
    } else if (key === 'Escape' || key === 'Enter') this.#close();
  };
}

customElements.define('pagewalk-filter', FilterBoxElement);

declare global {
  interface HTMLElementTagNameMap {
    'pagewalk-filter': FilterBoxElement;
  }
}
