/** Commands of the palette, views and hovers. */
import * as vscode from 'vscode';
import { askForAddress } from './address-input.ts';
import type { AnswerDocuments } from './documents/answer-documents.ts';
import { imageConfiguration, pickImage } from './debugging/configurations.ts';
import { openKernelLog } from './documents/kernel-log.ts';
import { showPageCategories } from './documents/page-categories.ts';
import { loadPanels } from './panels/load-panels.ts';
import type { PageTableTree } from './views/page-table-tree.ts';
import type { Sessions } from './debugging/sessions.ts';

export function registerCommands(
  context: vscode.ExtensionContext,
  sessions: Sessions,
  documents: AnswerDocuments,
  pageTables: PageTableTree,
): vscode.Disposable {
  const command = (id: string, run: (argument: unknown) => unknown): vscode.Disposable => vscode.commands.registerCommand(id, run);
  return vscode.Disposable.from(
    command('pagewalk.openImage', async (argument) => {
      const image = argument instanceof vscode.Uri ? argument : await pickImage();
      if (image !== undefined) await vscode.debug.startDebugging(undefined, imageConfiguration(image));
    }),
    command('pagewalk.openPtdump', async (argument) => {
      const { PtdumpPanel } = await loadPanels();
      PtdumpPanel.open(context, sessions, { address: addressOf(argument), mm: spaceOf(argument) });
    }),
    command('pagewalk.identify', async () => {
      const address = await askWhich();
      if (address !== undefined) await (await loadPanels()).WalkPanel.open(context, sessions, { address, mm: undefined });
    }),
    command('pagewalk.showTranslation', async (argument) => {
      const address = addressOf(argument) ?? (await askWhich());
      if (address !== undefined) await (await loadPanels()).WalkPanel.open(context, sessions, { address, mm: spaceOf(argument) });
    }),
    command('pagewalk.openMemory', async (argument) => {
      const address = addressOf(argument) ?? (await askWhich());
      if (address === undefined) return;
      const { MemoryPanel } = await loadPanels();
      MemoryPanel.open(context, sessions, { address, mm: spaceOf(argument), physical: isPhysical(argument) });
    }),
    command('pagewalk.comparePageTables', async (argument) => {
      const { chooseSides, DiffPanel, withAsk } = await loadPanels();
      const sides = await withAsk(context, sessions, (ask) => chooseSides(ask, sessions, argument));
      if (sides !== undefined) DiffPanel.open(context, sessions, { documents, sides });
    }),
    command('pagewalk.comparePageTablesAsText', async (argument) => {
      const { chooseSides, compareAsText, withAsk } = await loadPanels();
      await withAsk(context, sessions, async (ask) => {
        const sides = await chooseSides(ask, sessions, argument);
        if (sides !== undefined) await compareAsText(ask, documents, sides);
      });
    }),
    vscode.commands.registerCommand('pagewalk.compareFiles', async (_clicked: unknown, selected: unknown) => {
      const { DiffPanel, sidesOfFiles, withAsk } = await loadPanels();
      const files = Array.isArray(selected) ? selected.filter((file) => file instanceof vscode.Uri) : [];
      const sides = await withAsk(context, sessions, (ask) => sidesOfFiles(ask, files));
      if (sides !== undefined) DiffPanel.open(context, sessions, { documents, sides });
    }),
    command('pagewalk.revealInPageTables', async (argument) => {
      const address = addressOf(argument) ?? (await askWhich());
      if (address !== undefined) await pageTables.reveal(address, spaceOf(argument));
    }),
    command('pagewalk.findVirtualAddresses', async (argument) => (await loadPanels()).findVirtualAddresses(sessions, documents, argument)),
    command('pagewalk.showPageCategories', () => showPageCategories(sessions, documents)),
    command('pagewalk.openKernelLog', () => openKernelLog(sessions, documents)),
    command('pagewalk.copyText', async (argument) => {
      const text = typeof argument === 'string' ? argument : addressOf(argument);
      if (text !== undefined) await vscode.env.clipboard.writeText(text);
    }),
  );
}

/** What a link or a row of a view is about; of a row of VS Code's own views of variables, where its value lies or points to. */
function addressOf(argument: unknown): string | undefined {
  if (typeof argument !== 'object' || argument === null) return undefined;
  if ('variable' in argument) return (argument.variable as { readonly memoryReference?: string } | undefined)?.memoryReference;
  return 'address' in argument && typeof argument.address === 'string' ? argument.address : undefined;
}

function spaceOf(argument: unknown): string | undefined {
  if (typeof argument !== 'object' || argument === null || !('mm' in argument)) return undefined;
  return typeof argument.mm === 'string' ? argument.mm : undefined;
}

/** Whether the address is a physical one; undefined where the argument does not say. */
function isPhysical(argument: unknown): boolean | undefined {
  if (addressOf(argument) === undefined) return undefined;
  return typeof argument === 'object' && argument !== null && 'physical' in argument && argument.physical === true;
}

function askWhich(): Promise<string | undefined> {
  return askForAddress(vscode.l10n.t('Identify an address'), '0xffff888000000000');
}
