/** Lists that may have a million entries are written while they are read: their text is longer than one string can be. */
import type { ListPart } from '../session/list-part.ts';
import type { Output } from './output.ts';

const partLength = 1000;

/** All of a list, part by part. */
export function* inParts<Item>(read: (part: ListPart) => readonly Item[]): Generator<readonly Item[]> {
  for (let start = 0; ; start += partLength) {
    const items = read({ start, count: partLength });
    if (items.length > 0) yield items;
    if (items.length < partLength) return;
  }
}

/** Writes what `json({ [key]: items })` gives for the items of all parts (command-line/output.ts). */
export function jsonList(output: Output, key: string, parts: Iterable<readonly unknown[]>): void {
  let before = `{\n  ${JSON.stringify(key)}: [\n`;
  for (const items of parts) {
    // As they stand in the document: two levels deep.
    const texts = items.map((item) => `    ${JSON.stringify(item, undefined, 2).replaceAll('\n', '\n    ')}`);
    output.text(before + texts.join(',\n'));
    before = ',\n';
  }
  output.text(before === ',\n' ? '\n  ]\n}\n' : `{\n  ${JSON.stringify(key)}: []\n}\n`);
}
