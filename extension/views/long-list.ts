/** Lists that may have a million entries: a view asks for a part at a time, and has rows for the others. */
import * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';

/** Entries that are asked for at once. */
export const entriesAtOnce = 1000;

/** A part of a list whose length is known, asked for when it is opened. */
export interface PartNode {
  readonly kind: 'part';
  readonly start: number;
  readonly count: number;
}

/** A row that holds what lies behind the first `start` entries of a list whose length is not known. */
export interface MoreNode {
  readonly kind: 'more';
  readonly start: number;
}

/** That a list is being counted, or why it was not. */
export interface CountingNode {
  readonly kind: 'counting';
  readonly problem: string | undefined;
}

/** What is known of a long list by reading all of it: asked for once, until the session goes on. */
export class Counted<Facts> {
  readonly #ask: () => Promise<Facts>;
  readonly #changed: () => void;
  #state: { readonly facts?: Facts; readonly problem?: string; readonly known: Promise<void> } | undefined;

  /** `changed`: it is known now, or why it is not. */
  constructor(ask: () => Promise<Facts>, changed: () => void) {
    this.#ask = ask;
    this.#changed = changed;
  }

  /** Undefined while it is not known; `begin` has it counted. */
  get facts(): Facts | undefined {
    return this.#state?.facts;
  }

  /** The row that says how far it is; none when it is known. */
  get rows(): CountingNode[] {
    return this.facts === undefined ? [{ kind: 'counting', problem: this.#state?.problem }] : [];
  }

  forget(): void {
    this.#state = undefined;
  }

  /** Resolves when it is known, or why it is not. */
  async begin(): Promise<void> {
    if (this.#state !== undefined) {
      await this.#state.known;
      return;
    }
    let done = (): void => undefined;
    const known = new Promise<void>((resolve) => {
      done = resolve;
    });
    const asked = (this.#state = { known });
    const tell = (told: { readonly facts: Facts } | { readonly problem: string }): void => {
      // Whoever asked before the session changed hears nothing.
      if (this.#state === asked) {
        this.#state = { ...told, known };
        this.#changed();
      }
      done();
    };
    try {
      tell({ facts: await this.#ask() });
    } catch (error) {
      tell({ problem: messageOf(error) });
    }
  }
}

/** A row for what is not shown, where there is more. */
export function moreNodes({ start, more }: { readonly start: number; readonly more: boolean }): MoreNode[] {
  return more ? [{ kind: 'more', start: start + entriesAtOnce }] : [];
}

/** What comes behind the first rows of a list: its other parts; until it is counted, a row for all that is behind. */
export function restOf(counted: Counted<number>): (PartNode | MoreNode | CountingNode)[] {
  const { facts: length } = counted;
  if (length !== undefined) return partsOf(length).slice(1);
  void counted.begin();
  return [...moreNodes({ start: 0, more: true }), ...counted.rows];
}

/** Parts of a list whose length is known. */
export function partsOf(length: number): PartNode[] {
  return Array.from({ length: Math.ceil(length / entriesAtOnce) }, (_, index) => ({
    kind: 'part',
    start: index * entriesAtOnce,
    count: Math.min(entriesAtOnce, length - index * entriesAtOnce),
  }));
}

/** The row of what is not itself an entry. `list` tells it from those of other lists in the view. */
export function rowItem(node: PartNode | MoreNode | CountingNode, list = ''): vscode.TreeItem {
  switch (node.kind) {
    case 'part':
      return partItem(node, list);
    case 'more': {
      const item = new vscode.TreeItem(vscode.l10n.t('more…'), vscode.TreeItemCollapsibleState.Collapsed);
      item.id = `more ${node.start}`;
      item.description = vscode.l10n.t('behind the first {0}', node.start);
      item.iconPath = new vscode.ThemeIcon('ellipsis');
      return item;
    }
    case 'counting': {
      const { problem } = node;
      const item = new vscode.TreeItem(
        problem === undefined ? vscode.l10n.t('Counting…') : vscode.l10n.t('Not counted: {0}', problem),
        vscode.TreeItemCollapsibleState.None,
      );
      item.iconPath = new vscode.ThemeIcon(problem === undefined ? 'sync~spin' : 'warning');
      item.tooltip = problem ?? '';
      return item;
    }
  }
}

/** As VS Code's own view of variables names the parts of a long array. */
function partItem({ start, count }: Omit<PartNode, 'kind'>, list: string): vscode.TreeItem {
  const item = new vscode.TreeItem(`[${start}…${start + count - 1}]`, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `range ${list} ${start}`;
  item.iconPath = new vscode.ThemeIcon('list-tree');
  return item;
}
