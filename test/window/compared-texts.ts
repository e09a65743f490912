/** Two texts of page tables to compare, and how a person asks for it in the explorer. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundled } from '../support/dumps.ts';
import { until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { commandLine } from './open-window.ts';

/**
 * Into `folder`: before.ptdump, and after.ptdump in which one region became executable, one read-only, and one is gone: those
 * of `which`, counted among the writable ones of single pages.
 */
export function writeComparedTexts(folder: string, which: readonly [number, number, number] = [3, 40, 80]): void {
  const text = commandLine('ptdump', bundled.image);
  const lines = text.split('\n');
  const writable = lines.flatMap((line, at) => (/ RW .* NX pte$/.test(line) ? [at] : []));
  const [executable, readOnly, gone] = which.map((index) => writable[index]);
  const changed = lines.flatMap((line, at) =>
    at === gone ? [] : [at === executable ? line.replace('NX pte', 'x  pte') : at === readOnly ? line.replace(' RW ', ' ro ') : line],
  );
  writeFileSync(join(folder, 'before.ptdump'), text);
  writeFileSync(join(folder, 'after.ptdump'), changed.join('\n'));
}

/** Selects the two texts in the explorer, and compares them through its menu. */
export async function compareInExplorer(window: VSCodeWindow): Promise<void> {
  await window.showView('Explorer');
  const file = (name: string): ReturnType<typeof window.row> => window.row(name, '.explorer-folders-view');
  await until('both files selected', async () => {
    await file('before.ptdump').click();
    await file('after.ptdump').click({ modifiers: ['ControlOrMeta'] });
    const chosen = await Promise.all(['before.ptdump', 'after.ptdump'].map((name) => file(name).getAttribute('aria-selected')));
    return chosen.every((selected) => selected === 'true');
  });
  const tab = window.page.locator('.tab.active', { hasText: 'before.ptdump ↔ after.ptdump' });
  await window.chooseInMenu(file('after.ptdump'), 'Compare Page Tables', tab);
}
