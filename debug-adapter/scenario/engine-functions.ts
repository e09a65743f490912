/** Functions of the language that ask and change nothing. */
import { toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { OperationValue, ParameterKind, ParameterSpec } from '../simulator/operation.ts';
import type { ScenarioEngine } from './engine.ts';
import { formatValue, isList, isRecord, isSpan, kindOf } from './scenario-value.ts';

/** Bytes that one read() gives at most. */
const mostBytes = 1 << 16;

/** Where a function is called: the machine, and the process of the `as` around it. */
export interface FunctionPlace {
  readonly engine: ScenarioEngine;
  readonly process: bigint | undefined;
}

/** What an argument is: as an operation's, or a list, or anything. */
export type ArgumentKind = ParameterKind | 'list' | 'any';

export interface CallableParameter extends Omit<ParameterSpec, 'kind'> {
  readonly kind: ArgumentKind;
}

export interface EngineFunction {
  readonly name: string;
  readonly parameters: readonly CallableParameter[];
  readonly documentation: string;
  readonly returns: string;
  readonly call: (place: FunctionPlace, given: Readonly<Record<string, OperationValue>>) => OperationValue;
}

const addressParameter: CallableParameter = { name: 'address', kind: 'address', documentation: 'A virtual address.' };

export const engineFunctions: readonly EngineFunction[] = [
  {
    name: 'vtop',
    parameters: [addressParameter],
    documentation: 'Walks the page tables of the kernel, or of the process of the `as` around it, as `pagewalk vtop` does.',
    returns:
      'a record: physical (a number, or nothing), pageSize, reason (a text, or nothing), levels (a list of records: level, tableAddress, index, entryAddress, entry, flags, leaf)',
    call: ({ engine, process }, given) => engine.vtop(addressOf(given), process),
  },
  {
    name: 'pte',
    parameters: [addressParameter],
    documentation: 'The last entry on the walk to an address: the leaf that maps it, or the entry at which the walk ends.',
    returns: 'a record: level, tableAddress, index, entryAddress, entry, flags (a list of names), leaf',
    call: ({ engine, process }, given) => {
      const walk = engine.vtop(addressOf(given), process);
      const levels = isRecord(walk) ? walk['levels'] : undefined;
      return isList(levels) ? levels.at(-1) : undefined;
    },
  },
  {
    name: 'identify',
    parameters: [addressParameter],
    documentation: 'What an address is: symbol, vmap_area, page, VMA… as `pagewalk identify` says.',
    returns: 'a record: kind, summary, details (a list of records)',
    call: ({ engine, process }, given) => engine.identify(addressOf(given), process),
  },
  {
    name: 'bytes',
    parameters: [addressParameter, { name: 'length', kind: 'size', default: 8n, documentation: 'Bytes to read, up to 64K.' }],
    documentation: 'Reads memory through the page tables.',
    returns: 'a text: two hexadecimal digits a byte, `??` where nothing is mapped',
    call: ({ engine, process }, given) => {
      const length = numberIn(given, 'length');
      if (length > BigInt(mostBytes)) throw errors.limit(`${length.toString()} bytes are more than one bytes() gives (64K); read in parts`);
      return engine.read(addressOf(given), Number(length), process);
    },
  },
  {
    name: 'ptdump',
    parameters: [],
    documentation: "The kernel's page-table dump of the kernel's address space, or of the process of the `as` around it.",
    returns: 'a list of texts, one a line',
    call: ({ engine, process }) => engine.ptdump(process),
  },
  {
    name: 'vmallocinfo',
    parameters: [],
    documentation: 'What /proc/vmallocinfo would print.',
    returns: 'a list of texts, one a line',
    call: ({ engine }) => engine.vmallocinfo(),
  },
  {
    name: 'check',
    parameters: [],
    documentation: 'Checks page tables and vmalloc state, as `pagewalk check` does.',
    returns: 'a list of texts, one a finding; empty where all is well',
    call: ({ engine }) => engine.check(),
  },
  {
    name: 'eval',
    parameters: [{ name: 'expression', kind: 'text', documentation: 'A C expression: `"init_mm.pgd"`, `"*(struct vmap_area *){a}"`.' }],
    documentation: "Evaluates a C expression over the kernel's symbols and types, as `pagewalk eval` does.",
    returns: 'a number for what is one in C, else a text',
    call: ({ engine, process }, given) => engine.evaluate(textIn(given, 'expression'), process),
  },
  {
    name: 'count',
    parameters: [{ name: 'of', kind: 'list', documentation: 'A list, a text or a range.' }],
    documentation: 'How many elements a list has, characters a text, numbers a range.',
    returns: 'a number',
    call: (_, { of }) => {
      if (typeof of === 'string' || isList(of)) return BigInt(of.length);
      if (isSpan(of)) return of.end > of.start ? of.end - of.start : 0n;
      throw errors.badArgument(`count() counts a list, a text or a range, not ${kindOf(of)}`);
    },
  },
  {
    name: 'text',
    parameters: [{ name: 'value', kind: 'any', documentation: 'Any value.' }],
    documentation: 'A value as `print` shows it.',
    returns: 'a text',
    call: (_, { value }) => formatValue(value),
  },
];

function addressOf(given: Readonly<Record<string, OperationValue>>): Address {
  return toAddress(numberIn(given, 'address'));
}

function numberIn(given: Readonly<Record<string, OperationValue>>, name: string): bigint {
  const value = given[name];
  return typeof value === 'bigint' ? value : 0n;
}

function textIn(given: Readonly<Record<string, OperationValue>>, name: string): string {
  const value = given[name];
  return typeof value === 'string' ? value : '';
}
