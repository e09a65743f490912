/** The window is loaded anew: each panel comes back, says that no session is open, and with the next one shows what it showed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { fillWithFirstVmcore, keepPicture, noWindow, useWindow } from './open-window.ts';

const launch = 'Open the bundled vmcore';
const blockPage = '0xffffd4bf80833fc0';
const filter = 'level:pmd';

describe('a window that is loaded anew', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;

  useWindow({ folder: 'first-vmcore', fill: fillWithFirstVmcore }, (open) => {
    ({ window } = open);
  });

  const ask = async (command: string, address: string): Promise<void> => {
    await window.runCommand(command);
    await window.answer(address);
  };

  test('its panels are there, and say that no image is open', async () => {
    await window.debug(launch);
    await ask('Pagewalk: Open Memory…', blockPage);
    const memory = await window.webview(`pagewalk-memory .line[data-address="${blockPage}"]`);
    await memory.locator('.lock').click();
    await ask('Pagewalk: Show Walk', blockPage);
    await window.webview('pagewalk-walk .step.end');
    await window.runCommand('Pagewalk: Open ptdump Panel');
    const ptdump = await window.webview('pagewalk-ptdump .canvas .row');
    await ptdump.fill('input.filter', filter);
    await ptdump.waitForFunction(() => document.querySelector('.count')?.textContent.includes(' of '));

    await window.reload();

    for (const [name, page] of [
      ['ptdump', 'ptdump'],
      ['Memory', 'memory'],
      ['Walk', 'walk'],
    ] as const) {
      await window.showTab(name);
      const shown = await window.webview(`pagewalk-${page} .empty`);
      assert.match(await shown.innerText('.empty'), /No image is open\./);
      await keepPicture(window, `reload-${page}`);
    }
  });

  test('with the next session each shows what it showed', async () => {
    await window.debug(launch);
    await window.showTab('ptdump');
    const ptdump = await window.webview('pagewalk-ptdump .canvas .row');
    assert.equal(await ptdump.inputValue('input.filter'), filter);
    await window.showTab('Memory');
    const memory = await window.webview(`pagewalk-memory .line[data-address="${blockPage}"] [data-at]`);
    assert.equal(await memory.locator('.lock').getAttribute('icon'), 'lock');
    await keepPicture(window, 'reload-memory-again');
    await window.showTab('Walk');
    const walk = await window.webview('pagewalk-walk .step.end');
    assert.match(await walk.innerText('.ladder'), /pgd/);
    await keepPicture(window, 'reload-walk-again');
  });
});
