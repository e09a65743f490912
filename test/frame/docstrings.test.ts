/** Whatever rooms of the adapter, the extension and the webviews offer each other says what it promises: functions, classes, methods, interfaces, types, constants. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import ts from 'typescript';

const root = resolve(import.meta.dirname, '../..');
const paths = ['debug-adapter', 'extension', 'webview'].flatMap((world) =>
  readdirSync(join(root, world), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.startsWith(join('scenario', 'generated')))
    .map((path) => join(world, path))
    .sort(),
);
const rooms = [...new Set(paths.map((path) => dirname(path)))];

/** Something that is offered, with its docstring's words. */
interface Offered {
  /** As `Class.member` or the plain name. */
  readonly name: string;
  readonly line: number;
  readonly documentation: string | undefined;
}

function modifiersOf(node: ts.Node): readonly ts.SyntaxKind[] {
  return ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []).map(({ kind }) => kind) : [];
}

/** The words of the comment that stands directly before a declaration; a file's header belongs to what follows it only where no import does. */
function documentationOf(node: ts.Node, source: ts.SourceFile): string | undefined {
  const last = ts.getLeadingCommentRanges(source.text, node.getFullStart())?.at(-1);
  const text = last === undefined ? '' : source.text.slice(last.pos, last.end);
  return text.startsWith('/**') ? text.replace(/^\/\*\*|\*\/$|^\s*\*/gm, ' ').trim() : undefined;
}

/** Names that a class or interface declares, and those of what it extends or implements. */
const declared = new Map<string, { readonly members: ReadonlySet<string>; readonly above: readonly string[] }>();
const sources = paths.map((path) => {
  const source = ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.Latest, true);
  for (const node of source.statements) {
    if (!(ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) || node.name === undefined) continue;
    const members = new Set(node.members.flatMap(({ name }) => (name === undefined ? [] : [name.getText()])));
    declared.set(node.name.text, { members, above: heritageOf(node) });
  }
  return { path, source };
});

function heritageOf(node: ts.ClassDeclaration | ts.InterfaceDeclaration): readonly string[] {
  return (node.heritageClauses ?? []).flatMap(({ types }) => types.map(({ expression }) => expression.getText()));
}

/** Whether an interface or class above already documents the member. */
function isInherited(above: readonly string[], member: string): boolean {
  return above.some((name) => {
    const one = declared.get(name);
    return one !== undefined && (one.members.has(member) || isInherited(one.above, member));
  });
}

const hidden = [ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.OverrideKeyword];

function membersOf(node: ts.ClassDeclaration | ts.InterfaceDeclaration): readonly ts.Node[] {
  if (ts.isInterfaceDeclaration(node)) return node.members.filter(ts.isMethodSignature);
  const above = heritageOf(node);
  return node.members.filter(
    (member) =>
      (ts.isMethodDeclaration(member) || ts.isGetAccessor(member)) &&
      !ts.isPrivateIdentifier(member.name) &&
      !modifiersOf(member).some((kind) => hidden.includes(kind)) &&
      !isInherited(above, member.name.getText()),
  );
}

function offersOf(source: ts.SourceFile): readonly Offered[] {
  const found: Offered[] = [];
  const offer = (node: ts.Node, name: string): void => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    found.push({ name, line: line + 1, documentation: documentationOf(node, source) });
  };
  for (const node of source.statements) {
    if (!modifiersOf(node).includes(ts.SyntaxKind.ExportKeyword)) continue;
    if (ts.isFunctionDeclaration(node)) offer(node, node.name?.text ?? '');
    if (ts.isVariableStatement(node)) offer(node, node.declarationList.declarations[0]?.name.getText() ?? '');
    if (ts.isTypeAliasDeclaration(node) || ts.isInterfaceDeclaration(node)) offer(node, node.name.text);
    if (ts.isClassDeclaration(node)) offer(node, node.name?.text ?? '');
    if (ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) {
      for (const member of membersOf(node)) {
        const name = (member as ts.MethodDeclaration | ts.MethodSignature).name.getText();
        offer(member, `${node.name?.text ?? ''}.${name}`);
      }
    }
  }
  return found;
}

/** `frameOf` and `The frame of` say the same: words that are no part of the name tell something. */
function saysMore({ name, documentation = '' }: Offered): boolean {
  const plain = name.toLowerCase();
  const filler = new Set([
    'the',
    'a',
    'an',
    'of',
    'to',
    'is',
    'gets',
    'get',
    'returns',
    'sets',
    'set',
    'for',
    'this',
    'it',
    'its',
    'whether',
  ]);
  const words = documentation.toLowerCase().match(/[a-z0-9_]+/g) ?? [];
  return words.some((word) => !filler.has(word) && !plain.includes(word.replace(/s$/, '')));
}

/** Files of these have one subject each, which their header tells: their class, or else their only function; members are handlers. */
const worldsOfSubjects = ['extension', 'webview'];

/** What needs a docstring of its own in a file of one subject. */
function besidesSubject(offers: readonly Offered[], source: ts.SourceFile): readonly Offered[] {
  const own = offers.filter(({ name }) => !name.includes('.'));
  if (!source.text.startsWith('/**')) return own;
  const declarations = source.statements.filter((node) => modifiersOf(node).includes(ts.SyntaxKind.ExportKeyword));
  const classes = declarations.filter(ts.isClassDeclaration);
  const functions = declarations.filter(ts.isFunctionDeclaration);
  const subject = classes[0] ?? (functions.length === 1 ? functions[0] : undefined);
  return own.filter(({ name }) => name !== subject?.name?.text);
}

describe('docstrings', () => {
  for (const room of rooms) {
    test(`${room}: what others use is documented`, (t) => {
      const offers = sources
        .filter(({ path }) => dirname(path) === room)
        .flatMap(({ path, source }) =>
          (worldsOfSubjects.some((world) => path.startsWith(world)) ? besidesSubject(offersOf(source), source) : offersOf(source)).map(
            (offered) => ({ ...offered, place: `${path}:${offered.line} ${offered.name}` }),
          ),
        );
      t.diagnostic(`${offers.length} docstrings`);
      assert.deepEqual(
        offers.filter(({ documentation }) => documentation === undefined).map(({ place }) => place),
        [],
        'without a docstring',
      );
      assert.deepEqual(
        offers.filter((offered) => !saysMore(offered)).map(({ place }) => place),
        [],
        'with a docstring that only repeats the name',
      );
    });
  }

  test('the check finds what is missing, and what says nothing', () => {
    const text = [
      '/** A file. */',
      "import { a } from './a.ts';",
      'export function bare(): void {}',
      '/** Gets the frame of it. */',
      'export function frameOf(): void {}',
      '/** In bytes, below 2^53. */',
      'export const size = (): number => 1;',
      'export class Box {',
      '  open(): void {}',
      '  #inside(): void {}',
      '}',
      'function own(): void {}',
      'interface Own {}',
      'export interface Shape {}',
      '/** A size in pages. */',
      'export type Size = number;',
      'export const most = 5;',
    ].join('\n');
    const offers = offersOf(ts.createSourceFile('sample.ts', text, ts.ScriptTarget.Latest, true));
    assert.deepEqual(
      offers.map(({ name, documentation }) => [name, documentation]),
      [
        ['bare', undefined],
        ['frameOf', 'Gets the frame of it.'],
        ['size', 'In bytes, below 2^53.'],
        ['Box', undefined],
        ['Box.open', undefined],
        ['Shape', undefined],
        ['Size', 'A size in pages.'],
        ['most', undefined],
      ],
    );
    assert.deepEqual(
      offers.filter(saysMore).map(({ name }) => name),
      ['size', 'Size'],
    );
  });

  test('a header documents the subject of its file, and nothing else', () => {
    const asked = (text: string): readonly string[] => {
      const source = ts.createSourceFile('sample.ts', text, ts.ScriptTarget.Latest, true);
      return besidesSubject(offersOf(source), source).map(({ name }) => name);
    };
    const body =
      "import { a } from './a.ts';\nexport class Panel { show(): void {} }\nexport function other(): void {}\nexport type Way = 1;\n";
    assert.deepEqual(asked(`/** A panel. */\n${body}`), ['other', 'Way']);
    assert.deepEqual(asked(body), ['Panel', 'other', 'Way']);
    assert.deepEqual(asked("/** One. */\nimport { a } from './a.ts';\nexport function one(): void {}\n"), []);
    assert.deepEqual(asked("/** Two. */\nimport { a } from './a.ts';\nexport function one(): void {}\nexport function two(): void {}\n"), [
      'one',
      'two',
    ]);
  });
});
