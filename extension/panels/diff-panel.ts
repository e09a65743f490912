/**
 * Two ptdumps side by side: hosts the page, and gives it the lines of both sides and what differs. A side of the session is
 * asked of the session; where both are files, an adapter of the panel's own is asked, and no session need be open.
 */
import * as vscode from 'vscode';
import type { DiffSideFacts, DiffSideName, DiffToHost, HostToDiff } from '../../debug-adapter/protocol/diff-panel.ts';
import type { PanelToHost } from '../../debug-adapter/protocol/panel.ts';
import { AdapterProcess } from '../debugging/adapter-process.ts';
import type { AnswerDocuments } from '../documents/answer-documents.ts';
import { compareAsText } from './compare.ts';
import { argumentsOf, changesOf, choiceOf } from './compare-requests.ts';
import type { Sides } from './compare-requests.ts';
import { keptSide, member, pickSide } from './compare-sides.ts';
import type { Ask, Side } from './compare-sides.ts';
import { chooseFormat, saveExport } from './export.ts';
import { ownerOf } from './owner-words.ts';
import { SessionPanel } from './session-panel.ts';
import type { PanelParts } from './session-panel.ts';
import { TextParts } from './text-parts.ts';
import type { Sessions } from '../debugging/sessions.ts';

const viewType = 'pagewalk.diff';
const linesAtOnce = 10_000;
const changesAtOnce = 5000;

export class DiffPanel extends SessionPanel<HostToDiff, DiffToHost> {
  readonly #documents: AnswerDocuments;
  readonly #own: AdapterProcess;
  readonly #askOwn: Ask = (name, parameters) => this.#own.request(name, parameters);
  readonly #saved = new TextParts();
  #sides: Sides;
  #generation = 0;

  private constructor(parts: PanelParts, documents: AnswerDocuments, sides: Sides) {
    super(parts, 'diff');
    this.#documents = documents;
    this.#sides = sides;
    this.#own = new AdapterProcess(parts.context);
    this.panel.onDidDispose(() => {
      this.#generation++;
      this.#own.dispose();
    });
    this.#name();
  }

  static open(context: vscode.ExtensionContext, sessions: Sessions, what: { documents: AnswerDocuments; sides: Sides }): void {
    const panel = vscode.window.createWebviewPanel(viewType, titleOf(what.sides), vscode.ViewColumn.Active, {
      retainContextWhenHidden: true,
    });
    new DiffPanel({ panel, context, sessions }, what.documents, what.sides);
  }

  /** After a reload of the window. `state`: what the page kept. */
  static revive(parts: PanelParts, documents: AnswerDocuments, state: unknown): void {
    const [first, second] = ['first', 'second'].map((name) => keptSide(member(state, name)));
    const kernel: Side = { label: vscode.l10n.t('kernel'), mm: 'kernel', user: false };
    new DiffPanel(parts, documents, { first: first ?? kernel, second: second ?? kernel });
  }

  protected override async answer(message: Exclude<DiffToHost, PanelToHost>): Promise<void> {
    switch (message.kind) {
      case 'choose':
        await this.#choose(message.side);
        break;
      case 'again':
        await this.#compare();
        break;
      case 'owners':
        await this.#sendOwners(message);
        break;
      case 'asText': {
        const { first, second } = this.#sides;
        await compareAsText(this.#ask(), this.#documents, message.swapped ? { first: second, second: first } : this.#sides);
        break;
      }
      case 'chooseExport': {
        const format = await chooseFormat({
          text: { label: vscode.l10n.t('Text'), detail: vscode.l10n.t('As a unified diff') },
          csv: { label: 'CSV', detail: vscode.l10n.t('One line a change') },
          json: { label: 'JSON', detail: vscode.l10n.t('As «pagewalk diff --json» prints it') },
        });
        if (format !== undefined) this.post({ kind: 'export', format });
        break;
      }
      case 'save':
        await saveExport(this.#saved.add(message), message.format, 'diff');
        break;
    }
  }

  protected override async refresh(): Promise<void> {
    if (this.#usesSession()) await this.#compare();
  }

  protected override opened(): void {
    if (!this.#usesSession()) void this.guarded(() => this.#compare());
  }

  #usesSession(): boolean {
    const { first, second } = this.#sides;
    return first.other === undefined || second.other === undefined;
  }

  #ask(): Ask {
    return this.#usesSession() ? (name, parameters) => this.request(name, parameters) : this.#askOwn;
  }

  #name(): void {
    this.setTitle(titleOf(this.#sides));
  }

  async #choose(name: DiffSideName): Promise<void> {
    const own = this.#sides[name];
    const to = this.#sides[name === 'first' ? 'second' : 'first'];
    const ofSession = this.session !== undefined && !this.ended;
    const ask: Ask = ofSession ? (asked, parameters) => this.request(asked, parameters) : this.#askOwn;
    const side = await pickSide(ask, { ofSession, ofImage: own.mm === undefined ? undefined : own.other }, to);
    if (side === undefined) return;
    this.#sides = { ...this.#sides, [name]: side };
    this.#name();
    await this.#compare();
  }

  async #compare(): Promise<void> {
    const generation = ++this.#generation;
    const sides = this.#sides;
    const ask = this.#ask();
    this.post({ kind: 'sides', generation, first: this.#sideFacts(sides.first), second: this.#sideFacts(sides.second) });
    for (const side of ['first', 'second'] as const) if (!(await this.#sendLines(ask, side, generation))) return;
    const facts = await ask('pagewalk/ptdumpDiff', argumentsOf(sides));
    const { addressBits, warnings } = facts;
    const changes = changesOf(sides, facts.changes);
    for (let start = 0; ; start += changesAtOnce) {
      if (generation !== this.#generation) return;
      const page = changes.slice(start, start + changesAtOnce);
      this.post({ kind: 'changes', generation, start, total: changes.length, changes: page, addressBits, warnings });
      if (start + page.length >= changes.length) return;
    }
  }

  /** False when another comparison has begun meanwhile. */
  async #sendLines(ask: Ask, side: DiffSideName, generation: number): Promise<boolean> {
    for (let start = 0; ;) {
      const page = await ask('pagewalk/ptdump', { ...choiceOf(this.#sides[side]), start, count: linesAtOnce });
      if (generation !== this.#generation) return false;
      this.post({ kind: 'lines', generation, side, start, total: page.total, lines: page.lines });
      start += page.lines.length;
      if (page.lines.length === 0 || start >= page.total) return true;
    }
  }

  #sideFacts(side: Side): DiffSideFacts {
    const { label, mm, other, moment } = side;
    const source = other ?? this.session?.name ?? '';
    const past = moment === undefined ? {} : { past: true as const };
    return { label, source, mm: mm ?? null, ofSession: other === undefined, ...past, place: side };
  }

  async #sendOwners({ generation, side, mm, asked }: Extract<DiffToHost, { kind: 'owners' }>): Promise<void> {
    const { results } = await this.request('pagewalk/identify', { addresses: asked.map(({ address }) => address), mm });
    const owners = asked.map(({ line }, index) => ({ line, owner: ownerOf(results[index]) }));
    this.post({ kind: 'owners', generation, side, owners });
  }
}

function titleOf({ first, second }: Sides): string {
  return `${first.label} ↔ ${second.label}`;
}
