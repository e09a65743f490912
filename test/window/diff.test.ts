/** Two ptdumps side by side in a real window: files of the explorer without a session, and address spaces of one. Pictures are kept in artefacts/window/. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Frame, Locator } from 'playwright-core';
import { bundled } from '../support/dumps.ts';
import { root } from '../support/vscode.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { until, VSCodeWindow } from '../vscode-web/window.ts';
import { violations } from '../webview/axe.ts';

const artefacts = join(root, 'artefacts/window');
const places = findPlaces();

describe('two ptdumps side by side in a window', { skip: 'missing' in places ? places.missing : false }, () => {
  let window: VSCodeWindow;
  let scratch: string;
  let page: Frame;

  before(async () => {
    assert.ok(!('missing' in places));
    scratch = mkdtempSync(join(tmpdir(), 'pagewalk-diff-window-'));
    const folder = join(scratch, 'first-vmcore');
    const vsix = join(scratch, 'pagewalk.vsix');
    execFileSync('npm', ['run', 'pack', '--', '--out', vsix], { cwd: root, stdio: 'pipe' });
    cpSync(join(root, 'examples/first-vmcore'), folder, { recursive: true });
    const text = execFileSync(process.execPath, [join(root, 'dist/pagewalk.js'), 'ptdump', bundled.image], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    const lines = text.split('\n');
    const writable = lines.flatMap((line, at) => (/ RW .* NX pte$/.test(line) ? [at] : []));
    const [executable, readOnly, gone] = [writable[3], writable[40], writable[80]];
    const changed = lines.flatMap((line, at) =>
      at === gone ? [] : [at === executable ? line.replace('NX pte', 'x  pte') : at === readOnly ? line.replace(' RW ', ' ro ') : line],
    );
    writeFileSync(join(folder, 'before.ptdump'), text);
    writeFileSync(join(folder, 'after.ptdump'), changed.join('\n'));
    window = await VSCodeWindow.open(places, { folder, vsix, artefacts });
  });
  after(async () => {
    await window.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  const picture = (name: string): Promise<void> => window.picture(join(artefacts, `${name}.png`));
  const file = (name: string): Locator => window.page.locator('.explorer-folders-view .monaco-list-row', { hasText: name }).first();

  test('two files that are selected in the explorer, with no session', async () => {
    await window.showView('Explorer');
    await file('before.ptdump').click();
    await file('after.ptdump').click({ modifiers: ['ControlOrMeta'] });
    await until('the panel', async () => {
      await file('after.ptdump').click({ button: 'right' });
      await window.page.locator('.monaco-menu .action-item', { hasText: 'Compare Page Tables' }).click();
      // A menu that opens under the mouse may close again before it is clicked.
      const tab = window.page.locator('.tab.active', { hasText: /before\.ptdump/ });
      return tab.waitFor({ timeout: 8000 }).then(
        () => true,
        () => false,
      );
    });
    page = await window.webview('pagewalk-diff .canvas .row');
    assert.deepEqual(await page.$$eval('.badge', (all) => all.map(({ textContent }) => textContent.trim())), [
      '+0 added',
      '−1 removed',
      '~2 changed',
      '1 became W+X',
    ]);
    assert.match(await page.innerText('.selected-words'), /^Change 1 of 3 · 0x[0-9a-f]{16}: NX → x$/);
    await picture('diff-files');
  });

  test('the plain text is one press away', async () => {
    await page.click('.text');
    await window.page.locator('.tab.active', { hasText: 'before.ptdump ↔ after.ptdump' }).waitFor();
    await window.page.locator('.editor-instance .diff-hidden-lines, .editor-instance .line-insert').first().waitFor();
    await window.runCommand('View: Close Editor');
    page = await window.webview('pagewalk-diff .canvas .row');
  });

  for (const theme of ['Dark Modern', 'Light Modern', 'Dark High Contrast'])
    test(`${theme}: nothing that a screen reader stumbles over`, async () => {
      await window.setTheme(theme);
      assert.deepEqual(await violations(page), []);
      await picture(`diff-${theme.toLowerCase().replaceAll(' ', '-')}`);
    });

  test('two address spaces of a session, through the pickers', async () => {
    await window.setTheme('Dark Modern');
    await window.debug('Open the bundled vmcore');
    await window.runCommand('Pagewalk: Compare ptdump…');
    await window.page.locator('.quick-input-list .monaco-list-row', { hasText: 'kernel (init_mm)' }).first().click();
    await window.page.locator('.quick-input-list .monaco-list-row', { hasText: 'Another image…' }).waitFor();
    await window.page.locator('.quick-input-list .monaco-list-row', { hasText: '1 init' }).first().click();
    page = await window.webview('pagewalk-diff .links');
    const facts = JSON.parse(
      execFileSync(process.execPath, [join(root, 'dist/pagewalk.js'), 'ptdump', bundled.image, '--mm', '1', '--json'], {
        encoding: 'utf8',
        maxBuffer: 1 << 26,
      }),
    ) as { regions: { start: string; present: boolean }[] };
    const first = facts.regions.find(({ present }) => present)?.start ?? '';
    assert.ok((await page.innerText('.selected-words')).includes(`Change 1 of `));
    assert.ok((await page.innerText('.selected-words')).includes(first));
    await picture('diff-spaces');
  });

  test('the session ends: what was compared stays, and says so', async () => {
    await window.runCommand('Debug: Stop');
    await page.waitForSelector('.banner');
    assert.match(await page.innerText('.banner'), /has ended/);
    assert.ok((await page.$$('.canvas .row')).length > 3);
    await picture('diff-ended');
  });
});
