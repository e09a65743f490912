/** `eval` and `struct`: typed values, and the layout of types. */
import { limits } from '../base/limits.ts';
import { formatAddress, parseAddress } from '../base/address.ts';
import { errors, UserError } from '../base/errors.ts';
import { declare } from '../expression/declaration.ts';
import { evaluate } from '../expression/evaluate.ts';
import { childrenOf, countChildren, formatValue } from '../expression/format.ts';
import { layoutText, structureText } from '../expression/structure-text.ts';
import { numberOf } from '../expression/value.ts';
import type { ExpressionContext, Value } from '../expression/value.ts';
import type { SessionFace } from '../session/session-face.ts';
import { sizeOfType, stripType } from '../symbols/type-layout.ts';
import type { Type } from '../symbols/types.ts';

/** A value as JSON: scalars as text, structs and arrays with what they are made of. */
export interface ValueFacts {
  readonly type: string;
  readonly address: string | null;
  readonly value: string;
  readonly members?: Readonly<Record<string, ValueFacts>>;
  readonly elements?: readonly ValueFacts[];
  /** Elements behind these. */
  readonly more?: number;
}

/** The value with its members, indented. Throws `UserError` for an expression that makes no sense or memory that is missing. */
export function evalText(session: SessionFace, expression: string, place: { mm: string | undefined; cpu: number }): string {
  const context = session.expressions(place.mm, { cpu: place.cpu });
  const { value, style } = evaluate(expression, context);
  return `${structureText(value, context, style)}\n`;
}

/** The value as JSON has it. Throws as `evalText`. */
export function evalFacts(session: SessionFace, expression: string, place: { mm: string | undefined; cpu: number }): ValueFacts {
  const context = session.expressions(place.mm, { cpu: place.cpu });
  return factsOf(evaluate(expression, context).value, context, 0);
}

function factsOf(value: Value, context: ExpressionContext, depth: number): ValueFacts {
  const plain = stripType(value.type);
  const base = {
    type: declare(value.type, ''),
    address: value.address === undefined ? null : formatAddress(value.address),
    value: formatValue(value, context),
  };
  const { named, indexed } = plain.kind === 'pointer' ? { named: 0, indexed: 0 } : countChildren(value);
  if (depth >= limits.shownDepth || named + indexed === 0) return base;
  try {
    const children = childrenOf(value, { start: 0, count: named > 0 ? named : limits.evaluatedElements }, context);
    const inner = children.map((child) => [child.name, factsOf(child.value, context, depth + 1)] as const);
    if (named > 0) return { ...base, members: Object.fromEntries(inner) };
    const elements = inner.map(([, facts]) => facts);
    return { ...base, elements, ...(indexed > elements.length ? { more: indexed - elements.length } : {}) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...base, value: `<${error.message}>` };
  }
}

/** The layout of a type, or with an address the value of that type there. */
export function structText(session: SessionFace, name: string, at: string | undefined): string {
  const type = typeNamed(session, name);
  if (at === undefined) return `${layoutText(type)}\n`;
  return evalText(session, pointerExpression(session, type, at), { mm: undefined, cpu: 0 });
}

/** The layout of a type, offsets in bytes; with `at` the value there. Throws `UserError` for an unknown type. */
export function structFacts(session: SessionFace, name: string, at: string | undefined): unknown {
  const type = typeNamed(session, name);
  if (at !== undefined) return evalFacts(session, pointerExpression(session, type, at), { mm: undefined, cpu: 0 });
  const plain = stripType(type);
  const members = plain.kind === 'struct' || plain.kind === 'union' ? plain.members : [];
  return {
    type: declare(type, ''),
    size: sizeOfType(type),
    members: members.map((member) => ({
      name: member.name,
      type: declare(member.type, ''),
      offset: Math.floor(member.bitOffset / 8),
      size: sizeOfType(member.type),
      bitOffset: member.bitSize === undefined ? null : member.bitOffset,
      bitSize: member.bitSize ?? null,
    })),
  };
}

/** A type by its C name; `list_head` is taken for `struct list_head`. */
function typeNamed(session: SessionFace, name: string): Type {
  if (session.types === undefined) throw errors.noTypes(`the type ${name}`);
  const type = session.types.parse(name);
  if (type === undefined) throw errors.unknownType(name);
  return type;
}

function pointerExpression(session: SessionFace, type: Type, at: string): string {
  const context = session.expressions(undefined, {});
  const address = parseAddress(at) ?? numberOf(evaluate(at, context).value, context.memory);
  return `*(${declare(type, '')} *)0x${address.toString(16)}`;
}
