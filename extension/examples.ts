/** The bundled examples, for the walkthroughs: a scenario to run, and a vmcore that a scenario leaves behind. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import { debugType } from './debugging/sessions.ts';
import { nodeEnvironment, programPath } from './debugging/configurations.ts';

const scenario = '000-vread-vm-map-ram.kmm';
const vmcore = 'first.vmcore';

export function registerExamples(context: vscode.ExtensionContext): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.commands.registerCommand('pagewalk.openExampleImage', () => openExampleImage(context)),
    vscode.commands.registerCommand('pagewalk.openExampleScenario', async (name: unknown = scenario) => {
      await vscode.window.showTextDocument(await exampleScenario(context, name));
    }),
    vscode.commands.registerCommand('pagewalk.runExampleScenario', async () => {
      const file = await exampleScenario(context, scenario);
      await vscode.window.showTextDocument(file);
      await vscode.debug.startDebugging(undefined, {
        type: debugType,
        request: 'launch',
        name: scenario,
        scenario: file.fsPath,
        stopOnEntry: true,
      });
    }),
  );
}

/** A copy that may be changed of the example of that name: a file beside the first one. */
async function exampleScenario(context: vscode.ExtensionContext, asked: unknown): Promise<vscode.Uri> {
  const name = typeof asked === 'string' && /^[\w-]+\.kmm$/.test(asked) ? asked : scenario;
  const copy = vscode.Uri.joinPath(context.globalStorageUri, name);
  try {
    await vscode.workspace.fs.stat(copy);
  } catch {
    await vscode.workspace.fs.copy(vscode.Uri.joinPath(context.extensionUri, 'examples', name), copy);
  }
  return copy;
}

/** The machine of the example scenario, saved at the scenario's end as an ELF vmcore, and opened. */
async function openExampleImage(context: vscode.ExtensionContext): Promise<void> {
  const image = vscode.Uri.joinPath(context.globalStorageUri, vmcore);
  const source = vscode.Uri.joinPath(context.extensionUri, 'examples', scenario);
  await vscode.workspace.fs.createDirectory(context.globalStorageUri);
  await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t('Making the example vmcore') },
    () =>
      promisify(execFile)(process.execPath, [programPath(context), 'run', source.fsPath, '--save', image.fsPath], {
        env: { ...process.env, ...nodeEnvironment },
      }),
  );
  await vscode.debug.startDebugging(undefined, { type: debugType, request: 'launch', name: vmcore, image: image.fsPath });
}
