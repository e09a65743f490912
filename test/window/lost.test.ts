/** What is taken away while it is used: the adapter, the language server, the image. Each is said, and each way back works. */
import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Frame } from 'playwright-core';
import { root } from '../support/vscode.ts';
import { until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { fillWithFirstVmcore, keepPicture, noWindow, useWindow } from './open-window.ts';

const launch = 'Open the bundled vmcore';
const scenario = '000-vread-vm-map-ram.kmm';
const image = 'mini-sym.kdump';
const address = '0xffffd4bf80833fc0';
/** Nothing has read it before. */
const other = '0xffffd4bf800bd000';

describe('what is lost while a window uses it', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;
  let folder: string;
  let memory: Frame;

  const fill = (into: string): void => {
    fillWithFirstVmcore(into);
    copyFileSync(join(root, 'examples', scenario), join(into, scenario));
  };
  useWindow({ folder: 'first-vmcore', fill }, (open) => {
    ({ window, folder } = open);
  });

  const onlyProcess = async (words: string): Promise<number> => {
    await until(`one process ${words}`, () => window.processes(words).length === 1);
    return window.processes(words)[0] ?? 0;
  };
  const said = (words: RegExp): Promise<void> =>
    until(`a message ${String(words)}`, async () => (await window.notifications()).some((text) => words.test(text)));

  /** Shows the new session in the panel; where that stopped opens over it. */
  const follow = (): Promise<void> =>
    until('the new session in the panel', async () => {
      await window.showTab('Memory');
      await memory
        .locator('.banner button')
        .click({ timeout: 2000 })
        .catch(() => undefined);
      return (await memory.locator('.banner').count()) === 0;
    });

  test('the adapter is killed: that is said, and the panel keeps what it showed', async () => {
    await window.debug(launch);
    await window.runCommand('Pagewalk: Open Memory…');
    await window.answer(address);
    memory = await window.webview(`pagewalk-memory .line[data-address="${address}"]`);
    process.kill(await onlyProcess('pagewalk.js dap'), 'SIGKILL');
    await said(/debug adapter of «Open the bundled vmcore» is gone/);
    await memory.waitForSelector('.banner');
    assert.match(await memory.innerText('.banner'), /«Open the bundled vmcore» has ended/);
    assert.ok((await memory.locator('.line').count()) > 10);
    await keepPicture(window, 'lost-adapter');
  });

  test('it is started again from the message, and the panel goes on with the new session', async () => {
    await window.page.locator('.notifications-toasts .monaco-button', { hasText: 'Start Again' }).click();
    await window.page.locator('.debug-toolbar').waitFor();
    await follow();
    await memory.locator('.address-field input').fill('&init_task');
    await memory.locator('.address-field input').press('Enter');
    await memory.locator('.status', { hasText: /^\s*0xffffffff/ }).waitFor();
    await memory.waitForSelector('.line [data-at]');
    await keepPicture(window, 'lost-adapter-again');
  });

  test('the image is written to: no byte of two moments is shown, and what to do is said', async () => {
    const file = join(folder, image);
    const bytes = readFileSync(file);
    truncateSync(file, bytes.length - 5000);
    await memory.locator('.address-field input').fill(other);
    await memory.locator('.address-field input').press('Enter');
    await memory
      .locator('.line, .problem, .status', { hasText: /was cut to/ })
      .first()
      .waitFor();
    await keepPicture(window, 'lost-image');
    await window.runCommand('Debug: Stop');
    writeFileSync(file, bytes);
    await window.debug(launch);
    await follow();
    await memory.waitForSelector(`.line[data-address="${other}"] [data-at]`);
    await window.runCommand('Debug: Stop');
  });

  test('the language server is killed: it comes back, and so do its findings', async () => {
    await window.openFile(scenario);
    const server = await onlyProcess('pagewalk.js lsp');
    const mistake = async (name: string): Promise<void> => {
      appendFileSync(join(folder, scenario), `\n${name}(1)\n`);
      await window.runCommand('Problems: Focus on Problems View');
      await window.row(name, '.markers-panel').waitFor();
    };
    await mistake('no_such_operation');
    process.kill(server, 'SIGKILL');
    await until('another language server', () => window.processes('pagewalk.js lsp').some((pid) => pid !== server));
    await mistake('nor_this_one');
    await window.row('no_such_operation', '.markers-panel').waitFor();
    await keepPicture(window, 'lost-language-server');
  });
});
