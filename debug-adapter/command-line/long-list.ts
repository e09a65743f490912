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

/** The same of items that come one by one. */
export function* together<Item>(items: Iterable<Item>): Generator<readonly Item[]> {
  let part: Item[] = [];
  for (const item of items) {
    if (part.push(item) < partLength) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}

/** Writes one line after the other. */
export function textLines(output: Output, lines: Iterable<string>): void {
  for (const part of together(lines)) output.text(part.join(''));
}

/** A field of a document: a list in parts, or a value. */
export type JsonField = readonly [key: string, value: { readonly parts: Iterable<readonly unknown[]> } | { readonly value: unknown }];

/** Writes what `json` gives for an object of these fields (command-line/output.ts), each read when those before it are written. */
export function jsonDocument(output: Output, fields: Iterable<JsonField>): void {
  let before = '{\n';
  for (const [key, field] of fields) {
    const name = `${before}  ${JSON.stringify(key)}: `;
    before = ',\n';
    if ('value' in field) output.text(name + indented(field.value, 2));
    else writeList(output, name, field.parts);
  }
  output.text('\n}\n');
}

function writeList(output: Output, name: string, parts: Iterable<readonly unknown[]>): void {
  let before = `${name}[\n`;
  let isEmpty = true;
  for (const items of parts) {
    output.text(before + items.map((item) => `    ${indented(item, 4)}`).join(',\n'));
    before = ',\n';
    isEmpty = false;
  }
  output.text(isEmpty ? `${name}[]` : '\n  ]');
}

/** As a value stands in a document that is `depth` characters deep. */
function indented(value: unknown, depth: number): string {
  return JSON.stringify(value, undefined, 2).replaceAll('\n', `\n${' '.repeat(depth)}`);
}

/** Writes what `json({ [key]: items })` gives for the items of all parts. */
export function jsonList(output: Output, key: string, parts: Iterable<readonly unknown[]>): void {
  jsonDocument(output, [[key, { parts }]]);
}
