/** What is read to translate one address: neither the other verbs, nor the session with all its questions, nor the protocol. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const dist = resolve(import.meta.dirname, '../../dist');

/** Bytes of all that is read then, each of which is parsed at every start. */
const most = 340_000;

/** A bundle with all that it imports before it runs, and its size. */
function readWith(file: string, sizes = new Map<string, number>()): Map<string, number> {
  if (sizes.has(file)) return sizes;
  const text = readFileSync(join(dist, file), 'utf8');
  sizes.set(file, Buffer.byteLength(text));
  for (const [, imported = ''] of text.matchAll(/(?:\bfrom|\bimport)\s*"\.\/([\w.-]+)"/g)) readWith(imported, sizes);
  return sizes;
}

test('a start reads what a translation needs', () => {
  const sizes = readWith('pagewalk.js');
  assert.ok(sizes.size > 1, [...sizes.keys()].join());
  const bytes = [...sizes.values()].reduce((sum, each) => sum + each, 0);
  assert.ok(bytes <= most, `${bytes} bytes: ${[...sizes.keys()].join(', ')}`);
  const text = [...sizes.keys()].map((file) => readFileSync(join(dist, file), 'utf8')).join('\n');
  assert.ok(text.includes('vtop <image>'));
  for (const [what, sign] of [
    ['another verb', 'ptov <image>'],
    ['a session', 'a length is a whole number of bytes'],
    ['the protocol', '"node:net"'],
  ] as const)
    assert.ok(!text.includes(sign), what);
});
