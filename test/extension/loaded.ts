/**
 * Modules of the extension outside VS Code, with as little of its interface as views and hovers need: what they ask of a
 * session and what they make of its answers can be tested without a window.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from '../support/vscode.ts';

/** As VS Code's: who listens hears what is fired. */
class EventEmitter<Told> {
  readonly #listeners: ((told: Told) => void)[] = [];
  readonly event = (listener: (told: Told) => void): { dispose(): void } => {
    this.#listeners.push(listener);
    return { dispose: () => undefined };
  };
  fire(told: Told): void {
    for (const listener of this.#listeners) listener(told);
  }
}

/** A class of objects that keep what they are constructed with, by name. */
function record(...names: readonly string[]): unknown {
  return function (this: object, ...values: readonly unknown[]): void {
    names.forEach((name, at) => Object.assign(this, { [name]: values[at] }));
  };
}

class MarkdownString {
  value = '';
  appendText(text: string): this {
    this.value += text;
    return this;
  }
  appendMarkdown(text: string): this {
    return this.appendText(text);
  }
}

const vscode = {
  EventEmitter,
  MarkdownString,
  Hover: record('contents', 'range'),
  Range: record('line', 'start', 'endLine', 'end'),
  TreeItem: record('label', 'collapsibleState'),
  TreeItemCollapsibleState: { None: 0, Collapsed: 1, Expanded: 2 },
  ThemeIcon: record('id', 'color'),
  ThemeColor: record('id'),
  l10n: {
    t: (text: string, ...values: readonly unknown[]) => text.replace(/\{(\d+)\}/g, (_, at: string) => String(values[Number(at)])),
  },
};

/** What `file` of the repository exports; `more` stands beside what every module gets of VS Code. */
export async function loadedModule(file: string, more: object = {}): Promise<Record<string, unknown>> {
  const { outputFiles } = await build({
    entryPoints: [join(root, file)],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    external: ['vscode'],
    logLevel: 'warning',
  });
  const module = { exports: {} as Record<string, unknown> };
  const compiled: unknown = Reflect.construct(Function, ['require', 'module', 'exports', outputFiles[0]?.text ?? '']);
  assert.ok(typeof compiled === 'function');
  const require = (name: string): unknown => (name === 'vscode' ? { ...vscode, ...more } : createRequire(import.meta.url)(name));
  Reflect.apply(compiled, undefined, [require, module, module.exports]);
  return module.exports;
}

/** A session as views see it: answers each request as `answers` says, and keeps what was asked. */
export class AnsweringSessions {
  readonly asked: { readonly name: string; readonly parameters: Record<string, unknown> }[] = [];
  readonly current = { id: 'one', name: 'one', type: 'pagewalk' };
  readonly #changed = new EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  readonly #answers: Readonly<Record<string, (parameters: Record<string, unknown>) => unknown>>;

  constructor(answers: Readonly<Record<string, (parameters: Record<string, unknown>) => unknown>>) {
    this.#answers = answers;
  }

  /** As `Sessions.request`. */
  request(name: string, parameters: Record<string, unknown>): Promise<unknown> {
    this.asked.push({ name, parameters });
    const answer = this.#answers[name];
    return answer === undefined
      ? Promise.reject(new Error(`${name} is not answered`))
      : new Promise((resolve) => {
          resolve(answer(parameters));
        });
  }

  /** As `Sessions.requestPart`. */
  requestPart(name: string, parameters: Record<string, unknown>): Promise<unknown> {
    return this.request(name, parameters);
  }

  /** It stopped anew. */
  change(): void {
    this.#changed.fire();
  }
}
