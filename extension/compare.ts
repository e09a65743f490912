/** «Compare Page Tables…»: the kernel's texts of two page tables in VS Code's own diff editor, and in words what differs. */
import * as vscode from 'vscode';
import type { AddressSpaceFacts, PtdumpDiffFacts } from '../debug-adapter/protocol/facts.ts';
import type { PagewalkRequests } from '../debug-adapter/protocol/requests.ts';
import type { AnswerDocuments } from './answer-documents.ts';
import { isCancelled } from './sessions.ts';
import type { Sessions } from './sessions.ts';

/** One side: a page table of the session's image, of another image, or a file that holds the kernel's text. */
interface Side {
  readonly label: string;
  /** Absent for text. */
  readonly mm?: string | undefined;
  readonly user: boolean;
  /** Path of the other image or of the text; absent for the session's image. */
  readonly other?: string | undefined;
}

interface SideItem extends vscode.QuickPickItem {
  readonly side?: Side;
  /** What to ask the file dialog for. */
  readonly file?: 'image' | 'text';
}

const linesAtOnce = 5000;

/** `argument`: a node of the page-table tree, or `{ before: { mm }, after: { mm } | { file } }`; what is missing is asked for. */
export async function comparePageTables(sessions: Sessions, documents: AnswerDocuments, argument: unknown): Promise<void> {
  const { spaces } = await sessions.request('pagewalk/addressSpaces', {});
  const sides = spaces.flatMap((space) => sidesOf(space));
  const before = givenSide(sides, member(argument, 'before') ?? argument) ?? (await pickSide(sides));
  if (before === undefined) return;
  const given = member(argument, 'after');
  const file = member(given, 'file');
  const others = sides.filter((side) => side !== before);
  const after =
    givenSide(sides, given) ??
    (typeof file === 'string' ? await sideOfFile(sessions, file, before) : await pickOther(sessions, others, before));
  if (after === undefined) return;
  await showComparison(sessions, documents, { before, after });
}

async function showComparison(sessions: Sessions, documents: AnswerDocuments, of: { before: Side; after: Side }): Promise<void> {
  const { before, after } = of;
  const title = `${before.label} ↔ ${after.label}`;
  const uris = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t('Reading {0}', title), cancellable: true },
    async (_progress, token) => {
      const original = await documentOf(sessions, documents, { side: before, token });
      const modified = original && (await documentOf(sessions, documents, { side: after, token }));
      return original && modified && { original, modified };
    },
  );
  if (uris === undefined) return;
  await vscode.commands.executeCommand('vscode.diff', uris.original, uris.modified, title, { preview: true });
  let facts: PtdumpDiffFacts;
  try {
    facts = await sessions.request('pagewalk/ptdumpDiff', diffArguments(before, after));
  } catch (error) {
    if (isCancelled(error)) return;
    throw error;
  }
  const said = summary(facts);
  if (facts.becameWritableExecutable > 0) void vscode.window.showWarningMessage(said);
  else void vscode.window.showInformationMessage(said);
}

/** A file of text is shown itself; a page table's text is asked for. Undefined when the user cancels. */
async function documentOf(
  sessions: Sessions,
  documents: AnswerDocuments,
  of: { side: Side; token: vscode.CancellationToken },
): Promise<vscode.Uri | undefined> {
  const { mm, user, other, label } = of.side;
  if (other !== undefined && mm === undefined) return vscode.Uri.file(other);
  const lines: string[] = [];
  for (;;) {
    const page = await sessions.request('pagewalk/ptdump', {
      ...(mm === undefined ? {} : { mm }),
      ...(other === undefined ? {} : { other }),
      user,
      start: lines.length,
      count: linesAtOnce,
    });
    if (of.token.isCancellationRequested) return undefined;
    for (const { text } of page.lines) lines.push(text);
    if (page.lines.length === 0 || lines.length >= page.total) break;
  }
  return documents.add(`${label}.ptdump`, lines.map((line) => `${line}\n`).join(''));
}

function diffArguments(before: Side, after: Side): PagewalkRequests['pagewalk/ptdumpDiff']['arguments'] {
  const first = { ...(before.mm === undefined ? {} : { mm: before.mm }), user: before.user };
  const other = after.other === undefined ? {} : { other: after.other };
  return after.mm === undefined ? { ...first, ...other } : { ...first, ...other, otherMm: after.mm, otherUser: after.user };
}

/** How many changes of each kind; those of frames alone, which most architectures' texts do not show, by themselves. */
function summary({ added, removed, changed, becameWritableExecutable, changes }: PtdumpDiffFacts): string {
  if (changes.length === 0) return vscode.l10n.t('The page tables do not differ.');
  const frames = changes.filter(({ what }) => what.length === 1 && what[0] === 'frame').length;
  return [
    vscode.l10n.t('{0} added, {1} removed, {2} changed', added, removed, changed),
    ...(frames === 0 ? [] : [vscode.l10n.t('{0} of them only in the physical memory behind', frames)]),
    ...(becameWritableExecutable === 0 ? [] : [vscode.l10n.t('{0} became writable and executable', becameWritableExecutable)]),
  ].join('; ');
}

function sidesOf(space: AddressSpaceFacts, of?: { path: string }): Side[] {
  const name = of === undefined ? space.label : `${space.label} (${fileName(of.path)})`;
  const whole: Side = { label: name, mm: space.id, user: false, other: of?.path };
  return space.userRoot === null ? [whole] : [whole, { ...whole, label: vscode.l10n.t('{0}, user half', name), user: true }];
}

function givenSide(sides: readonly Side[], given: unknown): Side | undefined {
  // A node of the tree has the space itself.
  const mm = member(given, 'mm') ?? member(member(given, 'space'), 'id');
  const user = member(given, 'user') === true;
  return sides.find((side) => side.mm === mm && side.user === user);
}

async function pickSide(sides: readonly Side[]): Promise<Side | undefined> {
  const picked = await vscode.window.showQuickPick(sides.map(itemOf), {
    title: vscode.l10n.t('Compare page tables'),
    placeHolder: vscode.l10n.t('The page table to compare'),
    matchOnDescription: true,
  });
  return picked?.side;
}

async function pickOther(sessions: Sessions, sides: readonly Side[], before: Side): Promise<Side | undefined> {
  const items: SideItem[] = [
    { label: `$(file-binary) ${vscode.l10n.t('Another image…')}`, file: 'image' },
    { label: `$(file-text) ${vscode.l10n.t('A text file of a page-table dump…')}`, file: 'text' },
    { label: vscode.l10n.t('This image'), kind: vscode.QuickPickItemKind.Separator },
    ...sides.map(itemOf),
  ];
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Compare {0} with', before.label),
    placeHolder: vscode.l10n.t('Another page table, another image, or a text file'),
    matchOnDescription: true,
  });
  if (picked?.file === undefined) return picked?.side;
  const [chosen] =
    (await vscode.window.showOpenDialog({
      title: vscode.l10n.t('Compare {0} with', before.label),
      openLabel: vscode.l10n.t('Compare'),
      canSelectMany: false,
      ...(picked.file === 'text'
        ? { filters: { [vscode.l10n.t('Page-table dumps')]: ['ptdump', 'txt'], [vscode.l10n.t('All files')]: ['*'] } }
        : {}),
    })) ?? [];
  return chosen === undefined ? undefined : sideOfFile(sessions, chosen.fsPath, before);
}

/** What the file holds decides: text has no page table to choose; of an image, the kernel's matches the kernel's. */
async function sideOfFile(sessions: Sessions, path: string, before: Side): Promise<Side | undefined> {
  const { spaces } = await sessions.request('pagewalk/addressSpaces', { other: path });
  if (spaces.length === 0) return { label: fileName(path), user: false, other: path };
  const sides = spaces.flatMap((space) => sidesOf(space, { path }));
  return (before.mm === 'kernel' ? givenSide(sides, before) : undefined) ?? pickSide(sides);
}

function itemOf(side: Side): SideItem {
  return { label: side.label, ...(side.mm === undefined || side.label.startsWith(side.mm) ? {} : { description: side.mm }), side };
}

function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

function member(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? (of as Readonly<Record<string, unknown>>)[name] : undefined;
}
