/** The Pagemap Scan view in a real VS Code window: process, range and categories are asked for, a region leads to its memory. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { root } from '../support/vscode.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { until, VSCodeWindow } from '../vscode-web/window.ts';

const artefacts = join(root, 'artefacts/window');
const places = findPlaces();

describe('the Pagemap Scan view', { skip: 'missing' in places ? places.missing : false }, () => {
  let window: VSCodeWindow;
  let scratch: string;

  before(async () => {
    assert.ok(!('missing' in places));
    scratch = mkdtempSync(join(tmpdir(), 'pagewalk-scan-'));
    const folder = join(scratch, 'first-vmcore');
    const vsix = join(scratch, 'pagewalk.vsix');
    execFileSync('npm', ['run', 'pack', '--', '--out', vsix], { cwd: root, stdio: 'pipe' });
    cpSync(join(root, 'examples/first-vmcore'), folder, { recursive: true });
    window = await VSCodeWindow.open(places, { folder, vsix, artefacts });
  });
  after(async () => {
    await window.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  const tree = '.pane:has([aria-label^="Pagemap Scan"])';
  const pickerRow = (text: string): ReturnType<typeof window.page.locator> =>
    window.page.locator('.quick-input-list .monaco-list-row', { hasText: text }).first();

  test('asks, shows regions, and leads to memory as the process sees it', async () => {
    await window.debug('Open the bundled vmcore');
    await window.runCommand('Pagewalk: Scan the Pages of a Process…');
    await pickerRow('198 fxuser').click();
    await pickerRow('A range…').waitFor();
    await window.page.keyboard.type('200004000000');
    await pickerRow('0x200004000000').click();
    await pickerRow('PRESENT').waitFor();
    await window.picture(join(artefacts, 'pagemap-scan-picker.png'));
    await pickerRow('PRESENT').click();
    await window.page.keyboard.press('Enter');
    const first = window.row('0x200004000000', tree);
    await first.waitFor();
    assert.match(await first.innerText(), /4K · WRITTEN\|PRESENT/);
    await window.page.locator(tree, { hasText: 'walk_end 0x200004040000' }).waitFor();
    await window.picture(join(artefacts, 'pagemap-scan.png'));
    await first.click();
    // A page that the process owns says which byte it is.
    const line = '.line[data-address="0x200004000010"]';
    const memory = await window.webview(`pagewalk-memory ${line}`);
    await until('its bytes', async () => /10\s00\s00\s00\s02\s00\s46\s55/.test(await memory.innerText(line)));
    await window.picture(join(artefacts, 'pagemap-scan-memory.png'));
  });
});
