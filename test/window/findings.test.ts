/** The Findings view on a damaged dump, with mouse and keyboard: each damage has its row, and a row leads to its walk. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { absent, expandedDump } from '../support/dumps.ts';
import { root } from '../support/vscode.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { until, VSCodeWindow } from '../vscode-web/window.ts';

const artefacts = join(root, 'artefacts/window');
const places = findPlaces();
const machine = 'x86-64';
const view = '.pane:has([aria-label^="Findings"])';

describe('findings in a window', { skip: absent(machine) ?? ('missing' in places ? places.missing : false) }, () => {
  let window: VSCodeWindow;
  let scratch: string;

  before(async () => {
    assert.ok(!('missing' in places));
    scratch = mkdtempSync(join(tmpdir(), 'pagewalk-findings-'));
    const vsix = join(scratch, 'pagewalk.vsix');
    execFileSync('npm', ['run', 'pack', '--', '--out', vsix], { cwd: root, stdio: 'pipe' });
    const folder = join(scratch, 'damaged');
    mkdirSync(join(folder, '.vscode'), { recursive: true });
    const image = expandedDump(machine, 'vmcore-corrupt-user.elf');
    const configurations = [{ type: 'pagewalk', request: 'launch', name: 'Open the damaged vmcore', image }];
    writeFileSync(join(folder, '.vscode/launch.json'), JSON.stringify({ version: '0.2.0', configurations }));
    window = await VSCodeWindow.open(places, { folder, vsix, artefacts });
    await window.debug('Open the damaged vmcore');
    await window.showView('Kernel Memory');
    for (const other of ['Page Tables', 'Vmalloc Areas']) await window.page.locator(`.pane-header[aria-label^="${other}"]`).click();
  });
  after(async () => {
    await window.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  test('findings stand under their kinds, with whose they are', async () => {
    for (const [kind, count] of [
      ['Writable and executable memory', 1],
      ['Wild table pointer', 4],
      ['Looping table pointer', 1],
      ['Impossible entry', 2],
    ] as const) {
      await window.row(new RegExp(`^${kind}\\s*${count}$`), view).waitFor();
    }
    await window.row(/0x600000.*35 fxprocB · pmd · points to a pte table at physical 0xdeadbee000/, view).waitFor();
    await window.page.locator(`${view} .monaco-list`).first().hover();
    await until('what DEBUG_WX counts', async () => {
      await window.page.mouse.wheel(0, 100);
      return window.row(/DEBUG_WX\) counts 1 W\+X page/, view).isVisible();
    });
    await window.page.locator('.part.activitybar [aria-label*="8 findings"]').first().waitFor();
    await window.picture(join(artefacts, 'findings.png'));
  });

  test('a finding opens its walk in its own address space, with what is wrong in it', async () => {
    await window.page.locator(`${view} .monaco-list`).first().hover();
    await until('the finding in view', async () => {
      if (await window.row('0xa00000', view).isVisible()) return true;
      await window.page.mouse.wheel(0, -100);
      return false;
    });
    await window.row('0xa00000', view).click();
    const walk = await window.webview('pagewalk-walk .step.wrong .finding');
    assert.notEqual((await walk.innerText('.step.wrong .finding')).trim(), '');
    await window.picture(join(artefacts, 'findings-walk.png'));
  });
});
