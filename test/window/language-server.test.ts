/** The language server of scenarios, killed at any moment: it comes back, or one message says that it does not, with a way to try again. */
import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { root } from '../support/vscode.ts';
import { until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { keepPicture, noWindow, useWindow } from './open-window.ts';

const scenario = '000-vread-vm-map-ram.kmm';
const server = 'pagewalk.js lsp';

describe('a language server that is killed', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;
  let folder: string;

  const fill = (into: string): void => {
    copyFileSync(join(root, 'examples', scenario), join(into, scenario));
  };
  useWindow({ folder: 'scenarios', fill }, (open) => {
    ({ window, folder } = open);
  });

  /** A name that there is not, and that the server finds. */
  const mistake = async (name: string): Promise<void> => {
    appendFileSync(join(folder, scenario), `\n${name}(1)\n`);
    await window.runCommand('Problems: Focus on Problems View');
    await window.row(name, '.markers-panel').waitFor();
  };
  const kill = (): void => {
    for (const pid of window.processes(server)) process.kill(pid, 'SIGKILL');
  };
  /** Those about a server, also the ones that the library of language clients would show by itself. */
  const messages = async (): Promise<string[]> => (await window.notifications()).filter((text) => /server|connection|client/i.test(text));
  /** Kills each server in the moment that it appears, until `end` comes. */
  const killWhile = async (end: Promise<unknown>): Promise<void> => {
    const killing = setInterval(kill, 20);
    await end.finally(() => {
      clearInterval(killing);
    });
  };

  test('while it starts: one message says so, and «Restart» starts it', async () => {
    await killWhile(
      window.openFile(scenario).then(() => window.message(/language server of scenarios does not start \(its process ended\)/)),
    );
    await keepPicture(window, 'language-server-does-not-start');
    const said = await messages();
    assert.equal(said.length, 1, said.join('; '));
    await window.pressInMessage('Restart');
    await mistake('no_such_operation');
  });

  test('while it runs: it comes back, and so do its findings', async () => {
    const before = await window.onlyProcess(server);
    process.kill(before, 'SIGKILL');
    await until('another language server', () => window.processes(server).some((pid) => pid !== before));
    await mistake('nor_this_one');
    await window.row('no_such_operation', '.markers-panel').waitFor();
    await keepPicture(window, 'lost-language-server');
    assert.equal((await messages()).length, 1, 'it comes back without a message');
  });

  test('again and again: it is left alone, which is said once', async () => {
    // What it found is taken away with it, so that it runs whenever that is in view.
    const finding = window.row('no_such_operation', '.markers-panel');
    await until('the message', async () => {
      if ((await messages()).some((text) => text.includes('ended 5 times within 3 minutes'))) return true;
      if (await finding.isVisible()) {
        kill();
        await finding.waitFor({ state: 'detached' });
      }
      return false;
    });
    await keepPicture(window, 'language-server-ends-again-and-again');
    assert.deepEqual(window.processes(server), []);
    assert.equal((await messages()).length, 2);
    await window.pressInMessage('Restart');
    await finding.waitFor();
  });
});
