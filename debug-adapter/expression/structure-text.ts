/** Structures over several lines: their members' values, or their layout. */
import { limits } from '../base/limits.ts';
import { MemoryFault } from '../base/errors.ts';
import { sizeOfType, stripType } from '../symbols/type-layout.ts';
import type { StructType, Type } from '../symbols/types.ts';
import { declare } from './declaration.ts';
import { childrenOf, countChildren, formatValue } from './format.ts';
import type { Child } from './format.ts';
import type { FormatSpecifier } from './parser.ts';
import type { ExpressionContext, Value } from './value.ts';

/** A value with all that it is made of, like crash's `struct`. Memory that is missing is told where it is missing. */
export function structureText(value: Value, context: ExpressionContext, style?: FormatSpecifier['style']): string {
  return lines({ name: '', value }, { context, style }, 0).join('\n');
}

interface Options {
  readonly context: ExpressionContext;
  readonly style: FormatSpecifier['style'];
}

function lines(child: Child, options: Options, depth: number): string[] {
  const { value, name } = child;
  const { style } = options;
  const indent = '  '.repeat(depth);
  const head = name === '' || name === '(anonymous)' ? indent : `${indent}${name} = `;
  const plain = stripType(value.type);
  const isStruct = plain.kind === 'struct' || plain.kind === 'union';
  const isText = plain.kind === 'array' && isCharacter(plain.element) && value.items === undefined;
  if (depth >= limits.shownDepth || (!isStruct && (plain.kind !== 'array' || isText))) return [`${head}${oneLine(value, options)}`];
  const children = attempt(() =>
    childrenOf(value, { start: 0, count: isStruct ? plain.members.length : limits.shownElements }, options.context),
  );
  if (typeof children === 'string') return [`${head}${children}`];
  // Lines of text, such as those of ptdump(), stand as they are.
  if (value.items !== undefined && style === undefined && children.length > 0 && children.every((one) => one.value.text !== undefined))
    return [
      ...(head === indent ? [] : [head]),
      ...children.map((one) => `${indent}${one.value.text ?? ''}`),
      ...moreOf(value, children, indent),
    ];
  if (!isStruct && children.every((one) => isScalar(one.value.type)))
    return [`${head}${row(children, { count: countChildren(value).indexed, note: value.note }, options)}`];
  const opening = isStruct && depth === 0 ? `${plain.kind} ${plain.name} {`.replace('  ', ' ') : '{';
  const inner = children.flatMap((one) => lines(isStruct ? one : { ...one, name: one.name }, options, depth + 1).map((line) => line));
  return [`${head}${opening}`, ...inner, ...moreOf(value, children, `${indent}  `), `${indent}}`];
}

/** A line about the elements that are not shown. */
function moreOf(value: Value, children: readonly Child[], indent: string): string[] {
  const plain = stripType(value.type);
  return plain.kind === 'array' && plain.count > children.length ? [`${indent}… (${plain.count - children.length} more)`] : [];
}

function oneLine(value: Value, { context, style }: Options): string {
  return formatValue(value, context, style);
}

/** An array of scalars in one line; equal neighbours are counted. */
function row(children: readonly Child[], { count, note }: { count: number; note: string | undefined }, options: Options): string {
  const words: string[] = [];
  let previous: string | undefined;
  let repeats = 0;
  const flush = (): void => {
    if (previous !== undefined)
      words.push(repeats > 3 ? `${previous} <repeats ${repeats} times>` : Array(repeats).fill(previous).join(', '));
  };
  for (const { value } of children) {
    const word = oneLine(value, options);
    if (word === previous) repeats++;
    else {
      flush();
      previous = word;
      repeats = 1;
    }
  }
  flush();
  if (count > children.length) words.push(`… (${count - children.length} more)`);
  if (note !== undefined) words.push(`<${note}>`);
  return `{${words.join(', ')}}`;
}

function attempt(read: () => Child[]): Child[] | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof MemoryFault) return `<${error.message}>`;
    throw error;
  }
}

function isCharacter(type: Type): boolean {
  const plain = stripType(type);
  return plain.kind === 'integer' && plain.size === 1;
}

function isScalar(type: Type): boolean {
  return !['struct', 'union', 'array'].includes(stripType(type).kind);
}

/** The layout of a type: each member's byte offset and declaration, holes, and the size. */
export function layoutText(type: Type): string {
  const plain = stripType(type);
  if (plain.kind === 'enum') {
    const members = plain.enumerators.map(({ name, value }) => `  ${name} = ${value},`);
    return [`enum ${plain.name} {`, ...members, '}', `SIZE: ${plain.size}`].join('\n');
  }
  if (plain.kind !== 'struct' && plain.kind !== 'union') return `${declare(type, '')}\nSIZE: ${sizeOfType(type)}`;
  const body = layoutLines(plain, { depth: 1, base: 0 });
  return [`${plain.kind} ${plain.name} {`, ...body, '}', `SIZE: ${plain.size}`].join('\n');
}

function layoutLines(struct: StructType, at: { depth: number; base: number }): string[] {
  const indent = '    '.repeat(at.depth);
  const found: string[] = [];
  let end = 0;
  for (const member of struct.members) {
    const offset = Math.floor(member.bitOffset / 8);
    if (struct.kind === 'struct' && member.bitOffset > end && offset * 8 >= end + 8) {
      found.push(`${column(undefined)}${indent}/* hole of ${offset - Math.ceil(end / 8)} bytes */`);
    }
    end = Math.max(end, member.bitOffset + (member.bitSize ?? sizeOfType(member.type) * 8));
    const inner = stripType(member.type);
    if ((inner.kind === 'struct' || inner.kind === 'union') && inner.name === '' && at.depth < limits.shownDepth) {
      found.push(
        `${column(at.base + offset)}${indent}${inner.kind} {`,
        ...layoutLines(inner, { depth: at.depth + 1, base: at.base + offset }),
        `${column(undefined)}${indent}}${member.name === '' ? '' : ` ${member.name}`};`,
      );
      continue;
    }
    const bits = member.bitSize === undefined ? '' : ` : ${member.bitSize}`;
    found.push(`${column(at.base + offset)}${indent}${declare(member.type, member.name)}${bits};`);
  }
  const total = struct.size * 8;
  if (struct.kind === 'struct' && total >= end + 8)
    found.push(`${column(undefined)}${indent}/* padding of ${Math.floor((total - end) / 8)} bytes */`);
  return found;
}

function column(offset: number | undefined): string {
  return offset === undefined ? ' '.repeat(7) : `${`[${offset}]`.padStart(6)} `;
}
