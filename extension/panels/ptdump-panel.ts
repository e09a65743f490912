/**
 * The ptdump panel: hosts the page and answers its messages from one session, whichever is the active one. When that ends,
 * the page keeps what it has. One panel a session; opening it again reveals it.
 */
import * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type { IdentifyFacts } from '../../debug-adapter/protocol/facts.ts';
import type { VmallocFacts } from '../../debug-adapter/protocol/vmalloc.ts';
import type { PanelToHost } from '../../debug-adapter/protocol/panel.ts';
import type { HostToPtdump, PtdumpToHost } from '../../debug-adapter/protocol/ptdump-panel.ts';
import { askForAddress } from '../address-input.ts';
import { sidesOf } from './compare-sides.ts';
import { chooseFormat, saveExport } from './export.ts';
import { pickSpace, spacesAtOnce } from '../space-picker.ts';
import { ownerOf } from './owner-words.ts';
import { SessionPanel } from './session-panel.ts';
import type { PanelParts } from './session-panel.ts';
import { TextParts } from './text-parts.ts';
import type { Sessions } from '../debugging/sessions.ts';

const viewType = 'pagewalk.ptdump';
/** The first lines are few, so that they are there at once. */
const linesAtFirst = 400;
const linesAtOnce = 10_000;

interface PtdumpPlace {
  readonly address: string | undefined;
  readonly mm: string | undefined;
}

export class PtdumpPanel extends SessionPanel<HostToPtdump, PtdumpToHost> {
  static readonly #open = new Set<PtdumpPanel>();
  readonly #saved = new TextParts();
  #reveal: PtdumpPlace | undefined;
  #vmalloc: Promise<VmallocFacts> | undefined;

  constructor(parts: PanelParts) {
    super(parts, 'ptdump');
    PtdumpPanel.#open.add(this);
    this.panel.onDidDispose(() => {
      PtdumpPanel.#open.delete(this);
    });
  }

  static open(context: vscode.ExtensionContext, sessions: Sessions, at: PtdumpPlace): void {
    const wanted = sessions.current;
    let opened = [...PtdumpPanel.#open].find(({ session }) => wanted === undefined || session === undefined || session.id === wanted.id);
    if (opened === undefined) {
      const panel = vscode.window.createWebviewPanel(viewType, 'ptdump', vscode.ViewColumn.Active, { retainContextWhenHidden: true });
      opened = new PtdumpPanel({ panel, context, sessions });
    } else opened.panel.reveal();
    opened.#revealPlace(at);
  }

  /** After a reload of the window. */
  static revive(parts: PanelParts): void {
    parts.panel.title = 'ptdump';
    new PtdumpPanel(parts);
  }

  #revealPlace(at: PtdumpPlace): void {
    this.#reveal = at.address === undefined && at.mm === undefined ? undefined : at;
    if (this.ready) this.opened();
  }

  protected override opened(): void {
    const { address, mm } = this.#reveal ?? {};
    if (address !== undefined) this.post({ kind: 'reveal', address, ...(mm === undefined ? {} : { mm }) });
    else if (mm !== undefined) this.post({ kind: 'space', mm, user: false });
    this.#reveal = undefined;
  }

  protected override async answer(message: Exclude<PtdumpToHost, PanelToHost>): Promise<void> {
    switch (message.kind) {
      case 'load':
        await this.#sendLines(message);
        break;
      case 'owners':
        await this.#sendOwners(message);
        break;
      case 'findings':
        await this.#sendFindings(message);
        break;
      case 'select':
        await this.#sendDetails(message);
        break;
      case 'whoMaps':
        await this.#sendMappings(message);
        break;
      case 'chooseSpace':
        await this.#chooseSpace();
        break;
      case 'goTo':
        await this.#goTo(message.expression);
        break;
      case 'chooseExport':
        await this.#chooseExport();
        break;
      case 'save':
        await saveExport(this.#saved.add(message), message.format, 'ptdump');
        break;
    }
  }

  protected override async refresh(): Promise<void> {
    this.#vmalloc = undefined;
    const { spaces, more } = await this.requestPart('pagewalk/addressSpaces', { count: spacesAtOnce });
    this.post({ kind: 'spaces', spaces, ...(more && { more }) });
    const { since, entries } = await this.request('pagewalk/changes', {});
    const told = entries.map(({ mm, user, start, end }) => ({ mm, user, start, end }));
    this.post({ kind: 'changes', since: since ?? '', entries: since === null ? [] : told });
  }

  async #sendDetails({ address, mm }: Extract<PtdumpToHost, { kind: 'select' }>): Promise<void> {
    const { results } = await this.request('pagewalk/explain', { addresses: [address], mm });
    const [explained] = results;
    if (explained === undefined || explained === null) return;
    const { identify, walk } = explained;
    this.post({ kind: 'details', address, identify, walk, block: await this.#blockOf(identify) });
  }

  /** The block that the details name, with its bitmap; all areas are asked for once a stop. */
  async #blockOf({ details }: IdentifyFacts): Promise<Extract<HostToPtdump, { kind: 'details' }>['block']> {
    const named = details.find(({ kind }) => kind === 'vmap-block')?.['block'];
    if (typeof named !== 'string') return null;
    this.#vmalloc ??= this.request('pagewalk/vmallocAreas', {});
    const { areas, lazy, purging } = await this.#vmalloc;
    const area = [...areas, ...lazy, ...purging].find(({ block }) => block?.address === named);
    return area?.block === null || area === undefined ? null : { start: area.start, facts: area.block };
  }

  /** One of the session's address spaces, or a root table by its address. */
  async #chooseSpace(): Promise<void> {
    const root = { label: `$(edit) ${vscode.l10n.t('Root table at…')}`, alwaysShow: true };
    const chosen = await pickSpace<vscode.QuickPickItem & { mm?: string | undefined; user?: boolean }>(
      (asked) => this.requestPart('pagewalk/addressSpaces', asked),
      {
        title: vscode.l10n.t('Address space'),
        itemsOf: (space) => sidesOf([space]).map(({ label, mm, user }) => ({ label, description: mm ?? '', mm, user })),
        below: [root],
      },
    );
    if (chosen === undefined) return;
    const mm = chosen === root ? await askForAddress(vscode.l10n.t('Physical address of a root table'), '0x1000') : chosen.mm;
    if (mm !== undefined) this.post({ kind: 'space', mm, user: chosen.user === true });
  }

  async #sendLines(asked: { generation: number; mm: string; user: boolean }): Promise<void> {
    const { generation, mm, user } = asked;
    let start = 0;
    for (;;) {
      const page = await this.request('pagewalk/ptdump', { mm, user, start, count: start === 0 ? linesAtFirst : linesAtOnce });
      this.post({ kind: 'lines', generation, start, total: page.total, lines: page.lines });
      start += page.lines.length;
      if (page.lines.length === 0 || start >= page.total) return;
    }
  }

  async #sendOwners(message: Extract<PtdumpToHost, { kind: 'owners' }>): Promise<void> {
    const { results } = await this.request('pagewalk/explain', { addresses: message.asked.map(({ address }) => address), mm: message.mm });
    const owners = message.asked.map(({ line }, index) => ({ line, owner: ownerOf(results[index]?.identify, results[index]?.walk) }));
    this.post({ kind: 'owners', generation: message.generation, owners });
  }

  async #sendFindings({ generation, mm }: { generation: number; mm: string }): Promise<void> {
    try {
      const { findings } = await this.request('pagewalk/findings', { mm });
      this.post({ kind: 'findings', generation, findings, problem: null });
    } catch (error) {
      this.post({ kind: 'findings', generation, findings: [], problem: messageOf(error) });
    }
  }

  async #sendMappings({ generation, physical, all }: Extract<PtdumpToHost, { kind: 'whoMaps' }>): Promise<void> {
    const answer = { kind: 'mappings', generation, physical, all } as const;
    try {
      const { results } = await this.request('pagewalk/reverseMap', { physical: [physical], all });
      this.post({ ...answer, result: results[0] ?? null, problem: null });
    } catch (error) {
      this.post({ ...answer, result: null, problem: messageOf(error) });
    }
  }

  /** The page knows addresses; the session evaluates anything else. */
  async #goTo(expression: string): Promise<void> {
    if (this.ended) throw new Error(vscode.l10n.t('The session has ended: only addresses can be gone to.'));
    this.post({ kind: 'reveal', address: await this.evaluatedAddress(expression) });
  }

  async #chooseExport(): Promise<void> {
    const format = await chooseFormat({
      text: { label: vscode.l10n.t("The kernel's text"), detail: vscode.l10n.t('As debugfs prints it') },
      csv: { label: 'CSV', detail: vscode.l10n.t('One line a region, with its columns') },
      json: { label: 'JSON', detail: vscode.l10n.t('As «pagewalk ptdump --json» prints it') },
    });
    if (format !== undefined) this.post({ kind: 'export', format });
  }
}
