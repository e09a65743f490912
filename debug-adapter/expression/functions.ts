/** Functions that need only types and memory: member arithmetic and the kernel's intrusive lists and trees. */
import { addToAddress, formatAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors, MemoryFault } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { locateMember, stripType } from '../symbols/type-layout.ts';
import type { MemberLocation, StructType, Type } from '../symbols/types.ts';
import { listValue, memberOf, numberOf, numberValue, pointerValue } from './value.ts';
import type { Argument, ExpressionContext, ExpressionFunction, Value } from './value.ts';

/** The type that stands at a position. */
export function typeArgument(parameters: readonly Argument[], index: number, usage: string): Type {
  const argument = parameters[index];
  if (argument?.kind !== 'type') throw errors.badArgument(`parameter ${index + 1} is a type: ${usage}`);
  return argument.type;
}

/** The value that stands at a position. */
export function valueArgument(parameters: readonly Argument[], index: number, usage: string): Value {
  const argument = parameters[index];
  if (argument?.kind !== 'value') throw errors.badArgument(`parameter ${index + 1} is a value: ${usage}`);
  return argument.value;
}

function pathArgument(parameters: readonly Argument[], index: number, usage: string): string {
  const argument = parameters[index];
  if (argument?.kind !== 'path') throw errors.badArgument(`parameter ${index + 1} is the name of a member: ${usage}`);
  return argument.path;
}

function structOf(type: Type, usage: string): StructType {
  const plain = stripType(type);
  if (plain.kind !== 'struct' && plain.kind !== 'union') throw errors.badArgument(`the type is a struct: ${usage}`);
  return plain;
}

function memberAt(struct: StructType, path: string): MemberLocation {
  const found = locateMember(struct, path);
  if (found === undefined) throw errors.badArgument(`struct ${struct.name} has no member ${path}`);
  return found;
}

/** Where the head of a list or the root of a tree lies: what is given itself, or what a pointer points to. */
function headAddress(value: Value, context: ExpressionContext): Address {
  const plain = stripType(value.type);
  if ((plain.kind === 'struct' || plain.kind === 'union' || plain.kind === 'void') && value.address !== undefined) return value.address;
  return toAddress(numberOf(value, context.memory));
}

function offsetOf(): ExpressionFunction {
  const usage = 'offsetof(TYPE, MEMBER)';
  return {
    usage,
    paths: [1],
    call: (parameters, { basic }) => {
      const struct = structOf(typeArgument(parameters, 0, usage), usage);
      return numberValue(BigInt(memberAt(struct, pathArgument(parameters, 1, usage)).offset), basic.unsignedLong);
    },
  };
}

function containerOf(): ExpressionFunction {
  const usage = 'container_of(POINTER, TYPE, MEMBER)';
  return {
    usage,
    paths: [2],
    call: (parameters, context) => {
      const type = typeArgument(parameters, 1, usage);
      const { offset } = memberAt(structOf(type, usage), pathArgument(parameters, 2, usage));
      const pointer = numberOf(valueArgument(parameters, 0, usage), context.memory);
      return pointerValue(type, pointer - BigInt(offset), context.memory.pointerSize);
    },
  };
}

/** The nodes from a head on, as far as they can be followed, and why not further. */
interface Walked {
  readonly nodes: readonly Address[];
  readonly problem: string | undefined;
}

type Walk = (head: Address, context: ExpressionContext) => Walked;

/** A walk over nodes inside objects: `name(HEAD, TYPE, MEMBER)` gives pointers to the objects. */
function walker(name: string, walk: Walk): ExpressionFunction {
  const usage = `${name}(HEAD, TYPE, MEMBER)`;
  return {
    usage,
    paths: [2],
    call: (parameters, context) => {
      const type = typeArgument(parameters, 1, usage);
      const { offset } = memberAt(structOf(type, usage), pathArgument(parameters, 2, usage));
      const size = context.memory.pointerSize;
      const { nodes, problem } = walk(headAddress(valueArgument(parameters, 0, usage), context), context);
      const items = nodes.map((node) => pointerValue(type, node - BigInt(offset), size));
      return listValue(items, { kind: 'pointer', size, target: type }, problem);
    },
  };
}

/** What `read` gives, or the reason in words for which it cannot be read. */
function attempt(read: () => Address): Address | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof MemoryFault) return error.message;
    throw error;
  }
}

/** Nodes from the head on until `end`, each of which begins with the pointer to the next. */
function chain(head: Address, end: bigint, { memory }: ExpressionContext): Walked {
  const nodes: Address[] = [];
  const seen = new Set<bigint>();
  let at = head;
  for (;;) {
    const next = attempt(() => memory.pointer(at));
    if (typeof next === 'string') return { nodes, problem: next };
    if (next === end) return { nodes, problem: undefined };
    if (next === 0n) return { nodes, problem: `there is a null link at ${formatAddress(at)}; it is not a list of this kind` };
    if (seen.has(next)) return { nodes, problem: `the list loops back to ${formatAddress(next)}` };
    if (nodes.length >= limits.listNodes) return { nodes, problem: `the list has more than ${limits.listNodes} nodes` };
    seen.add(next);
    nodes.push(next);
    at = next;
  }
}

/** struct list_head: a ring through its head (include/linux/list.h). */
const listHead: Walk = (head, context) => chain(head, head, context);

/** struct hlist_head and llist_head: one pointer to the first, NULL behind the last. */
const hashList: Walk = (head, context) => chain(head, 0n, context);

/** struct rb_root and rb_root_cached in order (include/linux/rbtree_types.h: parent and colour, right, left). */
const redBlackTree: Walk = (root, { memory }) => {
  const size = memory.pointerSize;
  const nodes: Address[] = [];
  const seen = new Set<bigint>();
  const above: Address[] = [];
  let problem: string | undefined;
  // A branch that cannot be followed is left out; the rest of the tree is told.
  const follow = (link: Address): Address => {
    const node = attempt(() => memory.pointer(link));
    if (typeof node !== 'string' && !seen.has(node) && seen.size < limits.listNodes) return node;
    problem ??=
      typeof node === 'string' ? node : `the tree loops back to ${formatAddress(node)}, or has more than ${limits.listNodes} nodes`;
    return toAddress(0);
  };
  let node = follow(root);
  while (node !== 0n || above.length > 0) {
    while (node !== 0n) {
      seen.add(node);
      above.push(node);
      node = follow(addToAddress(node, 2 * size));
    }
    const next = above.pop();
    if (next === undefined) break;
    nodes.push(next);
    node = follow(addToAddress(next, size));
  }
  return { nodes, problem };
};

function perCpu(): ExpressionFunction {
  const usage = 'per_cpu(VARIABLE, CPU)';
  return {
    usage,
    paths: [0],
    call: (parameters, context) => {
      const path = pathArgument(parameters, 0, usage);
      const [name = '', ...members] = path.split('.');
      const symbol = context.symbols.find(name);
      if (symbol === undefined) throw errors.unknownSymbol(name);
      const cpu = Number(numberOf(valueArgument(parameters, 1, usage), context.memory));
      const address = context.perCpuAddress(symbol.address, cpu);
      if (address === undefined) throw errors.badArgument(`${name} is not a per-CPU variable`);
      const variable: Value = { type: context.typeOfSymbol(name) ?? { kind: 'void' }, address, number: undefined, bits: undefined };
      const struct = stripType(variable.type);
      if (members.length === 0) return variable;
      if (struct.kind !== 'struct' && struct.kind !== 'union') throw errors.badArgument(`${name} has no members that are known`);
      return memberOf(variable, memberAt(struct, members.join('.')), context.memory);
    },
  };
}

/** What every context offers. */
export const plainFunctions: ReadonlyMap<string, ExpressionFunction> = new Map([
  ['offsetof', offsetOf()],
  ['container_of', containerOf()],
  ['list', walker('list', listHead)],
  ['hlist', walker('hlist', hashList)],
  ['llist', walker('llist', hashList)],
  ['rbtree', walker('rbtree', redBlackTree)],
  ['per_cpu', perCpu()],
]);
