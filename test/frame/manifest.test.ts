/** The manifest against the code: commands, context keys, strings of the display language, settings. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { root } from '../support/vscode.ts';

interface Command {
  readonly command: string;
  readonly enablement?: string;
}
interface Shown {
  readonly command?: string;
  readonly when?: string;
}
interface Manifest {
  readonly activationEvents: readonly string[];
  readonly capabilities: {
    readonly untrustedWorkspaces: {
      readonly supported: unknown;
      readonly description: string;
      readonly restrictedConfigurations: readonly string[];
    };
    readonly virtualWorkspaces: { readonly supported: unknown };
  };
  readonly contributes: {
    readonly commands: readonly Command[];
    readonly menus: Readonly<Record<string, readonly Shown[]>>;
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
    readonly viewsWelcome: readonly { readonly view: string; readonly contents: string; readonly when?: string }[];
    readonly configuration: { readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
    readonly languages: readonly { readonly id: string; readonly configuration?: string }[];
    readonly customEditors: readonly { readonly selector: readonly { readonly filenamePattern: string }[] }[];
    readonly debuggers: readonly {
      readonly configurationAttributes: {
        readonly launch: { readonly properties: Readonly<Record<string, { readonly markdownDescription?: string }>> };
      };
      readonly initialConfigurations: readonly Readonly<Record<string, unknown>>[];
      readonly configurationSnippets: readonly { readonly body: Readonly<Record<string, unknown>> }[];
    }[];
    readonly keybindings?: readonly Shown[];
  };
}

const text = readFileSync(join(root, 'package.json'), 'utf8');
const manifest = JSON.parse(text) as Manifest;
const { contributes } = manifest;
const words = JSON.parse(readFileSync(join(root, 'package.nls.json'), 'utf8')) as Readonly<Record<string, string>>;
const code = readdirSync(join(root, 'extension'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(root, 'extension', file), 'utf8'))
  .join('\n');
const all = (source: string, pattern: RegExp): string[] => Array.from(source.matchAll(pattern), (match) => match[1] ?? '');

describe('the manifest', () => {
  const contributed = contributes.commands.map(({ command }) => command);
  const registered = all(code, /\b(?:registerCommand|command)\(\s*'(pagewalk\.\w+)'/g);

  test('every command is registered and contributed', () => {
    assert.deepEqual([...contributed].sort(), [...new Set(registered)].sort());
  });

  test('every command of menus and links exists', () => {
    const used = [
      ...Object.values(contributes.menus).flatMap((menu) => menu.flatMap(({ command }) => command ?? [])),
      ...Object.values(words).flatMap((said) => all(said, /command:(pagewalk\.\w+)/g)),
      ...all(text, /"on(?:Command):(pagewalk\.\w+)"/g),
    ];
    assert.deepEqual(
      used.filter((command) => !contributed.includes(command)),
      [],
    );
  });

  test('the palette offers nothing that cannot run: without a session, only what needs none', () => {
    const palette = new Map((contributes.menus['commandPalette'] ?? []).map(({ command, when }) => [command, when]));
    const always = contributed.filter((command) => !palette.has(command)).sort();
    const [compare, open] = [
      ['comparePageTables', 'comparePageTablesAsText'],
      ['openExampleImage', 'openExampleScenario', 'openImage'],
    ];
    assert.deepEqual(
      always,
      [...compare, ...open, 'runExampleScenario'].map((name) => `pagewalk.${name}`),
    );
    for (const [command, when] of palette) {
      assert.ok(command !== undefined && contributed.includes(command), command);
      assert.match(when ?? '', /^(?:pagewalk\.(?:active|scenario)|editorLangId == kmm|false)$/, command);
    }
    for (const { command, enablement } of contributes.commands)
      if (enablement !== undefined) assert.equal(palette.get(command), enablement, `${command} is offered where it cannot run`);
  });

  test('a menu shows what needs a session only where there is one', () => {
    const needing = new Map(
      contributes.commands.flatMap(({ command, enablement }) => (enablement === undefined ? [] : [[command, enablement]])),
    );
    const shown = contributes.menus['view/title'] ?? [];
    assert.ok(shown.length > 3);
    for (const { command, when } of shown)
      assert.ok(!needing.has(command ?? '') || /\bpagewalk\.(?:active|scenario)\b/.test(when ?? ''), `${command ?? ''} in «${when ?? ''}»`);
  });

  test('a text whose language the extension serves wakes it', () => {
    const served = new Set([...all(code, /language: '(\w+)'/g), ...all(code, /\b(?:language|scenarioLanguage) = '(\w+)'/g)]);
    assert.deepEqual([...served].sort(), ['dmesg', 'kmm', 'ptdump']);
    for (const name of served) {
      // VS Code adds the event by itself for a language with a configuration (languages extension point), and for no other.
      const hasEvent = contributes.languages.some(({ id, configuration }) => id === name && configuration !== undefined);
      assert.ok(hasEvent || manifest.activationEvents.includes(`onLanguage:${name}`), name);
    }
  });

  test('two files that are selected in the explorer can be compared, of every kind that is opened', () => {
    const entry = contributes.menus['explorer/context']?.find(({ command }) => command === 'pagewalk.compareFiles');
    const [, pattern = ''] = /^listDoubleSelection && resourceFilename =~ \/(.+)\/$/.exec(entry?.when ?? '') ?? [];
    const fits = new RegExp(pattern);
    for (const name of ['vmcore', 'vmcore.1', 'a.kdump', 'a.elf', 'a.lime', 'a.avml', 'a.raw', 'a.ptdump', 'a.kmm', 'first.vmcore'])
      assert.match(name, fits);
    for (const name of ['a.txt', 'kdump.conf', 'self', 'my-vmcore-notes.md', 'vmcoreinfo', 'vmcore-dmesg.txt'])
      assert.doesNotMatch(name, fits);
  });

  test('dumps are opened as dumps, and what kdump writes beside them as text', () => {
    const patterns = contributes.customEditors.flatMap(({ selector }) => selector.map(({ filenamePattern }) => filenamePattern));
    // A name that fits several of an editor's patterns makes VS Code ask which of the «editors» is meant.
    assert.equal(patterns.length, 1);
    const alternatives = (patterns[0] ?? '').replace(/^\{(.*)\}$/, '$1').split(',');
    const isDump = (name: string): boolean =>
      alternatives.some((pattern) => new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(name));
    for (const name of ['vmcore', 'vmcore.1', 'vmcore.flat', 'vmcore-incomplete', 'vmcore-a.elf', 'a.kdump', 'first.vmcore'])
      assert.ok(isDump(name), name);
    for (const name of ['vmcoreinfo', 'vmcore-dmesg.txt', 'vmcore-dmesg-incomplete.txt', 'a.dmesg']) assert.ok(!isDump(name), name);
  });

  test('a folder that is not trusted sets nothing, and what is kept from it is said', () => {
    const { untrustedWorkspaces, virtualWorkspaces } = manifest.capabilities;
    assert.equal(untrustedWorkspaces.supported, 'limited');
    assert.deepEqual([...untrustedWorkspaces.restrictedConfigurations].sort(), Object.keys(contributes.configuration.properties).sort());
    assert.match(untrustedWorkspaces.description, /^%/);
    assert.equal(virtualWorkspaces.supported, false);
  });

  test('every attribute of a launch configuration is described, and no other is written', () => {
    const [debug] = contributes.debuggers;
    const attributes = debug?.configurationAttributes.launch.properties ?? {};
    for (const [name, { markdownDescription }] of Object.entries(attributes)) assert.match(markdownDescription ?? '', /^%/, name);
    const written = [...(debug?.initialConfigurations ?? []), ...(debug?.configurationSnippets ?? []).map(({ body }) => body)];
    assert.ok(written.length > 1);
    for (const configuration of written)
      for (const name of Object.keys(configuration))
        assert.ok(['type', 'request', 'name'].includes(name) || Object.hasOwn(attributes, name), name);
  });

  test('every key of a when clause is known', () => {
    const own = new Set([...all(code, /'setContext',\s*'([\w.]+)'/g)]);
    assert.ok(own.has('pagewalk.active'));
    const vscodes =
      /^(?:view|viewItem|resource\w+|listDoubleSelection|editorLangId|debugType|canViewMemory|debugState|inDebugMode|webviewId|webviewSection|activeWebviewPanelId|activeCustomEditorId|focusedView|isWeb|canEvaluateClipboard|true|false|in|not)$/;
    const clauses = [...all(text, /"(?:when|enablement)": "((?:[^"\\]|\\.)*)"/g)].map((clause) => JSON.parse(`"${clause}"`) as string);
    const views = Object.values(contributes.views).flatMap((group) => group.map(({ id }) => id));
    for (const clause of clauses) {
      const plain = clause.replaceAll(/\/(?:[^/\\]|\\.)*\/[a-z]*/g, ' ').replaceAll(/'[^']*'/g, ' ');
      for (const [, value] of plain.matchAll(/view == ([\w.]+)/g)) assert.ok(value !== undefined && views.includes(value), clause);
      const keys = plain.replaceAll(/(?:==|!=|=~|>=?|<=?)\s*[\w.-]+/g, ' ').match(/[A-Za-z][\w.]*/g) ?? [];
      for (const key of keys) assert.ok(own.has(key) || vscodes.test(key) || key.startsWith('config.pagewalk.'), `${key} in «${clause}»`);
    }
  });

  test('every welcome view belongs to a view', () => {
    const views = Object.values(contributes.views).flatMap((group) => group.map(({ id }) => id));
    for (const { view } of contributes.viewsWelcome) assert.ok(views.includes(view), view);
    for (const view of views)
      assert.ok(
        contributes.viewsWelcome.some((welcome) => welcome.view === view),
        `${view} is empty and says nothing`,
      );
  });

  test('every string is one of the display language', () => {
    const used = new Set<string>();
    const shown = /^(?:title|label|description|markdownDescription|contents|displayName|category|aliases|enumDescriptions)$/;
    const look = (value: unknown, name: string, path: string): void => {
      if (typeof value === 'string') {
        const key = /^%([\w.-]+)%$/.exec(value)?.[1];
        if (key !== undefined) {
          assert.ok(Object.hasOwn(words, key), `${key} at ${path} has no words`);
          used.add(key);
        } else assert.ok(!shown.test(name), `${path} is not localised: ${value}`);
      } else if (Array.isArray(value))
        value.forEach((one, at) => {
          look(one, name, `${path}[${at}]`);
        });
      else if (typeof value === 'object' && value !== null)
        for (const [key, one] of Object.entries(value)) look(one, key, `${path}.${key}`);
    };
    // Names of views are strings too, but `name` is also a launch configuration's.
    for (const group of Object.values(contributes.views))
      for (const view of group) look({ title: (view as { name?: string }).name }, '', 'views');
    look(contributes, '', 'contributes');
    look(manifest.capabilities, '', 'capabilities');
    assert.deepEqual(
      Object.keys(words).filter((key) => !used.has(key)),
      [],
      'words that nothing uses',
    );
  });

  test('every setting is described, has a default, and is read', () => {
    for (const [name, facts] of Object.entries(contributes.configuration.properties)) {
      assert.ok('markdownDescription' in facts || 'description' in facts, `${name} is not described`);
      assert.ok('default' in facts, `${name} has no default`);
      assert.ok(code.includes(`'${name.replace('pagewalk.', '')}'`), `${name} is read nowhere`);
    }
  });
});
