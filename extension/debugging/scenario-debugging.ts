/** Debugging scenarios: run from the editor, values beside the text, hovers, and what the run stops at when it changes. */
import * as vscode from 'vscode';
import type { WatchQuestion } from '../../debug-adapter/protocol/scenario.ts';
import { addressOfToken } from '../address.ts';
import { askForAddress } from '../address-input.ts';
import { scenarioConfiguration, scenarioLanguage } from './configurations.ts';
import type { Sessions } from './sessions.ts';

export function registerScenarioDebugging(sessions: Sessions): vscode.Disposable {
  const selector = { language: scenarioLanguage };
  return vscode.Disposable.from(
    vscode.languages.registerCodeLensProvider(selector, { provideCodeLenses }),
    vscode.languages.registerInlineValuesProvider(selector, { provideInlineValues }),
    vscode.languages.registerEvaluatableExpressionProvider(selector, { provideEvaluatableExpression }),
    vscode.commands.registerCommand('pagewalk.debugScenario', (file: unknown) => startScenario(file, false)),
    vscode.commands.registerCommand('pagewalk.runScenario', (file: unknown) => startScenario(file, true)),
    vscode.commands.registerCommand('pagewalk.breakWhenChanged', (node: unknown) => breakWhenChanged(sessions, node)),
    vscode.commands.registerCommand('pagewalk.removeWatches', () => removeWatches(sessions)),
    sessions.onDidChange(() => {
      const isScenario = sessions.current?.configuration['scenario'] !== undefined;
      void vscode.commands.executeCommand('setContext', 'pagewalk.scenario', isScenario);
    }),
  );
}

async function startScenario(file: unknown, noDebug: boolean): Promise<void> {
  const uri = file instanceof vscode.Uri ? file : vscode.window.activeTextEditor?.document.uri;
  if (uri === undefined) return;
  const document = await vscode.workspace.openTextDocument(uri);
  if (document.isDirty) await document.save();
  await vscode.debug.startDebugging(vscode.workspace.getWorkspaceFolder(uri), scenarioConfiguration(uri), { noDebug });
}

function provideCodeLenses({ uri }: vscode.TextDocument): vscode.CodeLens[] {
  const top = new vscode.Range(0, 0, 0, 0);
  return [
    new vscode.CodeLens(top, { title: `$(debug-alt) ${vscode.l10n.t('Debug')}`, command: 'pagewalk.debugScenario', arguments: [uri] }),
    new vscode.CodeLens(top, { title: `$(play) ${vscode.l10n.t('Run')}`, command: 'pagewalk.runScenario', arguments: [uri] }),
  ];
}

const definition = /\b(?:let|for)\s+([A-Za-z_]\w*)|^\s*([A-Za-z_]\w*)\s*=(?!=)/g;

/** The variable of each definition that has been run, and those that the statement which is next uses. */
function provideInlineValues(
  document: vscode.TextDocument,
  viewport: vscode.Range,
  context: vscode.InlineValueContext,
): vscode.InlineValue[] {
  const stopped = context.stoppedLocation.start.line;
  const values: vscode.InlineValue[] = [];
  const defined = new Set<string>();
  const add = (line: number, name: string, from: number): void => {
    values.push(new vscode.InlineValueVariableLookup(new vscode.Range(line, from, line, from + name.length), name, true));
  };
  for (let line = 0; line < Math.min(stopped, document.lineCount); line++) {
    for (const found of code(document, line).matchAll(definition)) {
      const name = found[1] ?? found[2] ?? '';
      defined.add(name);
      if (line >= viewport.start.line) add(line, name, found.index + found[0].indexOf(name));
    }
  }
  const here = stopped < document.lineCount ? code(document, stopped) : '';
  const shown = new Set<string>();
  for (const { 0: name, index } of here.matchAll(/(?<![.\w])[A-Za-z_]\w*/g)) {
    if (!defined.has(name) || shown.has(name)) continue;
    shown.add(name);
    add(stopped, name, index);
  }
  return values;
}

/** A line without its comment. */
function code(document: vscode.TextDocument, line: number): string {
  return document.lineAt(line).text.replace(/\/\/.*$/, '');
}

/** A name with the members before it: what the debugger's hover evaluates. Calls are not evaluated, for they may change things. */
function provideEvaluatableExpression(document: vscode.TextDocument, position: vscode.Position): vscode.EvaluatableExpression | undefined {
  const range = document.getWordRangeAtPosition(position, /[A-Za-z_]\w*/);
  if (range === undefined) return undefined;
  const text = document.lineAt(range.end.line).text;
  if (/^\s*\(/.test(text.slice(range.end.character))) return undefined;
  const before = /(?:[A-Za-z_]\w*\.)*$/.exec(text.slice(0, range.start.character))?.[0] ?? '';
  return new vscode.EvaluatableExpression(range.with(range.start.translate(0, -before.length)));
}

/** Of an entry of the page-table tree, that entry; of what else has an address, the bytes there or the entry that maps it. */
async function breakWhenChanged(sessions: Sessions, node: unknown): Promise<void> {
  const question = entryOf(node) ?? (await askWhat(node));
  if (question === undefined) return;
  const { watches } = await sessions.request('pagewalk/watch', { add: question });
  const label = watches.at(-1)?.label ?? '';
  vscode.window.setStatusBarMessage(vscode.l10n.t('The scenario stops when this changes: {0}', label), 5000);
}

function entryOf(node: unknown): WatchQuestion | undefined {
  if (typeof node !== 'object' || node === null || !('entry' in node)) return undefined;
  const { entry } = node;
  if (typeof entry !== 'object' || entry === null || !('entryAddress' in entry) || typeof entry.entryAddress !== 'string') return undefined;
  return { kind: 'physical', address: entry.entryAddress };
}

async function askWhat(node: unknown): Promise<WatchQuestion | undefined> {
  const given =
    typeof node === 'object' && node !== null && 'address' in node && typeof node.address === 'string' ? node.address : undefined;
  const mm = typeof node === 'object' && node !== null && 'mm' in node && typeof node.mm === 'string' ? { mm: node.mm } : {};
  const asked = given ?? (await askForAddress(vscode.l10n.t('Stop when memory changes'), '0xffffc90000000000'));
  const address = asked === undefined ? undefined : addressOfToken(asked);
  if (address === undefined) return undefined;
  const choices: (vscode.QuickPickItem & { readonly question: WatchQuestion })[] = [
    { label: vscode.l10n.t('The page-table entry that maps {0}', address), question: { kind: 'entry', address, ...mm } },
    { label: vscode.l10n.t('The 8 bytes at {0}', address), question: { kind: 'virtual', address, length: 8, ...mm } },
    { label: vscode.l10n.t('The page at {0}', address), question: { kind: 'virtual', address: pageOf(address), length: 4096, ...mm } },
    { label: vscode.l10n.t('The 8 bytes at physical {0}', address), question: { kind: 'physical', address, length: 8 } },
  ];
  return (await vscode.window.showQuickPick(choices, { title: vscode.l10n.t('Stop when this changes') }))?.question;
}

function pageOf(address: string): string {
  return `0x${(BigInt(address) & ~0xfffn).toString(16)}`;
}

async function removeWatches(sessions: Sessions): Promise<void> {
  const { watches } = await sessions.request('pagewalk/watch', {});
  const picked = await vscode.window.showQuickPick(
    watches.map(({ id, label }) => ({ label, id, picked: true })),
    { title: vscode.l10n.t('No longer stop when these change'), canPickMany: true },
  );
  for (const { id } of picked ?? []) await sessions.request('pagewalk/watch', { remove: id });
}
