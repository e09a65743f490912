/** Memory and the walk of an address in a window, on the bundled dump, by mouse and keyboard. Pictures are kept in artefacts/window/. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Frame } from 'playwright-core';
import { root } from '../support/vscode.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { VSCodeWindow } from '../vscode-web/window.ts';
import { violations } from '../webview/axe.ts';

const artefacts = join(root, 'artefacts/window');
const places = findPlaces();

describe('memory in a window', { skip: 'missing' in places ? places.missing : false }, () => {
  let window: VSCodeWindow;
  let scratch: string;
  let memory: Frame;

  before(async () => {
    assert.ok(!('missing' in places));
    scratch = mkdtempSync(join(tmpdir(), 'pagewalk-memory-'));
    const folder = join(scratch, 'first-vmcore');
    const vsix = join(scratch, 'pagewalk.vsix');
    execFileSync('npm', ['run', 'pack', '--', '--out', vsix], { cwd: root, stdio: 'pipe' });
    cpSync(join(root, 'examples/first-vmcore'), folder, { recursive: true });
    window = await VSCodeWindow.open(places, { folder, vsix, artefacts });
    await window.debug('Open the bundled vmcore');
  });
  after(async () => {
    await window.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  const picture = (name: string): Promise<void> => window.picture(join(artefacts, `${name}.png`));
  const open = async (title: string, address: string): Promise<void> => {
    await window.runCommand(title);
    await window.page.locator('.quick-input-widget:visible input.input').fill(address);
    await window.page.keyboard.press('Enter');
  };

  test('the memory panel shows the pages of a vmap_block with their states', async () => {
    await open('Pagewalk: Open Memory…', '0xffffd4bf80833fc0');
    memory = await window.webview('pagewalk-memory .line.head.dirty');
    assert.match(await memory.innerText('.line.head.dirty'), /pages 52–59 of 256 · dirty/);
    assert.match(await memory.innerText('.line[data-address="0xffffd4bf80833fc0"]'), /^ffffd4bf80833fc0/);
    await picture('memory');
  });

  test('an expression is gone to, and a type of the dump is laid over its bytes', async () => {
    await memory.locator('.address-field input').fill('&init_task');
    await memory.locator('.address-field input').press('Enter');
    await memory.locator('.status', { hasText: /^\s*0xffffffff/ }).waitFor();
    await memory.locator('.view').click();
    await memory.locator('.type-field input').fill('struct task_struct');
    await memory.locator('.type-field input').press('Enter');
    await memory.locator('aside .name', { hasText: 'thread_info.flags' }).waitFor();
    await picture('memory-type');
    assert.deepEqual(await violations(memory), []);
  });

  test('the walk of the address is a ladder whose steps open the tables in memory', async () => {
    await open('Pagewalk: Show Walk', '0xffffd4bf80801008');
    const walk = await window.webview('pagewalk-walk .step.end');
    assert.match(await walk.innerText('.ladder'), /CR3[^]*pgd\s*\[425\][^]*0x3b9f008/);
    await picture('walk');
    assert.deepEqual(await violations(walk), []);
    await walk.locator('.step:nth-child(5) vscode-toolbar-button').first().click();
    memory = await window.webview('pagewalk-memory .line');
    await memory.waitForFunction(() => (document.querySelector('.space')?.textContent ?? '').includes('Physical'));
  });

  test('a session that ends leaves a snapshot that says so', async () => {
    await window.page.keyboard.press('Shift+F5');
    memory = await window.webview('pagewalk-memory .banner');
    assert.match(await memory.innerText('.banner'), /has ended/);
    assert.ok((await memory.locator('.line').count()) > 10);
    await picture('memory-ended');
  });
});
