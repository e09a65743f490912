/** Activation: registers everything that package.json contributes. No dump bytes pass through here. */
import * as vscode from 'vscode';
import { AnswerDocuments } from './documents/answer-documents.ts';
import { registerCommands } from './commands.ts';
import { registerDebugging } from './debugging/configurations.ts';
import { registerDumpEditor } from './documents/dump-editor.ts';
import { registerExamples } from './examples.ts';
import { FindingsTree } from './views/findings-tree.ts';
import { AddressHoverProvider, AddressExpressionProvider } from './documents/hover.ts';
import { LogLinkProvider } from './documents/kernel-log.ts';
import { registerLanguageClient } from './language-client.ts';
import { registerLogDocuments } from './documents/log-documents.ts';
import { PageTableTree } from './views/page-table-tree.ts';
import { PagemapScanTree } from './views/pagemap-scan-tree.ts';
import { ProcessTree } from './views/process-tree.ts';
import { registerPtdumpDocuments } from './documents/ptdump-documents.ts';
import { registerRevivedPanels } from './panels/revived-panels.ts';
import { registerScenarioDebugging } from './debugging/scenario-debugging.ts';
import { ScenarioProblemList } from './debugging/scenario-problems.ts';
import { SearchTree } from './views/search-tree.ts';
import { Sessions } from './debugging/sessions.ts';
import { StatusBar } from './debugging/status-bar.ts';
import { TerminalLinks } from './documents/terminal-links.ts';
import { VmallocTree } from './views/vmalloc-tree.ts';

export function activate(context: vscode.ExtensionContext): void {
  const sessions = new Sessions();
  const documents = new AnswerDocuments();
  const pageTables = new PageTableTree(sessions);
  const vmalloc = new VmallocTree(sessions);
  const everywhere: vscode.DocumentSelector = [{ scheme: '*' }];
  context.subscriptions.push(
    sessions,
    registerDebugging(context),
    registerLanguageClient(context),
    registerCommands(context, sessions, documents, pageTables),
    registerExamples(context),
    registerScenarioDebugging(sessions),
    new ScenarioProblemList(sessions),
    registerLogDocuments(sessions, documents),
    registerPtdumpDocuments(),
    vscode.workspace.registerTextDocumentContentProvider(AnswerDocuments.scheme, documents),
    pageTables,
    vscode.window.registerTreeDataProvider('pagewalk.vmalloc', vmalloc),
    vscode.window.registerTreeDataProvider('pagewalk.processes', new ProcessTree(sessions)),
    new FindingsTree(sessions),
    new StatusBar(sessions),
    vscode.window.registerTerminalLinkProvider(new TerminalLinks(sessions)),
    new PagemapScanTree(sessions),
    new SearchTree(sessions),
    vscode.languages.registerHoverProvider(everywhere, new AddressHoverProvider(sessions)),
    vscode.languages.registerDocumentLinkProvider({ language: 'dmesg' }, new LogLinkProvider(sessions)),
    vscode.languages.registerEvaluatableExpressionProvider(everywhere, new AddressExpressionProvider(sessions)),
    registerDumpEditor({ context, sessions, documents }),
    registerRevivedPanels(context, sessions, documents),
  );
}
