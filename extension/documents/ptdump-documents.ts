/** Page-table dumps as documents: outline and folding by marker, and hovers that tell what a line says, with no session needed. */
import * as vscode from 'vscode';
import { markerGroups, ptdumpLine } from './ptdump-lines.ts';
import type { MarkerGroup, PtdumpTextLine } from './ptdump-lines.ts';

const selector: vscode.DocumentSelector = { language: 'ptdump' };

export function registerPtdumpDocuments(): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.languages.registerFoldingRangeProvider(selector, {
      provideFoldingRanges: (document) =>
        groupsOf(document)
          .filter(({ first, last }) => last > first)
          .map(({ first, last }) => new vscode.FoldingRange(first, last, vscode.FoldingRangeKind.Region)),
    }),
    vscode.languages.registerDocumentSymbolProvider(selector, {
      provideDocumentSymbols: (document) =>
        groupsOf(document).map(({ name, first, last }) => {
          const head = document.lineAt(first).range;
          const detail = vscode.l10n.t('{0} lines', last - first);
          return new vscode.DocumentSymbol(name, detail, vscode.SymbolKind.Namespace, head.union(document.lineAt(last).range), head);
        }),
    }),
    vscode.languages.registerHoverProvider(selector, {
      provideHover: (document, { line }) => {
        const { range, text } = document.lineAt(line);
        const said = ptdumpLine(text);
        return said === undefined ? undefined : new vscode.Hover(hoverOf(said), range);
      },
    }),
  );
}

function groupsOf(document: vscode.TextDocument): MarkerGroup[] {
  return markerGroups(document.getText().split(/\r?\n/));
}

function hoverOf({ start, end, size, level, words, rights }: PtdumpTextLine): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  text.appendMarkdown(`**${rightsWords(rights)}**\n\n\`${start}\`–\`${end}\` · ${size}${level === '' ? '' : ` · ${level}`}\n\n`);
  for (const { word, meaning } of words)
    text.appendMarkdown(`- \`${word.replaceAll('`', '')}\` ${meaning === undefined ? '' : vscode.l10n.t(meaning)}\n`);
  if (rights === 'wx')
    text.appendMarkdown(
      `\n${vscode.l10n.t('Memory that is writable and executable is what the kernel’s own check (DEBUG_WX) warns of.')}\n`,
    );
  return text;
}

function rightsWords(rights: PtdumpTextLine['rights']): string {
  switch (rights) {
    case 'wx':
      return vscode.l10n.t('Writable and executable');
    case 'w':
      return vscode.l10n.t('Writable');
    case 'x':
      return vscode.l10n.t('Executable');
    case 'ro':
      return vscode.l10n.t('Read-only');
    case 'hole':
      return vscode.l10n.t('Nothing mapped');
  }
}
