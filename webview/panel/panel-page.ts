/**
 * What the page of every panel does: hears the host, keeps its state across reloads, and becomes a frozen snapshot when the
 * session ends. Renders into the document itself, so that the theme's variables and panel.css apply.
 */
import * as l10n from '@vscode/l10n';
import { html, LitElement, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { HostToPanel, PanelSession, PanelToHost } from '../../debug-adapter/protocol/panel.ts';
import type { PageHost } from './host.ts';
import { textSize, useFontOf } from './text-size.ts';
import type { TextSize } from './text-size.ts';

export abstract class PanelPage<Incoming extends { readonly kind: string }, Outgoing, State> extends LitElement {
  protected readonly host: PageHost<Outgoing | PanelToHost, State>;
  protected kept: State;
  protected session: PanelSession | undefined;
  /** The last thing that went wrong, for the status line. */
  protected problem = '';
  /** Of lists in the editor's font. */
  protected text: TextSize = textSize(document.body);
  /** VS Code gives themes and fonts as variables of the document. */
  readonly #styled = new MutationObserver(() => {
    this.#measure();
    this.requestUpdate();
  });

  /** `first`: the state of a page that has kept none. */
  constructor(host: PageHost<Outgoing | PanelToHost, State>, first: State) {
    super();
    this.host = host;
    this.kept = { ...first, ...host.getState() };
  }

  /** A message of this panel's own. */
  protected abstract hear(message: Exclude<Incoming, HostToPanel>): void;

  /** The session came, ended or was exchanged; `session` has it already. */
  protected sessionChanged(): void {
    // Most pages only draw it.
  }

  /** Something that was asked failed; `problem` says why. */
  protected failed(): void {
    // Most pages only draw it.
  }

  protected get live(): boolean {
    return this.session?.state === 'live';
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener('message', this.#receive);
    document.addEventListener('keydown', keepUsedKey);
    this.#styled.observe(document.documentElement, { attributeFilter: ['style'] });
    this.#measure();
    this.host.postMessage({ kind: 'ready' });
  }

  override disconnectedCallback(): void {
    window.removeEventListener('message', this.#receive);
    document.removeEventListener('keydown', keepUsedKey);
    this.#styled.disconnect();
    super.disconnectedCallback();
  }

  #measure(): void {
    this.text = textSize(this);
    useFontOf(this);
  }

  readonly #receive = ({ data }: MessageEvent<HostToPanel | Exclude<Incoming, HostToPanel>>): void => {
    if (isSession(data)) {
      this.session = data;
      this.sessionChanged();
    } else if (isProblem(data)) {
      this.problem = data.message;
      this.failed();
    } else this.hear(data);
    this.requestUpdate();
  };

  protected setKept(change: Partial<State>): void {
    this.kept = { ...this.kept, ...change };
    this.host.setState(this.kept);
  }

  /** Before the first session; `what` is what will then be seen, a sentence's subject. */
  protected empty(what: string): TemplateResult {
    return html`<div class="empty">
      <i class="codicon codicon-debug" aria-hidden="true"></i>
      <p>${l10n.t('No image is open.')}</p>
      <p>${l10n.t('Start a Pagewalk session (F5, or «Pagewalk: Open Image…»), and {0} appear here.', what)}</p>
    </div>`;
  }

  /** Says that the session has ended; `kept` tells what is left of it. */
  protected endedBanner(kept: string): TemplateResult | typeof nothing {
    if (this.session?.state !== 'ended') return nothing;
    const { name, next } = this.session;
    return html`<div class="banner" role="status">
      <i class="codicon codicon-history" aria-hidden="true"></i>
      <span>${l10n.t('The session «{0}» has ended.', name)} ${kept}</span>
      ${
        next === null
          ? nothing
          : html`<button
              @click=${() => {
                this.host.postMessage({ kind: 'follow' });
              }}
            >
              ${l10n.t('Show «{0}»', next)}
            </button>`
      }
    </div>`;
  }
}

/** A key that the page has used goes no further: VS Code hears keys at the window, and would run its own command as well. */
function keepUsedKey(event: KeyboardEvent): void {
  if (event.defaultPrevented) event.stopPropagation();
}

function isSession(message: { readonly kind: string }): message is PanelSession {
  return message.kind === 'session';
}

function isProblem(message: { readonly kind: string }): message is Extract<HostToPanel, { kind: 'problem' }> {
  return message.kind === 'problem';
}
