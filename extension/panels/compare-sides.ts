/** What can be compared: page tables of the session's image or of another, and files that hold the kernel's text; and how they are chosen. */
import * as vscode from 'vscode';
import type { AddressSpaceFacts } from '../../debug-adapter/protocol/facts.ts';
import type { PagewalkRequestName, PagewalkRequests } from '../../debug-adapter/protocol/requests.ts';

/** One side of a comparison. */
export interface Side {
  readonly label: string;
  /** Absent of text. */
  readonly mm?: string | undefined;
  readonly user: boolean;
  /** Path of another image or of a text; absent for the session's image. */
  readonly other?: string | undefined;
  /** Of a scenario, the moment; absent for now. */
  readonly moment?: string | undefined;
}

/** Asks the session, or an adapter of our own. */
export type Ask = <Name extends PagewalkRequestName>(
  name: Name,
  parameters: PagewalkRequests[Name]['arguments'],
) => Promise<PagewalkRequests[Name]['body']>;

interface SideItem extends vscode.QuickPickItem {
  readonly side?: Side;
  /** What to ask the file dialog for. */
  readonly file?: 'image' | 'text';
}

/** The page tables of an image; without `path`, of the session's. */
export function sidesOf(spaces: readonly AddressSpaceFacts[], path?: string): Side[] {
  return spaces.flatMap((space) => {
    const label = path === undefined ? space.label : `${space.label} (${fileName(path)})`;
    const whole: Side = { label, mm: space.id, user: false, other: path };
    return space.userRoot === null ? [whole] : [whole, { ...whole, label: vscode.l10n.t('{0}, user half', label), user: true }];
  });
}

/** The page tables of the session as they are now, and of a scenario as the one that `like` names (by default the kernel's) was. */
export async function sidesOfSession(ask: Ask, like?: Side): Promise<Side[]> {
  const now = sidesOf((await ask('pagewalk/addressSpaces', {})).spaces);
  const { moments } = await ask('pagewalk/snapshot', {});
  const of = givenSide(now, { mm: like?.mm ?? 'kernel', user: like?.user }) ?? now[0];
  if (of === undefined) return now;
  return [...now, ...moments.map(({ name }): Side => ({ ...of, label: vscode.l10n.t('{0} at «{1}»', of.label, name), moment: name }))];
}

/** The side that a command's argument names: `{ mm, user, moment }`, or a node of the page-table tree. */
export function givenSide(sides: readonly Side[], given: unknown): Side | undefined {
  const mm = member(given, 'mm') ?? member(member(given, 'space'), 'id');
  const user = member(given, 'user') === true;
  const moment = member(given, 'moment');
  return sides.find((side) => side.mm === mm && side.user === user && side.moment === moment);
}

/** Asks for one side: one of `sides`, or a file. `to`: the side that it will be compared with. */
export async function pickSide(ask: Ask, sides: readonly Side[], to?: Side): Promise<Side | undefined> {
  const title = to === undefined ? vscode.l10n.t('Compare page tables') : vscode.l10n.t('Compare {0} with', to.label);
  const files: SideItem[] = [
    { label: `$(file-binary) ${vscode.l10n.t('Another image…')}`, file: 'image' },
    { label: `$(file-text) ${vscode.l10n.t('A text file of a page-table dump…')}`, file: 'text' },
  ];
  const spaces: SideItem[] =
    sides.length === 0 ? [] : [{ label: vscode.l10n.t('Page tables'), kind: vscode.QuickPickItemKind.Separator }, ...sides.map(itemOf)];
  const picked = await vscode.window.showQuickPick(to === undefined ? [...spaces.slice(1), ...files] : [...files, ...spaces], {
    title,
    placeHolder:
      to === undefined ? vscode.l10n.t('The page table to compare') : vscode.l10n.t('Another page table, another image, or a text file'),
    matchOnDescription: true,
  });
  if (picked?.file === undefined) return picked?.side;
  const [chosen] =
    (await vscode.window.showOpenDialog({
      title,
      openLabel: vscode.l10n.t('Compare'),
      canSelectMany: false,
      ...(picked.file === 'text'
        ? { filters: { [vscode.l10n.t('Page-table dumps')]: ['ptdump', 'txt'], [vscode.l10n.t('All files')]: ['*'] } }
        : {}),
    })) ?? [];
  return chosen === undefined ? undefined : sideOfFile(ask, chosen.fsPath, to);
}

/** What the file holds decides: text has no page table to choose; of an image, the kernel's matches the kernel's and text. */
export async function sideOfFile(ask: Ask, path: string, to?: Side): Promise<Side | undefined> {
  const { spaces } = await ask('pagewalk/addressSpaces', { other: path });
  if (spaces.length === 0) return { label: fileName(path), user: false, other: path };
  const sides = sidesOf(spaces, path);
  const like = to?.mm === undefined || to.mm === 'kernel' ? { mm: 'kernel', user: to?.user } : undefined;
  return (like === undefined ? undefined : givenSide(sides, like)) ?? pickOfImage(sides);
}

async function pickOfImage(sides: readonly Side[]): Promise<Side | undefined> {
  const placeHolder = vscode.l10n.t('The page table to compare');
  return (await vscode.window.showQuickPick(sides.map(itemOf), { placeHolder, matchOnDescription: true }))?.side;
}

function itemOf(side: Side): SideItem {
  return { label: side.label, ...(side.mm === undefined || side.label.startsWith(side.mm) ? {} : { description: side.mm }), side };
}

/** A side that a panel kept; undefined for anything else. */
export function keptSide(kept: unknown): Side | undefined {
  const [label, mm, user, other, moment] = ['label', 'mm', 'user', 'other', 'moment'].map((name) => member(kept, name));
  if (typeof label !== 'string') return undefined;
  return {
    label,
    user: user === true,
    ...(typeof mm === 'string' ? { mm } : {}),
    ...(typeof other === 'string' ? { other } : {}),
    ...(typeof moment === 'string' ? { moment } : {}),
  };
}

function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

/** A member of what a page or a kept state sent, which may be anything; undefined where there is none. */
export function member(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? (of as Readonly<Record<string, unknown>>)[name] : undefined;
}
