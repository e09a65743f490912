/** The hover on addresses of all kinds in a window: its answer fits into what VS Code shows before it scrolls, and its links lead on. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { comes, until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { fillWithFirstVmcore, keepPicture, noWindow, useWindow } from './open-window.ts';

/** What the kernel calls it, an address of it, and what the hover's first line says. */
const kinds = [
  ['used', 'ffffd4bf80801008', /^used page 1 of 256 of a vm_map_ram block/],
  ['dirty', 'ffffd4bf80834000', /^dirty page 52 of 256 of a vm_map_ram block/],
  ['stack', 'ffffd4bf80041000', /^kernel stack of task 7 /],
  ['text', 'ffffffffa4245490', /^vfs_read\+0x10\/0x370/],
  ['wild', '000f887fee5ff000', /^0xf887fee5ff000 is not canonical/],
  ['user', '0000000000401000', /^a user-space address/],
] as const;
const file = 'addresses.log';

describe('hovers on addresses', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;

  const fill = (folder: string): void => {
    fillWithFirstVmcore(folder);
    writeFileSync(join(folder, file), kinds.map(([name, address]) => `${name} at ${address}\n`).join(''));
  };
  useWindow({ folder: 'first-vmcore', fill }, async (open) => {
    ({ window } = open);
    await window.debug('Open the bundled vmcore');
    await window.openFile(file);
  });

  const shown = '.monaco-hover:visible';
  const hoverOn = async (address: string, first: RegExp): Promise<string> => {
    await window.page.keyboard.press('Escape');
    await window.parkMouse();
    return window.hover(address, new RegExp(first.source, 'm'));
  };

  for (const [name, address, first] of kinds)
    test(`${name}: the first line is the answer, and the links are in view`, async () => {
      const said = await hoverOn(address, first);
      assert.match(said, first);
      const hover = window.page.locator(shown, { hasText: 'Show walk' });
      const [outer, link] = await Promise.all([hover.boundingBox(), hover.locator('a', { hasText: 'Show walk' }).boundingBox()]);
      assert.ok(outer !== null && link !== null && link.y + link.height <= outer.y + outer.height, `cut off: ${said}`);
      await keepPicture(window, `hover-${name}`);
    });

  for (const [link, tab, page] of [
    ['Open memory', 'Memory', 'pagewalk-memory .line'],
    ['0x3b9f008', 'Memory', 'pagewalk-memory .line'],
    ['0xffff8ea083bdac00', 'Memory', 'pagewalk-memory .line'],
    ['Show walk', 'Walk', 'pagewalk-walk .step.end'],
    ['Show in ptdump', 'ptdump', 'pagewalk-ptdump .row.selected'],
  ] as const)
    test(`the link «${link}» leads to its panel`, async () => {
      const [, address, first] = kinds[0];
      await window.showTab(file);
      await until(`the panel of ${link}`, async () => {
        await hoverOn(address, first);
        await window.page
          .locator(`${shown} a`, { hasText: link })
          .first()
          .click({ timeout: 3000 })
          .catch(() => undefined);
        return comes(window.page.locator('.tab.active', { hasText: tab }).first());
      });
      await window.webview(page);
      await window.runCommand('View: Close Editor');
    });

  test('the row of a variable offers its memory and its walk', async () => {
    await window.showView('Run and Debug');
    await window.expand('Registers', '.debug-variables');
    const row = await window.reveal(/^\s*rsp\b/, '.debug-variables');
    for (const [entry, tab, page] of [
      ['Show Walk', 'Walk', 'pagewalk-walk .step.end'],
      ['Open Memory', 'Memory', 'pagewalk-memory .line'],
    ] as const) {
      await window.chooseInMenu(row, entry, window.page.locator('.tab.active', { hasText: tab }).first());
      await window.webview(page);
    }
  });
});
