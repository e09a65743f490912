/** What can be compared: page tables of the session's image or of another, and files that hold the kernel's text; and how they are chosen. */
import * as vscode from 'vscode';
import type { AddressSpaceFacts } from '../../debug-adapter/protocol/facts.ts';
import type { PagewalkPartRequests, PagewalkRequestName, PagewalkRequests } from '../../debug-adapter/protocol/requests.ts';
import { pickSpace } from '../space-picker.ts';
import type { AskForSpaces } from '../space-picker.ts';

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

/** Asks for page tables in parts: of the session, or of the image in the file `other`. */
function partsOf(ask: Ask, other?: string): AskForSpaces {
  return async (part) => {
    const spaces = await ask('pagewalk/addressSpaces', { ...part, ...(other === undefined ? {} : { other }) });
    return spaces as PagewalkPartRequests['pagewalk/addressSpaces']['body'];
  };
}

/** The session's page table that a command's argument names: `{ mm, user, moment }`, or a node of the page-table tree. */
export async function givenSide(ask: Ask, given: unknown): Promise<Side | undefined> {
  const mm = member(given, 'mm') ?? member(member(given, 'space'), 'id');
  if (typeof mm !== 'string') return undefined;
  const now = await sideNow(ask, mm, member(given, 'user') === true);
  const moment = member(given, 'moment');
  if (now === undefined || moment === undefined) return now;
  return (await sidesBefore(ask, now)).find((side) => side.moment === moment);
}

async function sideNow(ask: Ask, mm: string, user: boolean): Promise<Side | undefined> {
  const { count: start, found } = await ask('pagewalk/listCount', { list: 'addressSpaces', before: mm });
  if (!found) return undefined;
  const { spaces } = await partsOf(ask)({ start, count: 1 });
  return sidesOf(spaces).find((side) => side.user === user);
}

/** A page table of a scenario's machine as it was. */
async function sidesBefore(ask: Ask, of: Side): Promise<Side[]> {
  const { moments } = await ask('pagewalk/snapshot', {});
  return moments.map(({ name }) => ({ ...of, label: vscode.l10n.t('{0} at «{1}»', of.label, name), moment: name }));
}

/** The page table that `like` names (by default the kernel's) at the moments of the session's scenario. */
async function sidesOfMoments(ask: Ask, like?: Side): Promise<Side[]> {
  const of = (await sideNow(ask, like?.mm ?? 'kernel', like?.user === true)) ?? (await sideNow(ask, 'kernel', false));
  return of === undefined ? [] : sidesBefore(ask, of);
}

/** What page tables are chosen from, beside what any file holds. */
interface Choice {
  readonly ofSession: boolean;
  /** Path of an image. */
  readonly ofImage?: string | undefined;
}

/** Asks for one side: a page table, or a file. `to`: the side that it will be compared with, which is not offered. */
export async function pickSide(ask: Ask, { ofSession, ofImage }: Choice, to?: Side): Promise<Side | undefined> {
  const title = to === undefined ? vscode.l10n.t('Compare page tables') : vscode.l10n.t('Compare {0} with', to.label);
  const files: SideItem[] = [
    { label: `$(file-binary) ${vscode.l10n.t('Another image…')}`, file: 'image' },
    { label: `$(file-text) ${vscode.l10n.t('A text file of a page-table dump…')}`, file: 'text' },
  ];
  const offered = (sides: readonly Side[]): SideItem[] => sides.filter((side) => to === undefined || !isSame(side, to)).map(itemOf);
  const moments = ofSession ? offered(await sidesOfMoments(ask, to)) : [];
  const sources = [...(ofImage === undefined ? [] : [ofImage]), ...(ofSession ? [undefined] : [])];
  const pathOf = new WeakMap<AddressSpaceFacts, string>();
  const askBoth: AskForSpaces = async (part) => {
    const answers = await Promise.all(sources.map((path) => partsOf(ask, path)(part)));
    answers.forEach(({ spaces }, at) => {
      const path = sources[at];
      for (const space of spaces) if (path !== undefined) pathOf.set(space, path);
    });
    return { spaces: answers.flatMap(({ spaces }) => spaces), more: answers.some(({ more }) => more) };
  };
  const heading: SideItem = { label: vscode.l10n.t('Page tables'), kind: vscode.QuickPickItemKind.Separator };
  const picked = await pickSpace<SideItem>(askBoth, {
    title,
    placeHolder:
      to === undefined ? vscode.l10n.t('The page table to compare') : vscode.l10n.t('Another page table, another image, or a text file'),
    above: to === undefined ? [] : [...files, ...(sources.length === 0 ? [] : [heading])],
    itemsOf: (space) => offered(sidesOf([space], pathOf.get(space))),
    below: to === undefined ? [...moments, ...files] : moments,
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
  const parts = partsOf(ask, path);
  // The kernel's is the first.
  const { spaces } = await parts({ start: 0, count: 1 });
  if (spaces.length === 0) return { label: fileName(path), user: false, other: path };
  const like = to?.mm === undefined || to.mm === 'kernel' ? { mm: 'kernel', user: to?.user ?? false } : undefined;
  const kernel = sidesOf(spaces, path).find(({ mm, user }) => mm === like?.mm && user === like?.user);
  if (kernel !== undefined) return kernel;
  const title = vscode.l10n.t('Compare page tables');
  const placeHolder = vscode.l10n.t('The page table to compare');
  const picked = await pickSpace(parts, { title, placeHolder, itemsOf: (space) => sidesOf([space], path).map(itemOf) });
  return picked?.side;
}

function isSame(one: Side, other: Side): boolean {
  return one.mm === other.mm && one.user === other.user && one.other === other.other && one.moment === other.moment;
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
