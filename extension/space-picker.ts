/** Picks one of a list that may be as long as a machine has processes: the first entries are listed, and what is typed is asked for. */
import * as vscode from 'vscode';
import { messageOf } from '../debug-adapter/protocol/error-message.ts';
import type { PagewalkPartRequests } from '../debug-adapter/protocol/requests.ts';

type Spaces = PagewalkPartRequests['pagewalk/addressSpaces'];

/** Asks a session for a part of its address spaces. */
export type AskForSpaces = (parameters: Spaces['arguments'] & { readonly count: number }) => Promise<Spaces['body']>;

/** Address spaces that a picker lists and a page knows by name. */
export const spacesAtOnce = 1000;

interface Choice<Item extends vscode.QuickPickItem> {
  readonly title: string;
  readonly placeHolder?: string;
  /** Items that are always there, above and below the address spaces. */
  readonly above?: readonly Item[];
  readonly below?: readonly Item[];
  /** The items of an address space. */
  readonly itemsOf: (space: Spaces['body']['spaces'][number]) => readonly Item[];
}

/** Undefined when the user cancels. Rejects where the session refuses. */
export async function pickSpace<Item extends vscode.QuickPickItem>(ask: AskForSpaces, choice: Choice<Item>): Promise<Item | undefined> {
  const { title, placeHolder, above = [], below = [], itemsOf } = choice;
  const first = await ask({ start: 0, count: spacesAtOnce });
  const itemsFrom = ({ spaces }: Spaces['body']): Item[] => [...above, ...spaces.flatMap(itemsOf), ...below];
  const pick = vscode.window.createQuickPick<Item>();
  Object.assign(pick, { title, placeholder: placeHolder ?? vscode.l10n.t('Number or name of a process'), matchOnDescription: true });
  pick.items = itemsFrom(first);
  return new Promise((resolve) => {
    let asked = '';
    const list = async (filter: string): Promise<void> => {
      asked = filter;
      pick.busy = true;
      try {
        const answer = filter === '' ? first : await ask({ start: 0, count: spacesAtOnce, filter });
        if (asked === filter) pick.items = itemsFrom(answer);
      } catch (error) {
        // What is listed stays, and VS Code goes on to filter it.
        if (asked === filter) pick.title = `${title}: ${messageOf(error)}`;
      }
      if (asked === filter) pick.busy = false;
    };
    pick.onDidChangeValue((text) => {
      // VS Code filters what is listed; only where that is not all is the session asked.
      if (first.more) void list(text.trim());
    });
    pick.onDidAccept(() => {
      resolve(pick.selectedItems[0]);
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}
