/** Every string that a person sees can be translated: it is given to l10n.t whole, with placeholders, and is in the bundle. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { bundlePath, bundleText, shownFromTables } from './bundle.ts';
import { sourceOf, sourcesOf, translated, untranslated } from './strings.ts';

const said = (text: string): string[] => untranslated(sourceOf('test.ts', text)).map(({ text: found }) => found);

describe('the check of strings', () => {
  test('finds words wherever they stand', () => {
    assert.deepEqual(said("void vscode.window.showErrorMessage('Nothing is open');"), ['Nothing is open']);
    assert.deepEqual(said("item.description = many ? `${count} areas of it` : '';"), [' areas of it']);
    assert.deepEqual(said("const pick = { label: 'Everything', tooltip: 'all ' + count };"), ['Everything', 'all ']);
    assert.deepEqual(said('throw new Error(`the file ${name} is not there`);'), ['the file ', ' is not there']);
  });

  test('passes what is translated, and what is no language', () => {
    assert.deepEqual(said("item.label = vscode.l10n.t('{0} areas of it', count);"), []);
    assert.deepEqual(said("import { words } from './Some Words.ts'; type Kind = 'Some words'; switch (kind) { case 'Some words': }"), []);
    assert.deepEqual(
      said("register('pagewalk.openImage'); item.id = `group ${name}`; icon('type-hierarchy'); state === 'notPresent';"),
      [],
    );
  });
});

describe('strings', () => {
  const rooms = sourcesOf(['extension', 'webview']);

  test('of the extension are all translated', () => {
    const found = sourcesOf(['extension']).flatMap(untranslated);
    assert.deepEqual(
      found.map(({ file, line, text }) => `${file}:${line}: ${text}`),
      [],
    );
  });

  test('are given whole, not put together', () => {
    const calls = rooms.flatMap(translated);
    assert.ok(calls.length > 400);
    const unknown = calls.filter(({ text }) => text === undefined).map(({ file }) => file);
    assert.deepEqual([...new Set(unknown)].sort(), [...shownFromTables].sort());
    const bundle = JSON.parse(bundleText()) as Record<string, string>;
    for (const text of ['may be written', 'cache without private']) assert.equal(bundle[text], text);
  });

  test('have as many values as placeholders', () => {
    for (const { text, values, file, line } of rooms.flatMap(translated)) {
      if (text === undefined || values === undefined) continue;
      const placeholders = new Set(Array.from(text.matchAll(/\{(\d+)\}/g), ([, digits]) => Number(digits)));
      assert.deepEqual([...placeholders].sort(), [...Array(values).keys()], `${file}:${line}: ${text}`);
    }
  });

  test('are all in the bundle: npm run strings', () => {
    assert.equal(readFileSync(bundlePath, 'utf8'), bundleText());
  });
});
