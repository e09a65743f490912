/** Kernel logs as documents: outline and folding by report, reports in the Problems list, and what can be done with each. */
import * as vscode from 'vscode';
import type { AnswerDocuments } from './answer-documents.ts';
import { remarksOf } from './kernel-remarks.ts';
import type { KernelRemark } from './kernel-remarks.ts';
import { comparableText, reportsOf } from './kernel-reports.ts';
import type { KernelReport, PartKind } from './kernel-reports.ts';
import type { Sessions } from '../debugging/sessions.ts';

const language = 'dmesg';
/** Characters; a longer log is not a document that one edits or looks for reports in. */
const longest = 20_000_000;

interface ReportPlace {
  readonly uri: vscode.Uri;
  readonly line: number;
}

export function registerLogDocuments(sessions: Sessions, documents: AnswerDocuments): vscode.Disposable {
  const selector: vscode.DocumentSelector = { language };
  const problems = vscode.languages.createDiagnosticCollection('pagewalk-log');
  const show = (document: vscode.TextDocument): void => {
    if (document.languageId !== language) return;
    const { reports, remarks } = contentsOf(document);
    const found = [
      ...reports.map(({ title, severity, line }) => diagnosticOf(line, title, severity)),
      ...remarks.map(({ text, severity, line }) => diagnosticOf(line, text, severity)),
    ];
    problems.set(document.uri, found);
  };
  vscode.workspace.textDocuments.forEach(show);
  return vscode.Disposable.from(
    problems,
    vscode.languages.registerDocumentSymbolProvider(selector, {
      provideDocumentSymbols: (document) => reportsIn(document).map((report) => symbolOf(document, report)),
    }),
    vscode.languages.registerFoldingRangeProvider(selector, {
      provideFoldingRanges: (document) =>
        reportsIn(document).flatMap(({ first, last, parts }) =>
          [{ first, last }, ...parts]
            .filter((range) => range.last > range.first)
            .map((range) => new vscode.FoldingRange(range.first, range.last)),
        ),
    }),
    vscode.languages.registerCodeLensProvider(selector, new ReportLenses(sessions)),
    vscode.commands.registerCommand('pagewalk.compareReports', (place: ReportPlace) => compareReports(documents, place)),
    vscode.workspace.onDidOpenTextDocument(show),
    vscode.workspace.onDidChangeTextDocument(({ document }) => {
      show(document);
    }),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => {
      problems.delete(uri);
    }),
  );
}

interface LogContents {
  readonly version: number;
  readonly reports: readonly KernelReport[];
  readonly remarks: readonly KernelRemark[];
}

/** Found once a version of the document. */
const known = new WeakMap<vscode.TextDocument, LogContents>();

function contentsOf(document: vscode.TextDocument): LogContents {
  const { version } = document;
  const found = known.get(document);
  if (found?.version === version) return found;
  const text = document.getText();
  const lines = text.length > longest ? [] : text.split(/\r?\n/);
  const reports = reportsOf(lines);
  const contents: LogContents = { version, reports, remarks: remarksOf(lines, reports) };
  known.set(document, contents);
  return contents;
}

function reportsIn(document: vscode.TextDocument): readonly KernelReport[] {
  return contentsOf(document).reports;
}

function diagnosticOf(line: number, text: string, severity: KernelReport['severity']): vscode.Diagnostic {
  const level = severity === 'error' ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning;
  const diagnostic = new vscode.Diagnostic(new vscode.Range(line, 0, line, Number.MAX_SAFE_INTEGER), text, level);
  diagnostic.source = vscode.l10n.t('kernel');
  return diagnostic;
}

function symbolOf(document: vscode.TextDocument, report: KernelReport): vscode.DocumentSymbol {
  const range = (first: number, last: number): vscode.Range =>
    new vscode.Range(document.lineAt(first).range.start, document.lineAt(last).range.end);
  const { title, first, last, line, parts } = report;
  const symbol = new vscode.DocumentSymbol(title, '', vscode.SymbolKind.Event, range(first, last), range(line, line));
  symbol.children = parts.map(
    (part) =>
      new vscode.DocumentSymbol(
        partName(part.kind),
        '',
        vscode.SymbolKind.Field,
        range(part.first, part.last),
        range(part.first, part.first),
      ),
  );
  return symbol;
}

function partName(kind: PartKind): string {
  switch (kind) {
    case 'registers':
      return vscode.l10n.t('Registers');
    case 'calls':
      return vscode.l10n.t('Call trace');
    case 'modules':
      return vscode.l10n.t('Modules');
    case 'shadow':
      return vscode.l10n.t('Shadow memory');
  }
}

class ReportLenses implements vscode.CodeLensProvider {
  readonly #sessions: Sessions;
  readonly onDidChangeCodeLenses: vscode.Event<void>;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.onDidChangeCodeLenses = sessions.onDidChange;
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const live = this.#sessions.current !== undefined;
    return reportsIn(document).flatMap(({ line, fault }) => {
      const range = new vscode.Range(line, 0, line, 0);
      const compare = new vscode.CodeLens(range, {
        title: vscode.l10n.t('Compare with…'),
        tooltip: vscode.l10n.t('This report beside another one, without their time stamps'),
        command: 'pagewalk.compareReports',
        arguments: [{ uri: document.uri, line } satisfies ReportPlace],
      });
      if (fault === undefined || !live) return [compare];
      const what = fault.name === 'CR2' ? 'CR2' : vscode.l10n.t('address');
      const translate = new vscode.CodeLens(range, {
        title: vscode.l10n.t('Translate {0} {1}', what, fault.address),
        command: 'pagewalk.showTranslation',
        arguments: [{ address: fault.address }],
      });
      return [translate, compare];
    });
  }
}

/** Asks for the other report: one of the open logs', or the only other one at once. */
async function compareReports(documents: AnswerDocuments, place: ReportPlace): Promise<void> {
  const logs = vscode.workspace.textDocuments.filter(({ languageId }) => languageId === language);
  const all = logs.flatMap((document) => reportsIn(document).map((report) => ({ document, report })));
  const own = all.find(
    ({ document, report }) => document.uri.toString() === vscode.Uri.from(place.uri).toString() && report.line === place.line,
  );
  const others = all.filter((one) => one !== own);
  if (own === undefined) return;
  if (others.length === 0)
    throw new Error(vscode.l10n.t('There is no other report in the logs that are open; open another log to compare with.'));
  const name = (document: vscode.TextDocument): string => document.uri.path.slice(document.uri.path.lastIndexOf('/') + 1);
  const items = others.map((one) => ({ label: one.report.title, description: `${name(one.document)}:${one.report.line + 1}`, one }));
  const chosen = await vscode.window.showQuickPick(items, { title: vscode.l10n.t('Compare with'), matchOnDescription: true });
  if (chosen === undefined) return;
  const [left, right] = [own, chosen.one].map(({ document, report }) =>
    documents.add(`${name(document)}-${report.line + 1}.oops`, comparableText(document.getText().split(/\r?\n/), report)),
  );
  if (left === undefined || right === undefined) return;
  await vscode.commands.executeCommand('vscode.diff', left, right, `${own.report.title} ↔ ${chosen.one.report.title}`);
}
