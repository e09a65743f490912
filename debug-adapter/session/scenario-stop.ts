/** What a debugger tells of the place at which a scenario stands: its frames, variables, and why it stopped. */
import { formatAddress } from '../base/address.ts';
import type { TextRange } from '../scenario/scenario-error.ts';
import { formatValue, isList, isRecord, kindOf } from '../scenario/scenario-value.ts';
import type { Failure } from '../scenario/scenario-run.ts';
import type { Arguments, OperationValue } from '../simulator/operation.ts';

/** A frame: the statement, or a call of the operation that it runs. */
export interface ScenarioFrame {
  readonly kind: 'statement' | 'call';
  readonly name: string;
  readonly range: TextRange;
  /** Arguments of a call. */
  readonly variables: Arguments;
}

/** Why a run stands still, in the Debug Adapter Protocol's words where it has one. */
export type HaltReason =
  'entry' | 'step' | 'breakpoint' | 'function breakpoint' | 'data breakpoint' | 'exception' | 'pause' | 'goto' | 'restart' | 'end';

/** Why the run stopped. */
export interface Halt {
  readonly reason: HaltReason;
  /** A few words. */
  readonly description: string;
  /** More, where there is more to say. */
  readonly text?: string | undefined;
  /** Breakpoints that were hit. */
  readonly ids?: readonly number[] | undefined;
}

/** A failure as a debugger shows it. */
export interface ExceptionFacts {
  /** In the kernel's words: `page fault`, `general protection fault`, `KASAN`… */
  readonly id: string;
  readonly filter: ExceptionFilter;
  readonly message: string;
  /** The calls that were under way, innermost first, and what the failure is about. */
  readonly report: string;
}

/** Kinds of failures that a client can choose to stop at. */
export const exceptionFilters = [
  { filter: 'fault', label: 'Kernel faults', description: 'Page faults, general protection, BUG(), KASAN reports, failed system calls' },
  { filter: 'expectation', label: 'Failed expectations', description: 'An expect that does not hold' },
  { filter: 'error', label: 'Errors of the scenario', description: 'A statement that makes no sense, or a bound of Pagewalk' },
] as const;

/** The filter's name: `fault`, `expectation`… */
export type ExceptionFilter = (typeof exceptionFilters)[number]['filter'];

const faultNames = {
  'page-fault': 'page fault',
  'general-protection': 'general protection fault',
  bug: 'kernel BUG',
  warning: 'kernel WARNING',
  'out-of-memory': 'out of memory',
  'invalid-access': 'KASAN',
  errno: 'system call error',
  argument: 'bad argument',
} as const;

/** `frames`: where it failed, innermost first. */
export function exceptionFacts({ kind, message, fault }: Failure, frames: readonly ScenarioFrame[]): ExceptionFacts {
  const filter = kind === 'fault' ? 'fault' : kind === 'expectation' ? 'expectation' : 'error';
  const id =
    fault === undefined ? (kind === 'expectation' ? 'failed expectation' : 'scenario error') : (fault.errno ?? faultNames[fault.kind]);
  const about = [
    ...(fault?.address === undefined ? [] : [`address ${formatAddress(fault.address)}`]),
    ...(fault?.level === undefined ? [] : [`the walk ends at the ${fault.level} entry, which is not present`]),
  ];
  const calls = frames.map(({ name, kind: of, variables, range }) =>
    of === 'call' ? `  ${name}(${argumentsText(variables)})` : `  line ${range.start.line + 1}: ${name}`,
  );
  return {
    id,
    filter,
    message: [message, ...about].join('\n'),
    report: [...about, ...(calls.length === 0 ? [] : ['Call trace:', ...calls])].join('\n'),
  };
}

function argumentsText(variables: Arguments): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}: ${formatValue(value)}`)
    .join(', ');
}

/** A value of the language as a debugger shows it. */
export interface ValueView {
  readonly name: string;
  readonly text: string;
  readonly type: string;
  /** Where the value is a number that can be an address: it, in hexadecimal. */
  readonly address: string | undefined;
  readonly children: readonly ValueView[] | (() => readonly ValueView[]);
}

/** Numbers below are counts and sizes. */
const firstAddress = 4096n;

/** A value as text and kind, with its parts (list items by index, record members by name) for a tree of variables. */
export function viewOf(name: string, value: OperationValue): ValueView {
  const parts: readonly (readonly [string, OperationValue])[] = isList(value)
    ? value.map((one, index) => [`[${index}]`, one] as const)
    : isRecord(value)
      ? Object.entries(value)
      : [];
  return {
    name,
    text: typeof value === 'string' ? JSON.stringify(value) : formatValue(value),
    type: kindOf(value),
    address: typeof value === 'bigint' && value >= firstAddress && value < 1n << 64n ? formatAddress(value) : undefined,
    children: parts.length === 0 ? [] : () => parts.map(([part, one]) => viewOf(part, one)),
  };
}
