/** The grammars as an editor applies them: by vscode-textmate, which is installed with the VS Code of the window tests. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const window = join(root, 'test/vscode-web');

/** Why a test of grammars is skipped; undefined when it need not be. */
export const noTextMate: string | undefined = existsSync(join(window, 'node_modules/vscode-textmate/package.json'))
  ? undefined
  : 'needs vscode-textmate; install it with: npm --prefix test/vscode-web ci';

/** A piece of a line and its innermost scope, without the name of the language at its end; `''` for plain text. */
export type Token = readonly [text: string, scope: string];

interface StateStack {
  readonly depth: number;
}
interface Grammar {
  tokenizeLine(
    line: string,
    before: StateStack | null,
  ): {
    readonly ruleStack: StateStack;
    readonly tokens: readonly { readonly startIndex: number; readonly endIndex: number; readonly scopes: readonly string[] }[];
  };
}
interface TextMate {
  readonly Registry: new (options: object) => { loadGrammar(scope: string): Promise<Grammar | null> };
  readonly parseRawGrammar: (text: string, path: string) => unknown;
}
interface Oniguruma {
  loadWASM(bytes: ArrayBufferLike): Promise<void>;
  readonly OnigScanner: new (patterns: string[]) => unknown;
  readonly OnigString: new (text: string) => unknown;
}

interface Contribution {
  readonly language: string;
  readonly scopeName: string;
  readonly path: string;
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { contributes: { grammars: readonly Contribution[] } };

let loading: Promise<InstanceType<TextMate['Registry']>> | undefined;

async function load(): Promise<InstanceType<TextMate['Registry']>> {
  const require = createRequire(join(window, 'package.json'));
  const oniguruma = require('vscode-oniguruma') as Oniguruma;
  const { Registry, parseRawGrammar } = require('vscode-textmate') as TextMate;
  await oniguruma.loadWASM(readFileSync(require.resolve('vscode-oniguruma/release/onig.wasm')).buffer);
  return new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns: string[]) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text: string) => new oniguruma.OnigString(text),
    }),
    loadGrammar: (scope: string) => {
      const found = manifest.contributes.grammars.find(({ scopeName }) => scopeName === scope);
      if (found === undefined) return Promise.resolve(null);
      const path = join(root, found.path);
      return Promise.resolve(parseRawGrammar(readFileSync(path, 'utf8'), path));
    },
  });
}

/** Tokens of each line of a text in one of the extension's languages; blanks around them are left out. */
export async function tokensOf(language: string, text: string): Promise<Token[][]> {
  loading ??= load();
  const scope = manifest.contributes.grammars.find((one) => one.language === language)?.scopeName;
  if (scope === undefined) throw new Error(`there is no grammar for ${language}`);
  const grammar = await (await loading).loadGrammar(scope);
  if (grammar === null) throw new Error(`the grammar of ${language} cannot be loaded`);
  let state: StateStack | null = null;
  return text.split('\n').map((line) => {
    const { ruleStack, tokens } = grammar.tokenizeLine(line, state);
    state = ruleStack;
    return tokens
      .map(({ startIndex, endIndex, scopes }): Token => {
        const innermost = scopes.at(-1) ?? '';
        return [line.slice(startIndex, endIndex).trim(), innermost === scope ? '' : innermost.replace(/\.[a-z]+$/, '')];
      })
      .filter(([piece]) => piece !== '');
  });
}
