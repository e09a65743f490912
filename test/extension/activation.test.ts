/** What is read when the extension is activated, in files and bytes: panels, clients and programs wait until somebody wants them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const dist = resolve(import.meta.dirname, '../../dist');

/** Bytes of all that is read then: what comes in unseen is felt at the start of every window. */
const most = 80_000;

/** Stands for all of VS Code: whatever is asked of it can be called, constructed and asked again. */
function anything(): unknown {
  const target = function (): void {
    // What it stands for is not at hand.
  };
  return new Proxy(target, {
    get: (_, name) => (name === 'then' || typeof name === 'symbol' ? undefined : name === 'prototype' ? {} : anything()),
    apply: anything,
    construct: () => ({ dispose: () => undefined, fire: () => undefined, event: () => ({ dispose: () => undefined }) }),
    set: () => true,
  });
}

/** Loads bundles as VS Code's loader does, and tells each file and module that was asked for. */
class Loader {
  readonly loaded = new Map<string, number>();
  readonly modules: string[] = [];
  readonly #known = new Map<string, { exports: Record<string, unknown> }>();
  readonly #vscode = anything();

  load(file: string): Record<string, unknown> {
    const known = this.#known.get(file);
    if (known !== undefined) return known.exports;
    const text = readFileSync(join(dist, file), 'utf8');
    this.loaded.set(file, Buffer.byteLength(text));
    const module = { exports: {} };
    this.#known.set(file, module);
    const compiled: unknown = Reflect.construct(Function, ['require', 'module', 'exports', text]);
    assert.ok(typeof compiled === 'function');
    Reflect.apply(compiled, undefined, [(name: string) => this.#require(name), module, module.exports]);
    return module.exports;
  }

  #require(name: string): unknown {
    if (name.startsWith('./')) return this.load(name.slice(2));
    this.modules.push(name);
    return name === 'vscode' ? this.#vscode : createRequire(import.meta.url)(name);
  }
}

test('an activation reads the bundle of the extension, and no panel, client or program', async () => {
  const loader = new Loader();
  const { activate } = loader.load('extension.cjs');
  assert.ok(typeof activate === 'function');
  const subscriptions: unknown[] = [];
  const begun: unknown = Reflect.apply(activate, undefined, [{ subscriptions, extensionUri: {}, globalStorageUri: {} }]);
  assert.equal(begun, undefined, 'activation waits for something');
  assert.ok(subscriptions.length > 10);
  // What is begun with a promise would be loaded by now.
  await new Promise((done) => setImmediate(done));
  const files = [...loader.loaded.keys()].map((file) => file.replace(/-[A-Z0-9]{8}\.cjs$/, '.cjs'));
  assert.deepEqual(files, ['extension.cjs', 'extension-chunk.cjs']);
  const bytes = [...loader.loaded.values()].reduce((sum, each) => sum + each, 0);
  assert.ok(bytes <= most, `${bytes} bytes`);
});

test("VS Code's interface is asked for once: each time, its hundreds of accessors would be copied", () => {
  const loader = new Loader();
  loader.load('extension.cjs');
  assert.deepEqual(
    loader.modules.filter((name) => name === 'vscode'),
    ['vscode'],
  );
  for (const file of loader.loaded.keys())
    assert.doesNotMatch(readFileSync(join(dist, file), 'utf8'), /\w+\(\w*require\("vscode"\)[,)]/i, `${file} copies it`);
});
