/** Scenarios in the editor of a real VS Code: the language server's diagnostics, fixes, hovers, completion, hints, formatting. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { root } from '../support/vscode.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { VSCodeWindow } from '../vscode-web/window.ts';

const artefacts = join(root, 'artefacts/window');
const places = findPlaces();
const example = '003-kaslr.kmm';
const broken = 'broken.kmm';
const editor = '.editor-group-container.active';

describe('scenarios in a window', { skip: 'missing' in places ? places.missing : false }, () => {
  let window: VSCodeWindow;
  let scratch: string;
  let folder: string;

  before(async () => {
    assert.ok(!('missing' in places));
    scratch = mkdtempSync(join(tmpdir(), 'pagewalk-scenarios-'));
    const vsix = join(scratch, 'pagewalk.vsix');
    execFileSync('npm', ['run', 'pack', '--', '--out', vsix], { cwd: root, stdio: 'pipe' });
    folder = join(scratch, 'scenarios');
    mkdirSync(folder);
    copyFileSync(join(root, 'examples', example), join(folder, example));
    writeFileSync(join(folder, broken), 'machine { ram 64M }\nlet   a=vmaloc( 64K )\nprint "{a:x}"\n');
    window = await VSCodeWindow.open(places, { folder, vsix, artefacts, settings: { 'editor.inlayHints.enabled': 'on' } });
  });
  after(async () => {
    await window.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  const picture = async (name: string): Promise<void> => {
    await window.parkMouse();
    await window.picture(join(artefacts, `scenario-${name}.png`));
  };

  test('an example is coloured, has no problems, and shows the addresses of its run', async () => {
    await window.openFile(example);
    // Hints come from a run of the whole scenario.
    await window.page
      .locator(`${editor} .view-line`, { hasText: /base.*:\s0x/ })
      .first()
      .waitFor();
    await picture('example');
    assert.equal(await window.page.locator(`${editor} .squiggly-error`).count(), 0);
  });

  test('hovers tell what a call does, what a name is, and a number in other ways', async () => {
    const said = await window.hover('eval');
    assert.match(said, /Evaluates a C expression/);
    assert.match(await window.hover('kernel_map'), /let kernel_map = 0xffff_ffff_8000_0000/);
    await window.picture(join(artefacts, 'scenario-hover.png'));
  });

  test('what is wrong is underlined, told, and mended by a quick fix', async () => {
    await window.openFile(broken, 2);
    await window.page.locator(`${editor} .squiggly-error`).first().waitFor();
    assert.match(await window.hover('vmaloc'), /no operation or function vmaloc; did you mean vmalloc\?/);
    await picture('problem');
    await window.openFile(broken, 2);
    await window.page.keyboard.press('End');
    for (let left = 0; left < 7; left++) await window.page.keyboard.press('ArrowLeft');
    await window.page.keyboard.press('Control+.');
    await window.page.locator('.action-widget', { hasText: 'Change to vmalloc' }).waitFor();
    await picture('quick-fix');
    await window.page.keyboard.press('Enter');
    await window.page.locator(`${editor} .view-line`, { hasText: 'vmalloc(' }).waitFor();
    await window.page.locator(`${editor} .squiggly-error`).first().waitFor({ state: 'detached' });
  });

  test('it is laid out, and completed with what a call takes', async () => {
    await window.runCommand('Format Document');
    await window.page.locator(`${editor} .view-line`, { hasText: /^let.a.*=.vmalloc\(64K\)$/ }).waitFor();
    await window.openFile(broken, 3);
    await window.page.keyboard.press('End');
    await window.page.keyboard.press('Enter');
    await window.page.keyboard.type('let b = vmalloc(4K, prot: ');
    const suggestions = window.page.locator('.suggest-widget.visible');
    await window.page.keyboard.press('Control+Space');
    await suggestions.locator('.monaco-list-row', { hasText: 'PAGE_KERNEL_RO' }).first().waitFor();
    await picture('completion');
    await window.page.keyboard.press('Escape');
    await window.page.keyboard.type('PAGE_KERNEL_RO)');
    await window.page.keyboard.press('Control+s');
    await window.page.locator('.tab.active.dirty').waitFor({ state: 'detached' });
    const text = readFileSync(join(folder, broken), 'utf8');
    assert.match(text, /^machine \{ ram 64M \}\nlet a = vmalloc\(64K\)\nprint "\{a:x\}"\nlet b = vmalloc\(4K, prot: PAGE_KERNEL_RO\)/);
  });
});
