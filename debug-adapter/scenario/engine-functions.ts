/** Functions of the language that ask and change nothing. */
import { toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { OperationValue, ParameterKind, ParameterSpec } from '../simulator/operation.ts';
import type { ScenarioEngine, ScenarioSpace } from './engine.ts';
import { formatValue, isList, isRecord, isSpan, kindOf } from './scenario-value.ts';

/** Where a function is called: the machine, and the process of the `as` around it. */
export interface FunctionPlace {
  readonly engine: ScenarioEngine;
  readonly process: bigint | undefined;
}

/** What an argument is: as an operation's, or a list, or anything. */
export type ArgumentKind = ParameterKind | 'list' | 'any';

/** A parameter of a function; beside an operation's kinds it may take values of the language. */
export interface CallableParameter extends Omit<ParameterSpec, 'kind'> {
  readonly kind: ArgumentKind;
}

/** A question to the machine, answered by the engine that reads dumps. */
export interface EngineFunction {
  readonly name: string;
  readonly parameters: readonly CallableParameter[];
  readonly documentation: string;
  readonly returns: string;
  readonly call: (place: FunctionPlace, given: Readonly<Record<string, OperationValue>>) => OperationValue;
}

function spaceParameter(...names: readonly string[]): CallableParameter {
  const documentation = 'kernel (the process of the `as` around it, where there is one), efi (efi_mm)';
  const user = names.includes('user') ? ', or user: the half that user mode has under page-table isolation' : '';
  return { name: 'space', kind: 'text', names, default: 'kernel', documentation: `${documentation}${user}.` };
}

const addressParameter: CallableParameter = { name: 'address', kind: 'address', documentation: 'A virtual address.' };

/** All such functions; completion, hovers and the language's documentation are made of this list. */
export const engineFunctions: readonly EngineFunction[] = [
  {
    name: 'vtop',
    parameters: [addressParameter, spaceParameter('kernel', 'efi')],
    documentation: 'Walks the page tables of the kernel, or of the process of the `as` around it, as `pagewalk vtop` does.',
    returns:
      'a record: physical (a number, or nothing), pageSize, reason (a text, or nothing), levels (a list of records: level, tableAddress, index, entryAddress, entry, flags, leaf)',
    call: (place, given) => place.engine.vtop(addressOf(given), spaceOf(place, given)),
  },
  {
    name: 'pte',
    parameters: [addressParameter, spaceParameter('kernel', 'efi')],
    documentation: 'The last entry on the walk to an address: the leaf that maps it, or the entry at which the walk ends.',
    returns: 'a record: level, tableAddress, index, entryAddress, entry, flags (a list of names), leaf',
    call: (place, given) => {
      const walk = place.engine.vtop(addressOf(given), spaceOf(place, given));
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
      if (length > BigInt(limits.scenarioReadBytes))
        throw errors.limit(`${length.toString()} bytes are more than one bytes() gives (${limits.scenarioReadBytes}); read in parts`);
      return engine.read(addressOf(given), Number(length), process);
    },
  },
  {
    name: 'search',
    parameters: [
      {
        name: 'pattern',
        kind: 'text',
        documentation:
          'Pairs of hexadecimal digits, `??` for any byte: `"de ad ?? ef"`; a number; a symbol; or text inside quotes of its own.',
      },
      { name: 'limit', kind: 'count', default: 100n, documentation: 'Places that are told at most.' },
    ],
    documentation:
      'Where memory holds a pattern, in the kernel’s address space or the one of the `as` around it, as `pagewalk search` does.',
    returns: 'a list of records: virtual (a number, or nothing), physical, what (a record: kind, summary)',
    call: ({ engine, process }, given) => {
      const limit = numberIn(given, 'limit');
      if (limit > BigInt(limits.scenarioHits)) throw errors.limit(`search() tells at most ${limits.scenarioHits} places`);
      return engine.search(textIn(given, 'pattern'), process, Number(limit));
    },
  },
  {
    name: 'ptdump',
    parameters: [spaceParameter('kernel', 'efi', 'user')],
    documentation: "The kernel's page-table dump of the kernel's address space, or of the process of the `as` around it.",
    returns: 'a list of texts, one a line',
    call: (place, given) => place.engine.ptdump(spaceOf(place, given), given['space'] === 'user'),
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
    name: 'vmcoreinfo',
    parameters: [
      {
        name: 'key',
        kind: 'text',
        default: undefined,
        documentation: 'What stands before the `=`: `"NUMBER(phys_base)"`; all when left out.',
      },
    ],
    documentation: 'VMCOREINFO, the text that a kernel leaves for the tools that read its dump.',
    returns: 'a number where the value is one, else a text; without a key a list of texts, one a line',
    call: ({ engine }, given) => {
      const lines = engine
        .vmcoreinfo()
        .split('\n')
        .filter((line) => line !== '');
      return given['key'] === undefined ? lines : vmcoreinfoValue(lines, textIn(given, 'key'));
    },
  },
  {
    name: 'page_offset_methods',
    parameters: [],
    documentation: 'Ways in which tools find page_offset_base on x86-64, and what each finds, as `pagewalk info` lists them.',
    returns: 'a list of records: method, value (a number, or nothing), agrees (with the base that is right), note',
    call: ({ engine }) => engine.pageOffsetMethods(),
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

function spaceOf({ process }: FunctionPlace, given: Readonly<Record<string, OperationValue>>): ScenarioSpace {
  return given['space'] === 'efi' ? 'efi' : process;
}

/** SYMBOL() and KERNELOFFSET are hexadecimal, NUMBER() and the rest decimal, signed where they are negative, or begin with 0x. */
function vmcoreinfoValue(lines: readonly string[], key: string): OperationValue {
  const value = lines.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
  if (value === undefined) throw errors.badArgument(`VMCOREINFO has no ${key}; vmcoreinfo() gives all`);
  if (/^(?:SYMBOL\(|KERNELOFFSET$)/.test(key) && /^[0-9a-f]+$/.test(value)) return BigInt(`0x${value}`);
  return /^(?:-?[0-9]+|0x[0-9a-f]+)$/.test(value) ? BigInt.asUintN(64, BigInt(value)) : value;
}

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
