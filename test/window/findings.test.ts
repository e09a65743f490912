/** The Findings view on a damaged dump, with mouse and keyboard: each damage has its row, and a row leads to its walk. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { absent, expandedDump } from '../support/dumps.ts';
import { until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { keepPicture, noWindow, useWindow, writeLaunch } from './open-window.ts';

const machine = 'x86-64';
const view = '.pane:has([aria-label^="Findings"])';

describe('findings in a window', { skip: absent(machine) ?? noWindow ?? false }, () => {
  let window: VSCodeWindow;

  const fill = (folder: string): void => {
    writeLaunch(folder, { 'Open the damaged vmcore': { image: expandedDump(machine, 'vmcore-corrupt-user.elf') } });
  };
  useWindow({ folder: 'damaged', fill }, async (open) => {
    ({ window } = open);
    await window.debug('Open the damaged vmcore');
    await window.showView('Kernel Memory');
    for (const other of ['Page Tables', 'Vmalloc Areas']) {
      const header = window.page.locator(`.pane-header[aria-label^="${other}"]`);
      await until(`${other} folded`, async () => {
        if ((await header.getAttribute('aria-expanded')) === 'false') return true;
        await header.click();
        return false;
      });
    }
  });

  test('findings stand under their kinds, with whose they are', async () => {
    for (const [kind, count] of [
      ['Writable and executable memory', 1],
      ['Wild table pointer', 4],
      ['Looping table pointer', 1],
      ['Impossible entry', 2],
    ] as const) {
      await window.reveal(new RegExp(`^${kind}\\s*${count}$`), view);
    }
    await window.reveal(/0x600000.*35 fxprocB · pmd · points to a pte table at physical 0xdeadbee000/, view);
    await window.reveal(/DEBUG_WX\) counts 1 W\+X page/, view);
    await window.page.locator('.part.activitybar [aria-label*="8 findings"]').first().waitFor();
    await keepPicture(window, 'findings');
  });

  test('they are looked for again where that is wanted', async () => {
    const again = window.page.locator(`${view} .action-label[aria-label="Look for Findings Again"]`);
    const badge = window.page.locator('.part.activitybar [aria-label*="8 findings"]').first();
    await window.page.locator(`${view} .pane-header`).hover();
    await again.click();
    await badge.waitFor();
    await window.reveal(/^Wild table pointer\s*4$/, view);
  });

  test('a finding opens its walk in its own address space, with what is wrong in it', async () => {
    await window.clickFor(() => window.reveal('0xa00000', view), window.page.locator('.tab', { hasText: 'Walk' }).first());
    const walk = await window.webview('pagewalk-walk .step.wrong .finding');
    assert.notEqual((await walk.innerText('.step.wrong .finding')).trim(), '');
    await keepPicture(window, 'findings-walk');
  });
});
