/** The bundle of strings that translators start from: every string of the extension and its pages, as VS Code's l10n has it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/vscode.ts';
import { sourceOf, sourcesOf, tabled, translated } from './strings.ts';

export const bundlePath = join(root, 'l10n/bundle.l10n.json');

/** Tables whose strings are translated where they are shown; `property` names the strings, where not all of them are meant. */
const tables = [
  { file: 'debug-adapter/protocol/ptdump-meanings.ts' },
  { file: 'debug-adapter/protocol/page-category-rows.ts', property: 'category' },
];

/** Who shows them. */
export const shownFromTables = [
  ...['extension/documents/ptdump-documents.ts', 'extension/documents/page-categories.ts', 'webview/overview/sections.ts'],
];

/** The bundle's text: each string by itself, in the order of the alphabet. */
export function bundleText(): string {
  const strings = [
    ...sourcesOf(['extension', 'webview']).flatMap((source) => translated(source).flatMap(({ text }) => text ?? [])),
    ...tables.flatMap(({ file, property }) => tabled(sourceOf(file, readFileSync(join(root, file), 'utf8')), property)),
  ];
  const sorted = [...new Set(strings)].sort((one, other) => (one < other ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted.map((text) => [text, text])), undefined, 2)}\n`;
}
