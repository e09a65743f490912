/** disassemble, and the console's `.disassemble`: exactly as many instructions as were asked for, at any place. */
import { limits } from '../base/limits.ts';
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import { addToAddress, parseAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { InstructionFacts } from '../protocol/disassembly.ts';
import type { Disassembler } from '../session/disassembly.ts';
import { loadDisassembler, openDisassembler } from '../session/disassembly.ts';
import type { Adapter, Answer, Handler } from './adapter.ts';
import { check } from './check.ts';

const whole = v.pipe(v.number(), v.integer('it is a whole number'));

const schema = v.looseObject({
  memoryReference: v.string(),
  offset: v.optional(whole, 0),
  instructionOffset: v.optional(whole, 0),
  instructionCount: v.pipe(whole, v.minValue(0, 'it is 0 or more')),
  resolveSymbols: v.optional(v.boolean(), false),
});

const opened = new WeakMap<object, Disassembler>();

async function disassembler(adapter: Adapter): Promise<Disassembler> {
  const decoders = await loadDisassembler(adapter.host);
  // While the library was loaded the session may have ended, which the getter says.
  const { session } = adapter;
  const known = opened.get(session) ?? openDisassembler(decoders, session, adapter.mm);
  opened.set(session, known);
  return known;
}

async function disassembled(adapter: Adapter, parameters: unknown): Promise<DebugProtocol.DisassembleResponse['body']> {
  const { memoryReference, offset, instructionOffset, instructionCount, resolveSymbols } = check(schema, parameters);
  const base = parseAddress(memoryReference);
  if (base === undefined) throw errors.badArgument('the argument memoryReference cannot be used: an address is 0x and hexadecimal digits');
  const code = await disassembler(adapter);
  const { instructions } = code.around(addToAddress(base, offset), { skip: instructionOffset, count: instructionCount });
  return { instructions: instructions.map((one) => instruction(one, resolveSymbols)) };
}

function instruction(facts: InstructionFacts, resolveSymbols: boolean): DebugProtocol.DisassembledInstruction {
  const { address, bytes, text, valid, symbol } = facts;
  return {
    address,
    instruction: text,
    ...(bytes === '' ? {} : { instructionBytes: bytes }),
    ...(resolveSymbols && symbol !== null ? { symbol: symbol.name } : {}),
    ...(valid ? {} : { presentationHint: 'invalid' as const }),
  };
}

/** A function, or `count` instructions, a line each. */
async function functionText(
  adapter: Adapter,
  address: Address,
  count: string | undefined,
): Promise<DebugProtocol.EvaluateResponse['body']> {
  const code = await disassembler(adapter);
  const { instructions } =
    count === undefined
      ? code.function(address, limits.consoleInstructions)
      : code.around(address, { skip: 0, count: Math.min(Number(count), limits.consoleInstructions) });
  const lines = instructions.map(({ address: at, symbol, text }) => {
    const place = symbol === null ? '' : ` <${symbol.name}+0x${symbol.offset.toString(16)}>`;
    return `${at}${place}: ${text}`;
  });
  if (instructions.length === limits.consoleInstructions)
    lines.push(`(the first ${limits.consoleInstructions}; ask from another address for more)`);
  return { result: lines.join('\n'), variablesReference: 0 };
}

/** The console's answer. */
export function disassembledText(adapter: Adapter, address: Address, count: string | undefined): Promise<Answer> {
  return functionText(adapter, address, count).then((body) => ({ body }));
}

/** Handles the request `disassemble` of dumps and scenarios alike. */
export const disassembleHandlers: Readonly<Record<string, Handler>> = {
  disassemble: (adapter, parameters) => disassembled(adapter, parameters).then((body) => ({ body })),
};
