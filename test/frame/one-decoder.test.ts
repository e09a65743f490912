/**
 * Memory is decoded by one code, whoever wrote it: nothing below the simulator's floor, no answer of a session and no page knows
 * of simulated machines. (That both give the same answers is shown by test/simulator/elf.test.ts.)
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';

const root = resolve(import.meta.dirname, '../..');

/** Rooms below the simulator: what they read is bytes. */
const below = ['memory', 'codec', 'image', 'arch', 'symbols', 'pagetable', 'kernel', 'expression'];
/** Pages that show memory and tables; that which compares moments may say that they are a scenario's. */
const pages = ['webview/ptdump', 'webview/memory', 'webview/walk'].filter((page) => existsSync(join(root, page)));

/** Words and strings of a file, without its comments. */
function wordsOf(text: string): string[] {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, text);
  const words: string[] = [];
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    if (kind === ts.SyntaxKind.Identifier || kind >= ts.SyntaxKind.StringLiteral) words.push(scanner.getTokenText());
  }
  return words;
}

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(root, folder, name));
}

/** Words that name a simulated machine or a scenario; types of the wire protocol that a scenario's requests share are none. */
function namesOfSimulation(text: string): string[] {
  return wordsOf(text).filter((word) => /simulat|scenario/i.test(word) && word !== "'../protocol/scenario.ts'");
}

test('nothing below the simulator, and no page, names it', () => {
  const folders = [...below.map((room) => `debug-adapter/${room}`), ...pages];
  const files = folders.flatMap(filesIn);
  assert.ok(files.length > 200, `${files.length} files`);
  const named = files.map((file) => [relative(root, file), namesOfSimulation(readFileSync(file, 'utf8'))] as const);
  assert.deepEqual(
    named.filter(([, words]) => words.length > 0),
    [],
  );
});

test('the facts of a session name neither', () => {
  const facts = filesIn('debug-adapter/session').filter((file) => file.endsWith('-facts.ts'));
  assert.ok(facts.length > 8, `${facts.length} files`);
  for (const file of facts) assert.deepEqual(namesOfSimulation(readFileSync(file, 'utf8')), [], relative(root, file));
});

test('a name of either would be seen', () => {
  assert.deepEqual(namesOfSimulation("if (image.format === 'simulated machine') skip(); // of a scenario"), ["'simulated machine'"]);
  assert.deepEqual(namesOfSimulation('const isScenario = 1;'), ['isScenario']);
  assert.deepEqual(namesOfSimulation('/* a simulator, or a scenario */ const at = 1;'), []);
});
