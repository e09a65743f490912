/** The overview of a dump file in a real window, opened from the explorer with no session. Pictures are kept in artefacts/window/. */
import assert from 'node:assert/strict';
import { appendFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Frame, Locator } from 'playwright-core';
import { elfFile, x8664 } from '../builders/elf-file.ts';
import { comes, until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { violations } from '../webview/axe.ts';
import { commandLine, fillWithFirstVmcore, keepPicture, noWindow, useWindow } from './open-window.ts';

const dump = 'mini-sym.kdump';
const refused = 'vmcore.refused';
/** Zeros, among which a kernel is looked for longer than any test lasts. */
const endless = 'vmcore.endless';
const endlessBytes = 256 * 2 ** 30;

function fill(folder: string): void {
  fillWithFirstVmcore(folder);
  writeFileSync(join(folder, refused), 'this is no dump\n');
  const [offset, memory] = [4096n, BigInt(endlessBytes)];
  writeFileSync(join(folder, endless), elfFile([{ offset, fileSize: memory, memorySize: memory }], x8664));
  truncateSync(join(folder, endless), endlessBytes + Number(offset));
}

describe('the overview of a dump file in a window', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;
  let folder: string;
  let page: Frame;

  useWindow({ folder: 'first-vmcore', fill }, (open) => {
    ({ window, folder } = open);
  });

  const picture = (name: string): Promise<void> => keepPicture(window, `overview-${name}`);
  const tab = (name: string): Locator => window.page.locator('.tab.active', { hasText: name });
  const openFile = async (name: string, selector: string): Promise<Frame> => {
    await window.showView('Explorer');
    await until(`${name} in an editor`, async () => {
      await (await window.reveal(name, '.explorer-folders-view')).dblclick();
      return comes(tab(name).first());
    });
    return window.webview(`pagewalk-overview ${selector}`);
  };

  test('a click in the explorer shows what the command line tells of the file', async () => {
    page = await openFile(dump, '.chart');
    const info = JSON.parse(commandLine('info', join(folder, dump), '--json')) as { release: string; tasks: number; kaslrOffset: string };
    const machine = await page.innerText('.machine dl');
    for (const value of [info.release, info.kaslrOffset, String(info.tasks), '2026-11-20 23:53:19 UTC'])
      assert.ok(machine.includes(value), value);
    assert.match(await page.innerText('.chart'), /kernel data\s+1,312/);
    assert.equal(await page.locator('.toolbar .debug').isVisible(), true);
  });

  for (const theme of ['Dark Modern', 'Light Modern', 'Dark High Contrast'])
    test(`${theme}: nothing that a screen reader stumbles over`, async () => {
      await window.setTheme(theme);
      assert.deepEqual(await violations(page), []);
      await picture(theme.toLowerCase().replaceAll(' ', '-'));
      await page.locator('.found').evaluate((found) => {
        found.scrollIntoView();
      });
      await picture(`${theme.toLowerCase().replaceAll(' ', '-')}-below`);
      await page.locator('header').evaluate((header) => {
        header.scrollIntoView();
      });
    });

  test('the kernel log opens with no session', async () => {
    await window.setTheme('Dark Modern');
    await page.click('.toolbar .log');
    await tab('kernel.dmesg').waitFor();
    await window.page.locator('.view-line', { hasText: 'Linux version 6.12.117' }).first().waitFor();
    await window.runCommand('View: Close Editor');
  });

  test('the file is written to: it is said, and read again where that is wanted', async () => {
    page = await openFile(dump, '.chart');
    appendFileSync(join(folder, dump), 'x');
    await page.waitForSelector('.banner');
    assert.match(await page.innerText('.banner'), /has changed on disk/);
    await picture('changed');
    await page.click('.banner button');
    await page.waitForSelector('.banner', { state: 'detached' });
    await page.waitForSelector('.chart');
  });

  test('another view of the same image: compared with what is then asked for', async () => {
    await page.click('.toolbar .compare');
    await window.page.locator('.quick-input-widget:visible', { hasText: `(${dump}) with` }).waitFor();
    await window.page.keyboard.press('Escape');
  });

  test('a link that needs a session starts one, and shows what it is about', async () => {
    await page.click('.toolbar .ptdump');
    await window.webview('pagewalk-ptdump .rows .row');
    await picture('ptdump');
    page = await openFile(dump, '.toolbar .session');
    await page.click('.toolbar .vmalloc');
    await window.row(/^0xffffd4bf8/, '.pane:has([aria-label^="Vmalloc Areas"])').waitFor();
    await picture('session');
    assert.equal(window.processes('dap').length, 1, 'one session serves both');
    await window.runCommand('Debug: Stop');
    await page.waitForSelector('.toolbar .debug');
  });

  test('a file that is no dump is refused with a reason, and can be looked at as text', async () => {
    page = await openFile(refused, '.refused');
    assert.match(await page.innerText('.refused .reason'), /vmcore\.refused/);
    assert.ok(!(await page.innerText('.refused .reason')).startsWith('pagewalk:'));
    await picture('refused');
    await page.click('.refused .text');
    await window.page.locator('.view-line', { hasText: 'this is no dump' }).first().waitFor();
    await window.runCommand('View: Close All Editors');
  });

  test('reading shows how far it is, can be cancelled, and ends with its editor', async () => {
    page = await openFile(endless, '.progress .cancel');
    await page.locator('.progress .words', { hasText: 'looking for the kernel in memory' }).waitFor();
    await picture('progress');
    assert.equal(window.processes(endless).length, 1);
    await page.click('.progress .cancel');
    await page.waitForSelector('.note .ask');
    assert.match(await page.innerText('.note'), /was cancelled/);
    await until('the end of the process', () => window.processes(endless).length === 0);
    await page.click('.note .ask');
    await until('another process', () => window.processes(endless).length === 1);
    await window.runCommand('View: Close All Editors');
    await until('the end of the process', () => window.processes(endless).length === 0);
  });

  test('the process that reads is killed: it is said in place, and reads again where that is wanted', async () => {
    page = await openFile(endless, '.progress .cancel');
    process.kill(await window.onlyProcess(endless), 'SIGKILL');
    await page.waitForSelector('.refused');
    assert.equal((await page.innerText('.refused .reason')).trim(), 'The process that reads the file ended (SIGKILL); read it again.');
    await picture('killed');
    await page.click('.refused .ask');
    await page.locator('.progress .words', { hasText: 'looking for the kernel in memory' }).waitFor();
    await window.runCommand('View: Close All Editors');
    await until('the end of the process', () => window.processes(endless).length === 0);
  });

  test('a file that goes away leaves what was read, and says so', async () => {
    page = await openFile(dump, '.chart');
    rmSync(join(folder, dump));
    await page.waitForSelector('.banner');
    assert.match(await page.innerText('.banner'), /is no longer there/);
    assert.ok((await page.innerText('.machine')).includes('6.12.117+deb12-cloud-amd64'));
  });
});
