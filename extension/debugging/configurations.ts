/** Debug configurations and the adapter process: `node dist/pagewalk.js dap`, where the dump lies. */
import * as vscode from 'vscode';
import { registerLostAdapters } from './lost-adapter.ts';
import { debugType } from './sessions.ts';
import { registerSplitSets } from './split-set.ts';
import { launchable } from './untrusted-files.ts';
import type { Choice } from './untrusted-files.ts';

/** Path of the bundled command line. */
export function programPath(context: vscode.ExtensionContext): string {
  return vscode.Uri.joinPath(context.extensionUri, 'dist', 'pagewalk.js').fsPath;
}

/** The extension host's own Node runs it: nothing needs to be installed beside VS Code. */
export const nodeEnvironment = { ELECTRON_RUN_AS_NODE: '1' };

/** Registers the debug type: its adapter, what a launch lacks, dumps in several files, and adapters that end on their own. */
export function registerDebugging(context: vscode.ExtensionContext): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.debug.registerDebugAdapterDescriptorFactory(debugType, {
      createDebugAdapterDescriptor: () =>
        new vscode.DebugAdapterExecutable(process.execPath, [programPath(context), 'dap'], { env: nodeEnvironment }),
    }),
    vscode.debug.registerDebugConfigurationProvider(debugType, { resolveDebugConfiguration }),
    registerSplitSets(),
    registerLostAdapters(),
  );
}

/** F5 without a launch.json debugs the scenario in the editor, or asks for the dump. `undefined` ends the launch without a message: the user cancelled. */
async function resolveDebugConfiguration(
  _folder: vscode.WorkspaceFolder | undefined,
  configuration: vscode.DebugConfiguration,
): Promise<vscode.DebugConfiguration | undefined> {
  const pageCache = vscode.workspace.getConfiguration('pagewalk').get<number>('pageCache');
  if (configuration['image'] !== undefined || configuration['scenario'] !== undefined)
    return launchable({ pageCache, askMembers: true, ...configuration }, vscode.workspace.isTrusted, askForSources);
  // An empty configuration is F5 without a launch.json.
  if (typeof configuration.name === 'string' && configuration.name !== '') {
    void vscode.window.showErrorMessage(
      vscode.l10n.t('The launch configuration «{0}» has no "image"; add the path of a dump.', configuration.name),
    );
    return undefined;
  }
  const document = vscode.window.activeTextEditor?.document;
  if (document?.languageId === scenarioLanguage) return scenarioConfiguration(document.uri);
  const image = await pickImage();
  return image === undefined ? undefined : { pageCache, askMembers: true, ...imageConfiguration(image) };
}

/** Asks whether files that a configuration names beside the dump are read, in a folder that is not trusted. */
async function askForSources(sources: readonly string[]): Promise<Choice> {
  const load = vscode.l10n.t('Read Them');
  const leave = vscode.l10n.t('Open Without Them');
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t('The launch configuration names files beside the dump, and this folder is not trusted. Are they to be read?'),
    { modal: true, detail: sources.join('\n') },
    load,
    leave,
  );
  if (chosen === undefined) return undefined;
  return chosen === load ? 'with' : 'without';
}

/** The dump that the user chooses in a dialog; undefined where it is left. */
export async function pickImage(): Promise<vscode.Uri | undefined> {
  const picked = await vscode.window.showOpenDialog({
    title: vscode.l10n.t('Open a kernel memory image'),
    openLabel: vscode.l10n.t('Debug'),
    canSelectMany: false,
  });
  return picked?.[0];
}

/** The language's name of scenarios, as package.json contributes it. */
export const scenarioLanguage = 'kmm';

/** What debugs the scenario in that file: it stops at the first statement. */
export function scenarioConfiguration(scenario: vscode.Uri): vscode.DebugConfiguration {
  const name = scenario.path.slice(scenario.path.lastIndexOf('/') + 1);
  return { type: debugType, request: 'launch', name, scenario: scenario.fsPath, stopOnEntry: true };
}

/** What opens the dump in that file. */
export function imageConfiguration(image: vscode.Uri): vscode.DebugConfiguration {
  return { type: debugType, request: 'launch', name: image.path.slice(image.path.lastIndexOf('/') + 1), image: image.fsPath };
}
