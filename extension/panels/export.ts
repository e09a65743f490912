/** What panels export: the format is asked for, and the text is opened, or written where it is too long for an editor. */
import * as vscode from 'vscode';
import type { PtdumpExportFormat } from '../../debug-adapter/protocol/ptdump-panel.ts';

/** Characters above which an editor is no place for a text. */
const editorLimit = 30_000_000;
const suffixes: Readonly<Record<PtdumpExportFormat, string>> = { text: 'txt', csv: 'csv', json: 'json' };

/** `details`: what each format holds. Undefined when the user cancels. */
export async function chooseFormat(
  details: Readonly<Record<PtdumpExportFormat, { readonly label: string; readonly detail: string }>>,
): Promise<PtdumpExportFormat | undefined> {
  const items = (['text', 'csv', 'json'] as const).map((format) => ({ ...details[format], format }));
  return (await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Export what is shown') }))?.format;
}

/** `text`: undefined while the page has not handed over all of it; nothing is done then. `language`: of the text form. */
export async function saveExport(text: string | undefined, format: PtdumpExportFormat, language: string): Promise<void> {
  if (text === undefined) return;
  if (text.length < editorLimit) {
    const content = { content: text, language: { text: language, csv: 'plaintext', json: 'json' }[format] };
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(content));
    return;
  }
  const suffix = suffixes[format];
  const target = await vscode.window.showSaveDialog({ filters: { [suffix]: [suffix] } });
  if (target !== undefined) await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(text));
}
