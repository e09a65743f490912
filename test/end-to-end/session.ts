/** One debug session on the bundled vmcore, as a person uses it. Pictures are kept in artefacts/. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { openBundledVmcore } from './opened.ts';
import { eventually } from './waiting.ts';

interface Runner {
  screenshot(path: string): Promise<void>;
}

/** Keeps a picture where the browser VS Code runs the tests; elsewhere there is nothing to take one with. */
async function picture(name: string): Promise<void> {
  const runner = (globalThis as { vscodeWebRunner?: Runner }).vscodeWebRunner;
  const folder = process.env['PAGEWALK_ARTEFACTS'];
  if (runner === undefined || folder === undefined) return;
  await new Promise((resume) => setTimeout(resume, 1200));
  await runner.screenshot(join(folder, `${name}.png`));
}

async function hoverText(uri: vscode.Uri, word: string): Promise<string> {
  const document = await vscode.workspace.openTextDocument(uri);
  const at = document.getText().indexOf(word);
  assert.ok(at >= 0, `${word} is not in ${uri.path}`);
  const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', uri, document.positionAt(at + 3));
  return hovers
    .flatMap((hover) => hover.contents)
    .map((content) => (content instanceof vscode.MarkdownString ? content.value : ''))
    .join('\n');
}

async function temporaryDocument(content: string): Promise<vscode.Uri> {
  return (await vscode.workspace.openTextDocument({ content, language: 'dmesg' })).uri;
}

async function showHover(uri: vscode.Uri, word: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri);
  const editor = await vscode.window.showTextDocument(document);
  const position = document.positionAt(document.getText().indexOf(word) + 3);
  editor.selection = new vscode.Selection(position, position);
  editor.revealRange(new vscode.Range(position, position), vscode.TextEditorRevealType.InCenter);
  await vscode.commands.executeCommand('editor.action.showHover');
}

const themes = [
  ['dark', 'Default Dark Modern'],
  ['light', 'Default Light Modern'],
  ['high-contrast', 'Default High Contrast'],
] as const;

export function defineSessionTests(): void {
  describe('a session on the bundled vmcore', () => {
    let folder: vscode.Uri;
    let session: vscode.DebugSession;

    before(async () => {
      const [workspace] = vscode.workspace.workspaceFolders ?? [];
      assert.ok(workspace);
      folder = workspace.uri;
      session = await openBundledVmcore();
    });

    after(async () => {
      await vscode.debug.stopDebugging(session);
    });

    it('shows the CPUs, then tasks, as threads', async () => {
      const { threads } = (await session.customRequest('threads')) as { threads: { name: string }[] };
      assert.deepEqual(
        threads.slice(0, 5).map(({ name }) => name.split(' (')[0]),
        ['CPU 0: swapper/0', 'CPU 1: swapper/1', 'CPU 2: swapper/2', 'CPU 3: swapper/3', 'init'],
      );
      await vscode.commands.executeCommand('workbench.view.debug');
      await picture('threads');
    });

    it('lists the vmalloc areas and the page tables', async () => {
      await vscode.commands.executeCommand('workbench.view.extension.pagewalk');
      await vscode.commands.executeCommand('pagewalk.vmalloc.focus');
      await vscode.commands.executeCommand('list.focusFirst');
      await vscode.commands.executeCommand('list.expand');
      await vscode.commands.executeCommand('pagewalk.pageTables.focus');
      await vscode.commands.executeCommand('list.focusFirst');
      await vscode.commands.executeCommand('list.expand');
      await picture('views');
      const { areas } = (await session.customRequest('pagewalk/vmallocAreas', {})) as { areas: { block: unknown }[] };
      assert.ok(areas.some(({ block }) => block !== null));
    });

    it('hovers a page of a vm_map_ram block', async () => {
      const uri = await temporaryDocument('buffer at 0xffffd4bf80801000 of xfs\n');
      const text = await hoverText(uri, '0xffffd4bf80801000');
      assert.match(text, /used page 1 of 256 of a vm\\_map\\_ram block/);
      const block = { address: '0xffff8ea083bdac00' };
      const told = [
        /^\*\*used page 1 of 256 of a vm\\_map\\_ram block/,
        '`0xffffd4bf80801000` · vmap_block [`0xffff8ea083bdac00`](command:pagewalk.openMemory?' +
          encodeURIComponent(JSON.stringify([block])),
        'byte 0x1000 of the vm\\_map\\_ram area',
        /pgd\[425\] {2}0x1000067 +PRESENT RW USER[^]*pte\[1\] +0x8000000003b9f163 {2}PRESENT RW ACCESSED DIRTY GLOBAL NX/,
        /Physical \[`0x3b9f000`\]\(command:pagewalk\.openMemory\S+physical\S+ "Open memory"\) · pfn `0x3b9f` · 4 KiB page · RW NX · WB/,
        'command:pagewalk.showTranslation',
        '/proc/kcore gives [`0xffffd4bf80800000`]',
      ].map((words) => (typeof words === 'string' ? text.indexOf(words) : text.search(words)));
      assert.ok(!told.includes(-1), `${told.join(' ')}: ${text}`);
      assert.deepEqual(
        told,
        told.toSorted((one, other) => one - other),
        'in the order of a hover',
      );
      assert.equal(text.split('/proc/kcore').length, 2, 'told once');
      await showHover(uri, '0xffffd4bf80801000');
      await picture('hover-block');
    });

    it('hovers kernel text', async () => {
      const uri = await temporaryDocument('RIP: 0010:pv_native_safe_halt+0xf/0x20\nat ffffffffa4a93f8f\n');
      assert.match(await hoverText(uri, 'pv_native_safe_halt+0xf/0x20'), /pv\\_native\\_safe\\_halt\+0xf\/0x20/);
      assert.match(await hoverText(uri, 'ffffffffa4a93f8f'), /pv\\_native\\_safe\\_halt\+0xf\/0x20/);
      await showHover(uri, 'ffffffffa4a93f8f');
      await picture('hover-text');
    });

    it('hovers the wild address of seed 002', async () => {
      const uri = vscode.Uri.joinPath(folder, 'seed-002.dmesg');
      const text = await hoverText(uri, '000f887fee5ff000');
      assert.match(text, /not canonical/);
      assert.match(text, /complement of physical \[`0x11a00000`\]/);
      await showHover(uri, '000f887fee5ff000');
      await picture('hover-wild');
    });

    it('opens memory and walks in panels, which are used again', async () => {
      const panels = (viewType: string): number =>
        vscode.window.tabGroups.all
          .flatMap(({ tabs }) => tabs)
          .filter(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith(viewType)).length;
      for (const address of ['0xffffd4bf800bd010', '0xffffd4bf800be000'])
        await vscode.commands.executeCommand('pagewalk.openMemory', { address });
      await eventually('the memory panel', () => (panels('pagewalk.memory') === 1 ? true : undefined));
      for (const address of ['0xffffd4bf800bd010', '0xffffd4bf800be000'])
        await vscode.commands.executeCommand('pagewalk.showTranslation', { address });
      await eventually('the translation panel', () => (panels('pagewalk.walk') === 1 ? true : undefined));
    });

    it('compares two page tables in the diff editor', async () => {
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
      await vscode.commands.executeCommand('pagewalk.comparePageTablesAsText', { before: { mm: '1' }, after: { mm: 'kernel' } });
      const input = await eventually('the diff editor', () => {
        const shown = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
        return shown instanceof vscode.TabInputTextDiff ? shown : undefined;
      });
      for (const [uri, mm] of [
        [input.original, '1'],
        [input.modified, 'kernel'],
      ] as const) {
        assert.notEqual(uri.scheme, 'file');
        const document = await vscode.workspace.openTextDocument(uri);
        assert.equal(document.languageId, 'ptdump');
        const { lines } = (await session.customRequest('pagewalk/ptdump', { mm })) as { lines: { text: string }[] };
        assert.equal(document.getText(), lines.map(({ text }) => `${text}\n`).join(''));
      }
      await picture('compare');
    });

    it('compares a page table with a text file, which is shown itself, and with another image', async () => {
      const { lines } = (await session.customRequest('pagewalk/ptdump', { mm: 'kernel' })) as { lines: { text: string }[] };
      const file = vscode.Uri.joinPath(folder, 'kernel.ptdump');
      await vscode.workspace.fs.writeFile(
        file,
        Buffer.from(
          lines
            .map(({ text }) => `${text}\n`)
            .join('')
            .replace(' ro ', ' RW '),
        ),
      );
      await vscode.commands.executeCommand('pagewalk.comparePageTablesAsText', { before: { mm: 'kernel' }, after: { file: file.fsPath } });
      const input = await eventually('the diff with the file', () => {
        const shown = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
        return shown instanceof vscode.TabInputTextDiff && shown.modified.fsPath === file.fsPath ? shown : undefined;
      });
      assert.equal(input.modified.scheme, 'file');
      const image = vscode.Uri.joinPath(folder, 'mini-sym.kdump').fsPath;
      await vscode.commands.executeCommand('pagewalk.comparePageTablesAsText', { before: { mm: 'kernel' }, after: { file: image } });
      const tab = await eventually('the diff with the image', () => {
        const shown = vscode.window.tabGroups.activeTabGroup.activeTab;
        return shown?.label.endsWith('(mini-sym.kdump)') === true && shown.input instanceof vscode.TabInputTextDiff
          ? shown.input
          : undefined;
      });
      const [mine, others] = await Promise.all([tab.original, tab.modified].map((uri) => vscode.workspace.openTextDocument(uri)));
      assert.ok(mine !== undefined && mine.lineCount > 100);
      assert.equal(others?.getText(), mine.getText());
      await assert.rejects(
        async () =>
          vscode.commands.executeCommand('pagewalk.comparePageTablesAsText', {
            before: { mm: 'kernel' },
            after: { file: '/nowhere/vmcore' },
          }),
        /no such file/,
      );
    });

    it("shows how many pages are of each category, counted in the adapter's thread", async () => {
      await vscode.commands.executeCommand('pagewalk.showPageCategories');
      const document = await eventually('the answer', () => {
        const shown = vscode.window.activeTextEditor?.document;
        return shown?.getText().startsWith('pages of zeros ') === true ? shown : undefined;
      });
      assert.match(document.getText(), /^all +65536 pages +256\.0 MiB +100\.0 % +pages of 4096 bytes$/m);
      assert.match(document.getText(), /^warning: \d+ pages of 65536: their struct pages are not in the dump/m);
    });

    it("finds the virtual addresses of a physical one, in the adapter's thread", async () => {
      const { results } = (await session.customRequest('pagewalk/translate', { addresses: ['0xffffd4bf80801000'] })) as {
        results: { physical: string }[];
      };
      const physical = results[0]?.physical ?? '';
      await vscode.commands.executeCommand('pagewalk.findVirtualAddresses', { physical, all: true });
      const document = await eventually('the answer', () => {
        const shown = vscode.window.activeTextEditor?.document;
        return shown?.getText().startsWith(`physical ${physical}: `) === true ? shown : undefined;
      });
      assert.match(document.getText(), /^0xffffd4bf80801000 +kernel +used page 1 of 256 of a vm_map_ram block/m);
      assert.match(document.getText(), /direct map of physical/);
      assert.equal(document.isUntitled, false);
      assert.match(await hoverText(document.uri, '0xffffd4bf80801000'), /vm\\_map\\_ram block/);
      assert.match(await hoverText(document.uri, `${physical}: `), new RegExp(`Physical \`${physical}\``));
      await picture('virtual-addresses');
    });

    it("searches memory in the adapter's thread, and shows the hits in their view", async () => {
      const asked = { pattern: 'init_task', mm: 'kernel' };
      const { hits } = (await session.customRequest('pagewalk/search', asked)) as { hits: unknown[] };
      assert.ok(hits.length > 3);
      assert.equal(await vscode.commands.executeCommand('pagewalk.searchMemory', asked), hits.length);
      await picture('search');
      assert.equal(await vscode.commands.executeCommand('pagewalk.searchMemory', { pattern: '0x123456789abcdef1', physical: true }), 0);
      const wrong = { pattern: 'no such thing' };
      await assert.rejects(async () => vscode.commands.executeCommand('pagewalk.searchMemory', wrong), /is no number/);
    });

    it('opens the ptdump panel, in every theme', async () => {
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
      await vscode.commands.executeCommand('pagewalk.openPtdump', { address: '0xffffd4bf80801000' });
      await eventually('the panel', () => vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).find(({ label }) => label === 'ptdump'));
      const settings = vscode.workspace.getConfiguration('workbench');
      for (const [name, theme] of themes) {
        await settings.update('colorTheme', theme, vscode.ConfigurationTarget.Global);
        await picture(`ptdump-${name}`);
      }
      await settings.update('colorTheme', undefined, vscode.ConfigurationTarget.Global);
    });

    it('shows the overview of a dump file', async () => {
      await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.joinPath(folder, 'mini-sym.kdump'), 'pagewalk.dump');
      await eventually('the overview', () =>
        vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).find(({ input }) => input instanceof vscode.TabInputCustom),
      );
      await picture('dump-editor');
    });
  });
}
