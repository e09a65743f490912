/** Lists that may have a million entries: a view asks for a part at a time, and has rows for the others. */
import * as vscode from 'vscode';

/** Entries that are asked for at once. */
export const entriesAtOnce = 1000;

/** A row that holds what lies behind the first `start` entries. */
export interface MoreNode {
  readonly kind: 'more';
  readonly start: number;
}

/** A row for what is not shown, where there is more. */
export function moreNodes({ start, more }: { readonly start: number; readonly more: boolean }): MoreNode[] {
  return more ? [{ kind: 'more', start: start + entriesAtOnce }] : [];
}

/** The row that shows those behind it when it is opened. */
export function moreItem({ start }: MoreNode): vscode.TreeItem {
  const item = new vscode.TreeItem(vscode.l10n.t('more…'), vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `more ${start}`;
  item.description = vscode.l10n.t('behind the first {0}', start);
  item.iconPath = new vscode.ThemeIcon('ellipsis');
  return item;
}

/** Parts of a list whose length is known. */
export function partsOf(length: number): { readonly start: number; readonly count: number }[] {
  return Array.from({ length: Math.ceil(length / entriesAtOnce) }, (_, index) => ({
    start: index * entriesAtOnce,
    count: Math.min(entriesAtOnce, length - index * entriesAtOnce),
  }));
}
