/**
 * What is taken away while a session uses it: the adapter, also in the middle of an answer, and the image, which is cut, replaced
 * or removed. Each is said, and each way back works.
 */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Frame } from 'playwright-core';
import { root } from '../support/vscode.ts';
import { until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { commandLine, fillWithFirstVmcore, keepPicture, noWindow, useWindow } from './open-window.ts';

const launch = 'Open the bundled vmcore';
const scenario = '000-vread-vm-map-ram.kmm';
const image = 'mini-sym.kdump';
const address = '0xffffd4bf80833fc0';
/** In the dump, and read by nothing before the test that names it: a block, linux_banner, init_uts_ns. */
const unread = { cut: '0xffffd4bf800bd000', replaced: '0xffffffffa4f529e0', removed: '0xffffffffa5c21bc0' };
/** What the lines of 16 bytes there begin with. */
const bytes = {
  [unread.cut]: '00 00 00 00 01 00 58 46',
  [unread.replaced]: '4c 69 6e 75 78 20 76 65',
  [unread.removed]: '4c 69 6e 75 78 00 00 00',
};
const release = '6.12.117';
const releaseOfScenario = '6.12.0-simulated';

describe('what is lost while a window uses it', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;
  let folder: string;
  let memory: Frame;

  useWindow({ folder: 'first-vmcore', fill: fillWithFirstVmcore }, (open) => {
    ({ window, folder } = open);
  });

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

  /** Without a button: a session that is started anew is the same one to VS Code. */
  const memoryIsLive = async (): Promise<void> => {
    await window.showTab('Memory');
    await memory.locator('.banner').waitFor({ state: 'detached' });
  };
  const goTo = async (expression: string): Promise<void> => {
    await memory.locator('.address-field input').fill(expression);
    await memory.locator('.address-field input').press('Enter');
  };
  const bytesAt = (of: string): Promise<void> =>
    until(`the bytes at ${of}`, async () => {
      // The head of a page has the address of its first line.
      const [line = ''] = await memory.locator(`.line[data-address="${of}"]:has([data-at])`).allInnerTexts();
      return line.replaceAll(/\s+/g, ' ').includes(bytes[of] ?? 'none');
    });
  const kernel = (of: string): Promise<void> => window.page.locator('.statusbar-item', { hasText: of }).first().waitFor();

  test('the adapter is killed: that is said, and the panel keeps what it showed', async () => {
    await window.debug(launch);
    await window.runCommand('Pagewalk: Open Memory…');
    await window.answer(address);
    memory = await window.webview(`pagewalk-memory .line[data-address="${address}"]`);
    process.kill(await window.onlyProcess('pagewalk.js dap'), 'SIGKILL');
    await window.message(/debug adapter of «Open the bundled vmcore» is gone/);
    await memory.waitForSelector('.banner');
    assert.match(await memory.innerText('.banner'), /«Open the bundled vmcore» has ended/);
    assert.ok((await memory.locator('.line').count()) > 10);
    await keepPicture(window, 'lost-adapter');
  });

  test('it is started again from the message, and the panel goes on with the new session', async () => {
    await window.pressInMessage('Start Again');
    await window.page.locator('.debug-toolbar').waitFor();
    await follow();
    await goTo('&init_task');
    await memory.locator('.status', { hasText: /^\s*0xffffffff/ }).waitFor();
    await memory.waitForSelector('.line [data-at]');
    await keepPicture(window, 'lost-adapter-again');
  });

  test('the image is written to: no byte of two moments is shown, and what to do is said', async () => {
    const file = join(folder, image);
    const whole = readFileSync(file);
    truncateSync(file, whole.length - 5000);
    await goTo(unread.cut);
    await memory
      .locator('.line, .problem, .status', { hasText: /was cut to/ })
      .first()
      .waitFor();
    await keepPicture(window, 'lost-image');
    await window.runCommand('Debug: Stop');
    writeFileSync(file, whole);
    await window.debug(launch);
    await follow();
    await bytesAt(unread.cut);
  });

  test('another image takes its name: what was opened is read on, which is said, and a restart opens the other', async () => {
    const file = join(folder, image);
    const kept = join(folder, 'kept');
    copyFileSync(file, kept);
    commandLine('run', join(root, 'examples', scenario), '--save', join(folder, 'other'));
    renameSync(join(folder, 'other'), file);
    await goTo(unread.replaced);
    await bytesAt(unread.replaced);
    await window.message(/mini-sym\.kdump: another file has this name now; open it again to see that one/);
    await keepPicture(window, 'lost-image-replaced');
    await window.runCommand('Debug: Restart');
    await kernel(releaseOfScenario);
    await memoryIsLive();
    await goTo('&init_task');
    await memory.locator('.status', { hasText: /^\s*0xffffffff/ }).waitFor();
    await memory.waitForSelector('.line [data-at]');
    renameSync(kept, file);
    await window.runCommand('Debug: Restart');
    await kernel(release);
    await memoryIsLive();
  });

  test('the image is removed: it is read on, which is said; a restart says that it is not there, and works once it is', async () => {
    const file = join(folder, image);
    const whole = readFileSync(file);
    rmSync(file);
    await goTo(unread.removed);
    await bytesAt(unread.removed);
    await window.message(/mini-sym\.kdump: was removed; it can be read here until the session ends/);
    await window.runCommand('Debug: Restart');
    await window.message(/mini-sym\.kdump: no such file; check its path/);
    await keepPicture(window, 'lost-image-removed');
    const dialog = window.page.locator('.monaco-dialog-box');
    await dialog.locator('.monaco-button', { hasText: /^(?:OK|Cancel)$/ }).click();
    await dialog.waitFor({ state: 'detached' });
    await window.showTab('Memory');
    await bytesAt(unread.removed);
    writeFileSync(file, whole);
    await window.debug(launch);
    await follow();
    await bytesAt(unread.removed);
  });

  test('the adapter is killed while the ptdump panel loads: both are said, and the panel loads with the next session', async () => {
    const adapter = await window.onlyProcess('pagewalk.js dap');
    // It answers nothing any more.
    process.kill(adapter, 'SIGSTOP');
    await window.runCommand('Pagewalk: Open ptdump Panel');
    const ptdump = await window.webview('pagewalk-ptdump');
    assert.equal(await ptdump.locator('.canvas .row').count(), 0);
    process.kill(adapter, 'SIGKILL');
    await ptdump.waitForSelector('.banner');
    assert.match(await ptdump.innerText('.banner'), /has ended/);
    await ptdump.locator('.status .problem', { hasText: /^The session (?:ended before it answered|has ended)/ }).waitFor();
    await keepPicture(window, 'lost-adapter-loading');
    await window.pressInMessage('Start Again');
    await window.page.locator('.debug-toolbar').waitFor();
    await kernel(release);
    await window.showTab('ptdump');
    await ptdump.locator('.banner button').click();
    await ptdump.waitForSelector('.canvas .row');
    assert.equal(await ptdump.locator('.banner').count(), 0);
  });

  test('the session is stopped while the ptdump panel loads: the panel says so, and loads with the next', async () => {
    await window.runCommand('View: Close Editor');
    const adapter = await window.onlyProcess('pagewalk.js dap');
    process.kill(adapter, 'SIGSTOP');
    await window.runCommand('Pagewalk: Open ptdump Panel');
    await window.webview('pagewalk-ptdump');
    await window.runCommand('Debug: Stop');
    process.kill(adapter, 'SIGCONT');
    const ptdump = await window.webview('pagewalk-ptdump .banner');
    assert.match(await ptdump.innerText('.banner'), /has ended/);
    await keepPicture(window, 'stopped-while-loading');
    await window.debug(launch);
    await window.showTab('ptdump');
    await ptdump.locator('.banner button').click();
    await window.webview('pagewalk-ptdump .canvas .row');
  });
});
