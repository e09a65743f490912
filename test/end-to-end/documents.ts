/** What the editor shows of texts, asked of VS Code itself: problems, folding, hovers in all kinds of documents, lenses, inline values. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { openBundledVmcore } from './opened.ts';
import { eventually } from './waiting.ts';

const scenario = `machine { ram 64M }
let a = vmalloc(4K)
let b = vmalloc(4K, prot: PAGE_KERNEL_EXEC)
fill(a, 4K, "x")
`;

const ptdump = `---[ Modules ]---
0xffffffffc0000000-0xffffffffc0001000           4K     RW                     x  pte
0xffffffffc0001000-0xffffffffc0002000           4K     ro                     NX pte
---[ End Modules ]---
0xffffffffff000000-0xffffffffff001000           4K                               pte
`;

/** Line (from 1), severity and text of what the Problems list has of a document. */
function problemsOf(uri: vscode.Uri): [number, vscode.DiagnosticSeverity, string][] {
  return vscode.languages.getDiagnostics(uri).map(({ range, severity, message }) => [range.start.line + 1, severity, message]);
}

async function hoverTexts(document: vscode.TextDocument, word: string): Promise<string> {
  const position = document.positionAt(document.getText().indexOf(word) + 3);
  const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', document.uri, position);
  const contents = hovers.flatMap((hover) => hover.contents);
  return contents.map((content) => (content instanceof vscode.MarkdownString ? content.value : '')).join('\n');
}

async function stopped(session: vscode.DebugSession, line: number): Promise<void> {
  await eventually(`a stop in line ${line}`, async () => {
    const { stackFrames } = (await session.customRequest('stackTrace', { threadId: 1 })) as { stackFrames: { line: number }[] };
    return stackFrames.at(-1)?.line === line ? true : undefined;
  });
}

export function defineDocumentTests(): void {
  describe('texts', () => {
    let folder: vscode.Uri;
    let scratch: string;

    before(() => {
      const [workspace] = vscode.workspace.workspaceFolders ?? [];
      assert.ok(workspace);
      folder = workspace.uri;
      scratch = mkdtempSync(join(tmpdir(), 'pagewalk-texts-'));
    });

    after(async () => {
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
      rmSync(scratch, { recursive: true });
    });

    it('a log has its reports in the Problems list, each with its lens', async () => {
      const uri = vscode.Uri.joinPath(folder, 'seed-002.dmesg');
      await vscode.window.showTextDocument(uri);
      const problems = await eventually('problems', () => (problemsOf(uri).length > 0 ? problemsOf(uri) : undefined));
      assert.deepEqual(
        problems.map(([line, severity]) => [line, severity]),
        [
          [13, vscode.DiagnosticSeverity.Error],
          [49, vscode.DiagnosticSeverity.Error],
          [97, vscode.DiagnosticSeverity.Error],
        ],
      );
      const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri);
      assert.ok(lenses.some(({ command }) => command?.command === 'pagewalk.compareReports'));
    });

    it('a page-table dump folds by marker, and its lines are told without a session', async () => {
      assert.equal(vscode.debug.activeDebugSession, undefined);
      const document = await vscode.workspace.openTextDocument({ language: 'ptdump', content: ptdump });
      const ranges = await vscode.commands.executeCommand<vscode.FoldingRange[]>('vscode.executeFoldingRangeProvider', document.uri);
      assert.deepEqual(
        ranges.map(({ start, end }) => [start, end]),
        [
          [0, 2],
          [3, 4],
        ],
      );
      assert.match(await hoverTexts(document, '0xffffffffc0000000'), /Writable and executable[^]*`RW` may be written[^]*DEBUG_WX/);
    });

    describe('of a scenario', () => {
      let uri: vscode.Uri;
      before(() => {
        const path = join(scratch, 'wx.kmm');
        writeFileSync(path, scenario);
        uri = vscode.Uri.file(path);
      });

      const debug = async (noDebug: boolean): Promise<void> => {
        const configuration = { type: 'pagewalk', request: 'launch', name: 'wx', scenario: uri.fsPath, stopOnEntry: true };
        assert.equal(await vscode.debug.startDebugging(undefined, configuration, { noDebug }), true);
      };

      it('while it is stopped, its problems and the values of its variables are shown; with the session they go', async () => {
        const document = await vscode.workspace.openTextDocument(uri);
        await vscode.window.showTextDocument(document);
        await debug(false);
        const session = await eventually('the session', () => vscode.debug.activeDebugSession);
        await stopped(session, 2);
        assert.deepEqual(problemsOf(uri), []);
        await session.customRequest('next', { threadId: 1 });
        await stopped(session, 3);
        await session.customRequest('next', { threadId: 1 });
        await stopped(session, 4);
        const [problem, ...more] = await eventually('the problem', () => (problemsOf(uri).length > 0 ? problemsOf(uri) : undefined));
        assert.deepEqual([problem?.[0], problem?.[1], more.length], [3, vscode.DiagnosticSeverity.Warning, 0]);
        assert.match(problem?.[2] ?? '', /writable and executable/);
        const [whole, here] = [new vscode.Range(0, 0, 4, 0), new vscode.Range(3, 0, 3, 0)];
        const values = await vscode.commands.executeCommand<vscode.InlineValueVariableLookup[]>(
          'vscode.executeInlineValueProvider',
          uri,
          whole,
          { frameId: 1, stoppedLocation: here },
        );
        assert.deepEqual(
          values.map(({ variableName, range }) => [variableName, range.start.line]),
          [
            ['a', 1],
            ['b', 2],
            ['a', 3],
          ],
        );
        await vscode.debug.stopDebugging(session);
        await eventually('an empty list', () => (problemsOf(uri).length === 0 ? true : undefined));
      });

      it('after a run without debugging they stay until the text changes', async () => {
        const document = await vscode.workspace.openTextDocument(uri);
        const editor = await vscode.window.showTextDocument(document);
        await debug(true);
        await eventually('the problem', () => (problemsOf(uri).length === 1 ? true : undefined));
        await eventually('the end of the run', () => (vscode.debug.activeDebugSession === undefined ? true : undefined));
        assert.equal(problemsOf(uri)[0]?.[0], 3);
        await editor.edit((edit) => {
          edit.insert(new vscode.Position(3, 0), '// more\n');
        });
        await eventually('an empty list', () => (problemsOf(uri).length === 0 ? true : undefined));
        await document.save();
      });
    });

    describe('of every kind, while an image is open', () => {
      const address = '0xffffd4bf80801000';
      const what = 'vm\\_map\\_ram block';
      const sent: string[] = [];
      let session: vscode.DebugSession;
      let tracking: vscode.Disposable;
      before(async () => {
        tracking = vscode.debug.registerDebugAdapterTrackerFactory('pagewalk', {
          createDebugAdapterTracker: () => ({ onWillReceiveMessage: ({ command }: { command: string }) => sent.push(command) }),
        });
        session = await openBundledVmcore();
      });
      after(async () => {
        await vscode.debug.stopDebugging(session);
        tracking.dispose();
      });

      const hovered = (document: vscode.TextDocument): Promise<string> =>
        eventually(`a hover in ${document.uri.scheme}`, async () => {
          const text = await hoverTexts(document, address);
          return text.includes(what) ? text : undefined;
        });

      it('with one request for each address', async () => {
        const document = await vscode.workspace.openTextDocument({ content: `at ${address}\n`, language: 'dmesg' });
        await hovered(document);
        sent.length = 0;
        await hovered(document);
        // Views may ask other things meanwhile.
        assert.deepEqual(
          sent.filter((command) => /explain|identify|translate|evaluate/.test(command)),
          ['pagewalk/explain'],
        );
      });

      it('a cell of a notebook', async () => {
        const cell = new vscode.NotebookCellData(vscode.NotebookCellKind.Code, `page = ${address}\n`, 'python');
        const notebook = await vscode.workspace.openNotebookDocument('jupyter-notebook', new vscode.NotebookData([cell]));
        const { document } = notebook.cellAt(0);
        assert.equal(document.uri.scheme, 'vscode-notebook-cell');
        await hovered(document);
      });

      it('both sides of a diff editor', async () => {
        const sides = await Promise.all(
          ['one', 'other'].map((name) => vscode.workspace.openTextDocument({ content: `${name} ${address}\n`, language: 'c' })),
        );
        const [left, right] = sides.map(({ uri }) => uri);
        await vscode.commands.executeCommand('vscode.diff', left, right, 'addresses');
        for (const document of sides) await hovered(document);
      });

      it('an output channel', async () => {
        const channel = vscode.window.createOutputChannel('pagewalk test');
        channel.appendLine(`fault at ${address}`);
        channel.show(true);
        const isShown = (document: vscode.TextDocument): boolean =>
          document.uri.scheme === 'output' && document.getText().includes(address);
        await hovered(await eventually('the channel', () => vscode.workspace.textDocuments.find(isShown)));
        channel.dispose();
      });

      it("a log's lens leads from the fault to its walk", async () => {
        const uri = vscode.Uri.joinPath(folder, 'seed-002.dmesg');
        await vscode.window.showTextDocument(uri);
        const lenses = await eventually('the lens', async () => {
          const found = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri);
          return found.some(({ command }) => command?.command === 'pagewalk.showTranslation') ? found : undefined;
        });
        const titles = lenses.map(({ command }) => command?.title);
        assert.ok(titles.includes('Translate CR2 0xffff8890779ff000'), titles.join(', '));
      });
    });
  });
}
