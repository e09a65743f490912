/** evaluate and completions. A hover answers with what an address is; the console takes expressions and dot commands. */
import { limits } from '../base/limits.ts';
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import { formatAddress, parseAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors, UserError } from '../base/errors.ts';
import { evaluate } from '../expression/evaluate.ts';
import { structureText } from '../expression/structure-text.ts';
import { numberOf } from '../expression/value.ts';
import type { ExpressionContext } from '../expression/value.ts';
import { stripType } from '../symbols/type-layout.ts';
import type { StructType } from '../symbols/types.ts';
import type { Adapter, Answer, Handler } from './adapter.ts';
import { check, expressionSchema } from './check.ts';
import { disassembledText } from './disassemble.ts';
import { recordNode, valueRow } from './nodes.ts';
import { placeOf } from './stack.ts';

/** What an expression of this frame may refer to: the session's address space, the frame's CPU and registers. */
export function expressionContext(adapter: Adapter, frameId: number | undefined): ExpressionContext {
  return adapter.session.expressions(adapter.mm, placeOf(adapter, frameId));
}

const schema = v.looseObject({
  expression: expressionSchema,
  frameId: v.optional(v.number()),
  context: v.optional(v.string()),
});

function evaluateRequest(adapter: Adapter, parameters: unknown): Answer | Promise<Answer> {
  const { expression, frameId, context } = check(schema, parameters);
  const text = expression.trim();
  const [, verb, asked] = /^\.(vtop|identify)\s+(.*)$/.exec(text) ?? /^(vtop|identify)\s*\((.*)\)$/.exec(text) ?? [];
  if (verb !== undefined) {
    const address = addressOf(adapter, asked?.trim() ?? '', frameId);
    return { body: verb === 'vtop' ? vtopResult(adapter, address) : identifyResult(adapter, address) };
  }
  const [, place, count] = /^\.dis(?:assemble)?\s+(.*?)(?:\s+(\d+))?$/.exec(text) ?? [];
  if (place !== undefined) return disassembledText(adapter, addressOf(adapter, place, frameId), count);
  if (text.startsWith('.')) return { body: { result: dotCommand(adapter, text), variablesReference: 0 } };
  if (context === 'hover') {
    const hovered = hoverAddress(adapter, text);
    if (hovered !== undefined) return { body: identifyResult(adapter, hovered) };
  }
  const world = expressionContext(adapter, frameId);
  const { value, style } = evaluate(text, world);
  if (context === 'clipboard') return { body: { result: structureText(value, world, style), variablesReference: 0 } };
  if (stripType(value.type).kind === 'void' && value.address !== undefined) return { body: identifyResult(adapter, value.address) };
  const { value: result, ...shown } = valueRow(
    adapter,
    { key: `= ${text}`, name: text, evaluateName: text },
    { value, context: world, style },
  );
  return { body: { result, ...shown } };
}

/** The address that a text is as registers and backtraces print it: `0x…`, 16 digits, `symbol+0x1a/0x94`; undefined for any other. */
export function hoverAddress(adapter: Adapter, text: string): Address | undefined {
  const [, name, offset] = /^([A-Za-z_.$][\w.$]*)\+(0x[0-9a-f]+)(?:\/0x[0-9a-f]+)?$/i.exec(text) ?? [];
  if (name !== undefined) {
    const symbol = adapter.session.symbols.find(name);
    return symbol === undefined ? undefined : toAddress(symbol.address + BigInt(offset ?? '0'));
  }
  const bare = /^[0-9a-f]{16}$/i.test(text) ? `0x${text}` : text;
  return /^0x/i.test(bare) ? parseAddress(bare) : undefined;
}

function addressOf(adapter: Adapter, text: string, frameId: number | undefined): Address {
  const plain = hoverAddress(adapter, text);
  if (plain !== undefined) return plain;
  const world = expressionContext(adapter, frameId);
  return toAddress(numberOf(evaluate(text, world).value, world.memory));
}

/** What an address is, as the body of an `evaluate` response; structures are read when they are expanded. */
export function identifyResult(adapter: Adapter, address: Address): Partial<DebugProtocol.EvaluateResponse['body']> {
  const text = formatAddress(address);
  const read = (): Record<string, unknown> => {
    const facts = adapter.session.identify(address, adapter.mm);
    const walk = adapter.session.translate(address, adapter.mm);
    const details = Object.fromEntries(
      facts.details.map((detail, index) => [
        index === 0
          ? detail.kind
          : `${detail.kind}${facts.details.findIndex(({ kind }) => kind === detail.kind) === index ? '' : ` ${index}`}`,
        detail,
      ]),
    );
    return {
      ...details,
      physical: walk.physical ?? walk.reason,
      levels: Object.fromEntries(
        walk.levels.map((level) => [level.level, { summary: `${level.entry} ${level.flags.join(' ')}`, ...level }]),
      ),
    };
  };
  const { summary } = adapter.session.identify(address, adapter.mm);
  return {
    result: summary,
    type: 'address',
    memoryReference: text,
    variablesReference: adapter.reference(`identify ${text}`, recordNode(adapter, `identify ${text}`, read)),
  };
}

function vtopResult(adapter: Adapter, address: Address): Partial<DebugProtocol.EvaluateResponse['body']> {
  const walk = adapter.session.translate(address, adapter.mm);
  const key = `vtop ${walk.virtual}`;
  const read = (): Record<string, unknown> =>
    Object.fromEntries(walk.levels.map((level) => [level.level, { summary: `${level.entry} ${level.flags.join(' ')}`, ...level }]));
  return {
    result: walk.physical === null ? `not mapped: ${walk.reason ?? 'no entry'}` : `physical ${walk.physical}`,
    memoryReference: walk.virtual,
    variablesReference: adapter.reference(key, recordNode(adapter, key, read)),
  };
}

function dotCommand(adapter: Adapter, text: string): string {
  const [name, ...rest] = text.slice(1).split(/\s+/);
  switch (name) {
    case 'ptdump':
      return adapter.session
        .ptdumpLines({ mm: rest[0] ?? adapter.mm })
        .map((line) => line.text)
        .join('\n');
    case 'vmalloc':
      return adapter.session.vmallocinfoText().trimEnd();
    case 'info':
      return JSON.stringify(adapter.session.info(), undefined, 2);
    default:
      throw errors.badArgument(
        `.${name ?? ''} is no command; there are .vtop ADDRESS, .identify ADDRESS, .disassemble ADDRESS [COUNT], .ptdump [SPACE], .vmalloc and .info`,
      );
  }
}

function completions(adapter: Adapter, parameters: unknown): Answer {
  const { text, column } = check(v.looseObject({ text: expressionSchema, column: v.number() }), parameters);
  const before = text.slice(0, Math.max(0, column - 1));
  const word = /[\w$]*$/.exec(before)?.[0] ?? '';
  const head = before.slice(0, before.length - word.length);
  const names = /(?:\.|->)$/.test(head) ? memberNames(adapter, head.replace(/(?:\.|->)$/, ''), word) : globalNames(adapter, word);
  const targets = [...new Set(names)]
    .slice(0, limits.completions)
    .map((label) => ({ label, start: before.length - word.length, length: word.length }));
  return { body: { targets } };
}

function memberNames(adapter: Adapter, object: string, prefix: string): string[] {
  try {
    const type = stripType(evaluate(object, expressionContext(adapter, undefined)).value.type);
    const struct = type.kind === 'pointer' ? stripType(type.target) : type;
    if (struct.kind !== 'struct' && struct.kind !== 'union') return [];
    return namesOf(struct, 0).filter((name) => name.startsWith(prefix));
  } catch (error) {
    // An unfinished expression has no members to offer.
    if (error instanceof UserError) return [];
    throw error;
  }
}

/** More levels of anonymous structs than any kernel has. */
const deepestAnonymous = 8;

/** Names of members, also of those in structs and unions without a name. */
function namesOf(struct: StructType, depth: number): string[] {
  return struct.members.flatMap(({ name, type }) => {
    if (name !== '') return [name];
    const inner = stripType(type);
    return (inner.kind === 'struct' || inner.kind === 'union') && depth < deepestAnonymous ? namesOf(inner, depth + 1) : [];
  });
}

function globalNames(adapter: Adapter, prefix: string): string[] {
  const { symbols, types } = adapter.session;
  const known = expressionContext(adapter, undefined).functions.keys();
  const functions = ['identify', 'sizeof', ...known].filter((name) => name.startsWith(prefix));
  if (prefix.length < 2) return functions;
  return [
    ...functions,
    ...symbols.withPrefix(prefix, limits.completions).map(({ name }) => name),
    ...(types?.withPrefix(prefix, limits.completions) ?? []),
  ];
}

/** Handle what is typed and hovered in a dump's session. */
export const evaluationHandlers: Readonly<Record<string, Handler>> = { evaluate: evaluateRequest, completions };
