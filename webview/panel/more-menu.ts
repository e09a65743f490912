/** What has no room in a toolbar: a button with an ellipsis, and the menu that it opens. */
import * as l10n from '@vscode/l10n';
import { html, LitElement, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { Action } from './actions.ts';

class MoreMenuElement extends LitElement {
  actions: readonly Action[] = [];
  #open = false;

  static override properties = { actions: { attribute: false } };

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult {
    const words = l10n.t('More actions');
    return html`<button
        class="icon more"
        aria-haspopup="menu"
        aria-expanded=${this.#open ? 'true' : 'false'}
        aria-label=${words}
        title=${words}
        @click=${() => {
          this.#show(!this.#open);
        }}
        @keydown=${this.#key}
      >
        <i class="codicon codicon-ellipsis" aria-hidden="true"></i>
      </button>
      ${this.#open ? this.#menu(words) : nothing}`;
  }

  #menu(label: string): TemplateResult {
    return html`<ul role="menu" aria-label=${label} @focusout=${this.#left}>
      ${this.actions.map(
        (action) =>
          html`<li
            class="${action.name}"
            role=${action.checked === undefined ? 'menuitem' : 'menuitemcheckbox'}
            tabindex="-1"
            aria-checked=${action.checked === undefined ? nothing : action.checked ? 'true' : 'false'}
            aria-disabled=${action.disabled === true ? 'true' : 'false'}
            title=${action.title}
            @keydown=${this.#key}
            @click=${() => {
              this.#choose(action);
            }}
          >
            <i class="codicon codicon-${action.checked === true ? 'check' : action.icon}" aria-hidden="true"></i>${action.label}
          </li>`,
      )}
    </ul>`;
  }

  get #items(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>('[role^=menuitem]')];
  }

  #show(open: boolean): void {
    this.#open = open;
    this.requestUpdate();
    void this.updateComplete.then(() => {
      if (open) this.#items[0]?.focus();
      else if (this.contains(document.activeElement)) this.#focusButton();
    });
  }

  #focusButton(): void {
    this.querySelector('button')?.focus();
  }

  #choose({ disabled, run }: Action): void {
    if (disabled === true) return;
    this.#focusButton();
    this.#show(false);
    run();
  }

  readonly #left = ({ relatedTarget }: FocusEvent): void => {
    if (relatedTarget instanceof Node && this.contains(relatedTarget)) return;
    this.#show(false);
  };

  readonly #key = (event: KeyboardEvent): void => {
    const items = this.#items;
    const at = items.indexOf(event.target as HTMLElement);
    const { key } = event;
    if (!this.#open) {
      if (key !== 'ArrowDown') return;
      this.#show(true);
    } else if (key === 'ArrowDown') items[(at + 1) % items.length]?.focus();
    else if (key === 'ArrowUp') items.at(at <= 0 ? -1 : at - 1)?.focus();
    else if (key === 'Home') items[0]?.focus();
    else if (key === 'End') items.at(-1)?.focus();
    else if (key === 'Escape') {
      this.#focusButton();
      this.#show(false);
    } else if ((key === 'Enter' || key === ' ') && at >= 0) {
      const action = this.actions[at];
      if (action !== undefined) this.#choose(action);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
}

customElements.define('pagewalk-more', MoreMenuElement);

declare global {
  interface HTMLElementTagNameMap {
    'pagewalk-more': MoreMenuElement;
  }
}
