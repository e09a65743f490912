/**
 * The strings of the extension and its pages, found in their code: those that are given to `l10n.t`, and those that a person
 * would see without it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { root } from '../support/vscode.ts';

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** Source files of the rooms that people see. */
export function sourcesOf(rooms: readonly string[]): ts.SourceFile[] {
  return rooms.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .sort()
      .map((file) => sourceOf(relative(root, join(root, room, file)), readFileSync(join(root, room, file), 'utf8'))),
  );
}

export function sourceOf(name: string, text: string): ts.SourceFile {
  return ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.TS);
}

interface Call extends Omit<Place, 'text'> {
  /** What it is given first; undefined where that is no plain string. */
  readonly text: string | undefined;
  /** How many values it is given; undefined where they are spread out of a list. */
  readonly values: number | undefined;
}

/** The calls of `l10n.t`. */
export function translated(source: ts.SourceFile): Call[] {
  const found: Call[] = [];
  visit(source, (node) => {
    if (!isTranslation(node)) return;
    const [first, ...values] = node.arguments;
    const text = first !== undefined && ts.isStringLiteralLike(first) ? first.text : undefined;
    found.push({ ...placeOf(source, node), text, values: values.some(ts.isSpreadElement) ? undefined : values.length });
  });
  return found;
}

/** The strings of a table that others give to `l10n.t`: the values of its objects, or of one of their properties. */
export function tabled(source: ts.SourceFile, property?: string): string[] {
  const found: string[] = [];
  visit(source, (node) => {
    if (!ts.isPropertyAssignment(node) || !ts.isStringLiteral(node.initializer)) return;
    if (property === undefined || nameOf(node.name) === property) found.push(node.initializer.text);
  });
  return found;
}

/** Strings with words of a language that are not given to `l10n.t`: whatever they are for, a person would read them as they are. */
export function untranslated(source: ts.SourceFile): Place[] {
  const found: Place[] = [];
  const look = (node: ts.Node): void => {
    if (isTranslation(node) || ts.isImportDeclaration(node) || ts.isTypeNode(node) || isIdentity(node)) return;
    if (isText(node) && !ts.isCaseClause(node.parent) && isProse(node.text)) found.push({ ...placeOf(source, node), text: node.text });
    ts.forEachChild(node, look);
  };
  look(source);
  return found;
}

/** `item.id = …`: what nobody sees. */
function isIdentity(node: ts.Node): boolean {
  if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.EqualsToken) return false;
  return ts.isPropertyAccessExpression(node.left) && node.left.name.text === 'id';
}

function isText(node: ts.Node): node is ts.LiteralLikeNode {
  return ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node);
}

function isTranslation(node: ts.Node): node is ts.CallExpression {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false;
  return node.expression.name.text === 't' && nameOf(node.expression.expression) === 'l10n';
}

/** Names of the kernel, of hardware and of programs, which are the same in every language, and what stands around values. */
const names =
  /\$\([\w~-]+\)|\bcommand:[\w.]+|data:\S+|\bContent-Length:|\b(?:[KMGT]iB|CPU|RAM|KASLR|VMCOREINFO|BTF|ptdump|vmcore|pgd|pfn|USR)\b|\b[a-z]\w*[A-Z_]\w*|\b\w+(?:[./]\w+)+/g;
/** HTML, and the policy of its contents. */
const markup = /<\w|="|-src /;

/** Whether a text has a word of some language: one of at least two letters beside others, or one that begins as a sentence does. */
function isProse(text: string): boolean {
  if (markup.test(text)) return false;
  const rest = text.replaceAll(names, '§');
  return /\p{Lu}\p{Ll}+/u.test(rest) || /\p{L}{2,}[ ,:]+\p{L}{2,}/u.test(rest) || /^ +\p{L}{2,}|\p{L}{2,} +$/u.test(rest);
}

function nameOf(node: ts.Node): string {
  if (ts.isPropertyAccessExpression(node)) return node.name.text;
  return ts.isIdentifier(node) || ts.isStringLiteral(node) ? node.text : '';
}

function placeOf(source: ts.SourceFile, node: ts.Node): { readonly file: string; readonly line: number } {
  return { file: source.fileName, line: source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1 };
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => {
    visit(child, see);
  });
}
