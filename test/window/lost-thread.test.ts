/**
 * The thread of an adapter that answers long questions dies under them: each place that asked says so where its answer would be,
 * and asks again when that is wanted. The session goes on, and nothing else is said.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Frame } from 'playwright-core';
import { listen } from '../support/listening.ts';
import type { Listening } from '../support/listening.ts';
import { MortalHost } from '../support/mortal-host.ts';
import { until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { fillWithFirstVmcore, keepPicture, noWindow, useWindow, writeLaunch } from './open-window.ts';

const name = 'An adapter that listens';
const ended = /^the work was not finished, for its thread ended \(exit status \d\); ask again$/;
const address = '0xffffd4bf80833fc0';

describe('a thread that dies while it answers', { skip: noWindow ?? false }, () => {
  const adapter = new MortalHost();
  let listening: Listening;
  let window: VSCodeWindow;
  let ptdump: Frame;

  before(async () => {
    listening = await listen(adapter.host);
  });
  const fill = (folder: string): void => {
    fillWithFirstVmcore(folder);
    writeLaunch(folder, { [name]: { image: '${workspaceFolder}/mini-sym.kdump', debugServer: listening.port } });
  };
  useWindow({ folder: 'first-vmcore', fill }, (open) => {
    ({ window } = open);
  });
  // It ends when its client, which is in the window, has gone.
  after(() => listening.end());

  const said = async (): Promise<string[]> => (await window.notifications()).filter((text) => /thread|worker|terminated/i.test(text));
  /** What `run` asks is asked of threads that die. */
  const dying = async (run: () => Promise<void>): Promise<void> => {
    adapter.dying = true;
    const { deaths } = adapter;
    await run();
    await until('the death of a thread', () => adapter.deaths > deaths);
    adapter.dying = false;
  };

  test('findings of the ptdump panel', async () => {
    await window.debug(name);
    await dying(async () => {
      await window.runCommand('Pagewalk: Open ptdump Panel');
      ptdump = await window.webview('pagewalk-ptdump .canvas .row');
      await ptdump.locator('.status > span', { hasText: ended }).waitFor();
      await keepPicture(window, 'lost-thread-findings');
      // Twice in a row.
      await ptdump.locator('.ask-findings').click();
      await until('another death', () => adapter.deaths === 2);
      await ptdump.locator('.status > span', { hasText: ended }).waitFor();
    });
    await ptdump.locator('.ask-findings').click();
    await ptdump.locator('.ask-findings').waitFor({ state: 'detached' });
    await ptdump.locator('.status > span', { hasText: 'looking for findings…' }).waitFor({ state: 'detached' });
    assert.equal(await ptdump.locator('.status > span', { hasText: ended }).count(), 0);
  });

  test('who else maps a page', async () => {
    await ptdump.locator('.jump input').fill(address);
    await ptdump.locator('.jump input').press('Enter');
    await dying(async () => {
      await ptdump.locator('.who-maps').click();
      await ptdump.locator('.problem', { hasText: ended }).waitFor();
      await keepPicture(window, 'lost-thread-who-maps');
    });
    await ptdump.locator('.who-maps').click();
    await ptdump.waitForSelector('table.mappings');
    assert.equal(await ptdump.locator('.problem').count(), 0);
  });

  test('two page tables side by side', async () => {
    let diff: Frame | undefined;
    await dying(async () => {
      await window.runCommand('Pagewalk: Compare ptdump…');
      await window.pick('kernel (init_mm)', 'The page table to compare');
      await window.pick('1 init', 'Another page table, another image, or a text file');
      diff = await window.webview('pagewalk-diff .body .problem');
      assert.match(await diff.innerText('.body .problem'), ended);
      await keepPicture(window, 'lost-thread-diff');
    });
    await diff?.click('.again');
    await diff?.waitForSelector('.canvas .row');
    assert.equal(await diff?.locator('.problem').count(), 0);
  });

  test('a search of the memory panel', async () => {
    await window.runCommand('Pagewalk: Open Memory…');
    await window.answer(address);
    const memory = await window.webview(`pagewalk-memory .line[data-address="${address}"]`);
    await window.page.keyboard.press('Control+f');
    const field = memory.locator('.search-field input');
    await field.fill('58 46');
    await dying(async () => {
      await field.press('Enter');
      await memory.locator('.problem', { hasText: ended }).waitFor();
      await keepPicture(window, 'lost-thread-memory-search');
    });
    await field.press('Enter');
    await memory.waitForSelector('.found');
    assert.equal(await memory.locator('.problem').count(), 0);
  });

  test('a search of all memory, in its view', async () => {
    const view = '.pane:has([aria-label^="Search"])';
    await dying(async () => {
      await window.runCommand('Pagewalk: Search Memory…');
      await window.answer('58 46 00 00');
      await window.pick('What the kernel maps');
      await window.row(ended, view).waitFor();
      await keepPicture(window, 'lost-thread-search');
    });
    await window.row('Search again', view).click();
    await window.row(/^\d+ hits? in|Nothing found/, view).waitFor();
  });

  test('the findings view', async () => {
    const view = '.pane:has([aria-label^="Findings"])';
    await dying(async () => {
      await window.runCommand('Pagewalk: Look for Findings Again');
      await window.row(ended, view).waitFor();
      await keepPicture(window, 'lost-thread-findings-view');
    });
    await window.row('Look for findings again', view).click();
    await window.row(/checked/, view).waitFor();
  });

  test('the session goes on, and no message was shown', async () => {
    await window.evaluate('&init_task', /0xffffffff/);
    assert.deepEqual(await said(), []);
  });
});
