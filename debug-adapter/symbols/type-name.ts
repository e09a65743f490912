/** Parses C type names: `struct page *`, `unsigned long`, `const char *[4]`. */
import { limits } from '../base/limits.ts';
import type { Type, TypeTable } from './types.ts';

const integerWords = new Set(['unsigned', 'signed', 'long', 'short', 'int', 'char']);
/** Names under which compilers record the integer types, by their words in sorted order. */
const integerNames: Readonly<Record<string, readonly string[]>> = {
  char: ['char'],
  'char signed': ['signed char'],
  'char unsigned': ['unsigned char'],
  int: ['int'],
  signed: ['int'],
  'int signed': ['int'],
  unsigned: ['unsigned int'],
  'int unsigned': ['unsigned int'],
  short: ['short', 'short int'],
  'int short': ['short', 'short int'],
  'short unsigned': ['unsigned short', 'short unsigned int'],
  'int short unsigned': ['unsigned short', 'short unsigned int'],
  long: ['long', 'long int'],
  'int long': ['long', 'long int'],
  'long unsigned': ['unsigned long', 'long unsigned int'],
  'int long unsigned': ['unsigned long', 'long unsigned int'],
  'long long': ['long long', 'long long int'],
  'int long long': ['long long', 'long long int'],
  'long long unsigned': ['unsigned long long', 'long long unsigned int'],
  'int long long unsigned': ['unsigned long long', 'long long unsigned int'],
};

/** The type, or undefined when a part of the text is no type of the table. */
export function parseTypeName(text: string, table: TypeTable): Type | undefined {
  if (text.length > limits.expressionCharacters) return undefined;
  const match = /^([\w\s]+?)\s*((?:\*\s*(?:const\s*|volatile\s*)?)*)((?:\[\s*\d+\s*\]\s*)*)$/.exec(text.trim());
  if (match === null) return undefined;
  const words = (match[1] ?? '').split(/\s+/).filter((word) => word !== 'const' && word !== 'volatile' && word !== '');
  let type = baseType(words, table);
  if (type === undefined) return undefined;
  const stars = (match[2] ?? '').replace(/[^*]/g, '').length;
  const counts = [...(match[3] ?? '').matchAll(/\d+/g)].map(Number);
  if (stars + counts.length > limits.typeDepth) return undefined;
  for (let star = 0; star < stars; star++) type = { kind: 'pointer', size: table.pointerSize, target: type };
  for (const count of counts.reverse()) type = { kind: 'array', element: type, count };
  return type;
}

function baseType(words: readonly string[], table: TypeTable): Type | undefined {
  const [first, second] = words;
  if (first === undefined) return undefined;
  if ((first === 'struct' || first === 'union') && second !== undefined && words.length === 2) return table.struct(second);
  if (first === 'enum' && second !== undefined && words.length === 2) return table.enum(second);
  if (first === 'void' && words.length === 1) return { kind: 'void' };
  if (words.every((word) => integerWords.has(word))) {
    for (const name of integerNames[[...words].sort().join(' ')] ?? []) {
      const type = table.typedef(name);
      if (type !== undefined) return type;
    }
    return undefined;
  }
  return words.length === 1 ? (table.typedef(first) ?? table.struct(first) ?? table.enum(first)) : undefined;
}
