/** Building blocks of the variables tree. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { declare } from '../expression/declaration.ts';
import { childrenOf, countChildren, formatValue } from '../expression/format.ts';
import type { FormatSpecifier } from '../expression/parser.ts';
import { addressOfValue } from '../expression/value.ts';
import type { ExpressionContext, Value } from '../expression/value.ts';
import { formatAddress } from '../base/address.ts';
import { MemoryFault } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { ListPart } from '../session/list-part.ts';
import type { Adapter, VariableNode } from './adapter.ts';

/** A variable that cannot be expanded unless `more` says so. */
export function row(name: string, value: string, more: Partial<DebugProtocol.Variable> = {}): DebugProtocol.Variable {
  return { name, value, variablesReference: 0, ...more };
}

/** Children made from a list, a page at a time. */
export function pagedNode<Item>(items: readonly Item[], make: (item: Item) => DebugProtocol.Variable): VariableNode {
  return { children: ({ start, count }) => items.slice(start, start + count).map(make) };
}

/** A long list, of which no more is read than is shown; who asks for all gets the first rows (`most`), and one that holds those behind. */
export function listNode<Item>(
  adapter: Pick<Adapter, 'reference'>,
  key: string,
  list: {
    readonly read: (part: ListPart) => readonly Item[];
    readonly make: (item: Item) => DebugProtocol.Variable;
    readonly most?: number;
  },
): VariableNode {
  const { most = limits.listRows } = list;
  const from = (first: number): VariableNode => ({
    children: ({ start, count }) => {
      if (count <= most) return list.read({ start: first + start, count }).map(list.make);
      const items = list.read({ start: first + start, count: most + 1 });
      const rows = items.slice(0, most).map(list.make);
      if (items.length <= most) return rows;
      const next = first + start + most;
      return [
        ...rows,
        row('more', `behind the first ${next}`, { variablesReference: adapter.reference(`${key} from ${next}`, from(next)) }),
      ];
    },
  });
  return from(0);
}

/** The fields of facts: scalars as rows, lists and records expandable. */
export function recordNode(adapter: Adapter, key: string, read: () => Readonly<Record<string, unknown>>): VariableNode {
  return {
    children: (page) =>
      pagedNode(Object.entries(read()), ([name, value]) => factRow(adapter, `${key}.${name}`, { name, value })).children(page),
  };
}

function factRow(adapter: Adapter, key: string, fact: { name: string; value: unknown }): DebugProtocol.Variable {
  const { name, value } = fact;
  if (value === null || value === undefined) return row(name, '-');
  if (typeof value === 'string') return row(name, value, /^0x[0-9a-f]+$/.test(value) ? { memoryReference: value } : {});
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return row(name, String(value));
  if (typeof value !== 'object') return row(name, '-');
  const fields = Object.fromEntries(Object.entries(value));
  const scalars = Array.isArray(value) && value.every((item) => typeof item !== 'object');
  const { summary } = fields;
  const text = scalars ? value.join(' ') : typeof summary === 'string' ? summary : Array.isArray(value) ? `${value.length} entries` : '';
  return row(
    name,
    text,
    scalars
      ? {}
      : {
          variablesReference: adapter.reference(
            key,
            recordNode(adapter, key, () => fields),
          ),
        },
  );
}

/** A value, where it was evaluated, and the style that was asked for. */
interface ShownValue {
  readonly value: Value;
  readonly context: ExpressionContext;
  readonly style?: FormatSpecifier['style'];
}

/** A typed value as a row, with what it is made of. */
export function valueRow(
  adapter: Adapter,
  at: { key: string; name: string; evaluateName?: string },
  of: ShownValue,
): DebugProtocol.Variable {
  const { value, context, style } = of;
  const { facts } = value;
  const { named, indexed } = facts === undefined ? countChildren(value) : { named: Object.keys(facts).length, indexed: 0 };
  const node = facts === undefined ? valueNode(adapter, at, of) : recordNode(adapter, at.key, () => facts);
  const reference = named + indexed === 0 ? 0 : adapter.reference(at.key, node);
  return row(at.name, formatValue(value, context, style), {
    type: declare(value.type, ''),
    variablesReference: reference,
    ...(named > 0 ? { namedVariables: named } : {}),
    ...(indexed > 0 ? { indexedVariables: indexed } : {}),
    ...(at.evaluateName === undefined ? {} : { evaluateName: at.evaluateName }),
    ...memoryReferenceOf(value, context),
  });
}

function memoryReferenceOf(value: Value, context: ExpressionContext): { memoryReference?: string } {
  try {
    const address = addressOfValue(value, context.memory);
    return address === undefined ? {} : { memoryReference: formatAddress(address) };
  } catch (error) {
    if (error instanceof MemoryFault) return {};
    throw error;
  }
}

function valueNode(adapter: Adapter, at: { key: string; evaluateName?: string }, of: ShownValue): VariableNode {
  return listNode(adapter, at.key, {
    most: limits.expressionElements,
    read: (part) => childrenOf(of.value, part, of.context),
    make: (child) => {
      const path = child.name.startsWith('[') ? child.name : `->${child.name}`;
      const evaluateName =
        at.evaluateName === undefined || child.name === '(anonymous)' ? {} : { evaluateName: `(${at.evaluateName})${path}` };
      return valueRow(adapter, { key: `${at.key}${path}`, name: child.name, ...evaluateName }, { ...of, value: child.value });
    },
  });
}
