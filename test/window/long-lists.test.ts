/** Lists that are longer than a view asks for at once, in a real VS Code window: kinds with their counts, ranges, what lies behind. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { comes, until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { commandLine, keepPicture, noWindow, useWindow, writeLaunch } from './open-window.ts';

const allocations = 2300;
const processes = 1100;

/** A machine that has called vmalloc() often, and has many processes. */
const scenario = `machine { ram 128M }
let n = 0
while n < ${allocations} {
  vmalloc(4K)
  n = n + 1
}
let m = 0
while m < ${processes} {
  create_process("many")
  m = m + 1
}
`;

describe('long lists', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;
  let starts: string[] = [];
  let newest = '';

  useWindow(
    {
      folder: 'long-list',
      fill: (folder) => {
        writeFileSync(join(folder, 'long.kmm'), scenario);
        commandLine('run', join(folder, 'long.kmm'), '--save', join(folder, 'long.elf'));
        writeLaunch(folder, { 'Open the long list': { image: join(folder, 'long.elf') } });
        newest = /\d+/.exec(commandLine('ps', join(folder, 'long.elf')).trimEnd().split('\n').at(-1) ?? '')?.[0] ?? '';
        starts = commandLine('vmalloc', join(folder, 'long.elf'))
          .split('\n')
          .filter((line) => / vmalloc( |$)/.test(line))
          .map((line) => line.split('-')[0] ?? '')
          // The kernel tells them vmap node by vmap node.
          .sort();
      },
    },
    (open) => {
      ({ window } = open);
    },
  );

  test('vmap_areas are counted by kind, and each kind has ranges', async () => {
    await window.debug('Open the long list');
    await window.showView('Kernel Memory');
    const tree = '.pane:has([aria-label^="Vmalloc Areas"])';
    assert.ok(starts.length >= allocations);
    // Above the areas by address, when they are counted.
    await window.expand(new RegExp(`vmalloc\\s*${starts.length} areas, `), tree);
    for (const range of ['[0…999]', '[1000…1999]']) await window.reveal(range, tree);
    const last = `[2000…${starts.length - 1}]`;
    await window.reveal(last, tree);
    await keepPicture(window, 'long-list-ranges');
    await window.expand(last, tree);
    await window.reveal(starts[2000] ?? '', tree);
    await window.parkMouse();
    await keepPicture(window, 'long-list');
  });

  for (const view of ['Page Tables', 'Processes and VMAs']) {
    test(`${view}: behind the first thousand there are more, to the last`, async () => {
      const tree = `.pane:has([aria-label^="${view}"])`;
      const last = window.row(new RegExp(`^${newest} many`), tree);
      // Only what is in view is drawn; End goes to the last row that there is.
      await window.clickFor(() => window.row(/./, tree), window.page.locator(`${tree} .monaco-list:focus-within`));
      await until('the last process', async () => {
        await window.page.keyboard.press('End');
        if (await comes(last)) return true;
        await window.page.keyboard.press('ArrowRight');
        return false;
      });
      await keepPicture(window, `long-list-${view.slice(0, 4).trim().toLowerCase()}`);
    });
  }
});
