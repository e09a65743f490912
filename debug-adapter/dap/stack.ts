/** threads, stackTrace, source (a frame's registers as a text), exceptionInfo; modules. */
import { limits } from '../base/limits.ts';
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import { formatPaddedAddress, parseAddress, toAddress } from '../base/address.ts';
import { errors, UserError } from '../base/errors.ts';
import type { Register } from '../image/image.ts';
import type { DeathFacts, FrameFacts } from '../protocol/stacks.ts';
import { frameName, stackText } from '../session/stack-text.ts';
import { formatSymbolHit } from '../symbols/symbol-table.ts';
import type { Adapter, Answer, Handler } from './adapter.ts';
import { check } from './check.ts';
import { threadsOf } from './threads.ts';
import type { KernelThread } from './threads.ts';

/** Names of the program counter, by architecture. */
const programCounters = ['rip', 'eip', 'pc', 'nip', 'psw_addr'];

/** Where a frame stands: its CPU or task, and the registers whose values there are known. */
export interface FramePlace {
  readonly cpu: number | undefined;
  /** Of a task's thread; what a CPU ran is its current task. */
  readonly pid: number | undefined;
  readonly registers: readonly Register[];
}

/** The place of a frame or thread id; of the first thread without one. */
export function placeOf(adapter: Adapter, id: number | undefined): FramePlace {
  if (adapter.scenario !== undefined) return { cpu: undefined, pid: undefined, registers: adapter.scenario.registers };
  const { thread, frame } = threadsOf(adapter).frame(id ?? 1);
  const cpu = thread.cpu ?? threadsOf(adapter).stack(thread).cpu ?? undefined;
  return { cpu, pid: thread.cpu === undefined ? thread.pid : undefined, registers: registersOf(frame) };
}

function registersOf(frame: FrameFacts | undefined): Register[] {
  return Object.entries(frame?.registers ?? {}).map(([name, value]) => ({ name, value: parseAddress(value) ?? 0n }));
}

function threads(adapter: Adapter): Answer {
  const all = threadsOf(adapter);
  return {
    body: { threads: all.all().map(({ id, name }): DebugProtocol.Thread => ({ id, name })) },
    afterwards: () => {
      if (!all.areCut || told.has(adapter)) return;
      told.add(adapter);
      const output = `tasks behind the first ${limits.taskThreads} are not listed as threads; see theirs with: pagewalk bt IMAGE PID\n`;
      adapter.sendEvent('output', { category: 'console', output });
    },
  };
}

/** Sessions that were told of tasks without threads. */
const told = new WeakSet<Adapter>();

function stackTrace(adapter: Adapter, parameters: unknown): Answer {
  const asked = check(
    v.looseObject({ threadId: v.number(), startFrame: v.optional(v.number(), 0), levels: v.optional(v.number(), 0) }),
    parameters,
  );
  const thread = threadsOf(adapter).thread(asked.threadId);
  const rows = threadsOf(adapter).rows(thread);
  const start = Math.max(0, asked.startFrame);
  const end = asked.levels > 0 ? start + asked.levels : rows.length;
  const stackFrames = rows.slice(start, end).map(({ frame, label }, index): DebugProtocol.StackFrame => {
    const id = threadsOf(adapter).frameId(thread, start + index);
    if (frame === undefined) return { id, name: label, line: 0, column: 0, presentationHint: 'label' };
    return {
      id,
      name: `${frame.certain ? '' : '? '}${frameName(frame)}`,
      instructionPointerReference: frame.pc,
      // A client selects a frame, and shows its variables, only when the frame has a source: its registers as a text.
      source: { name: `${sourceName(thread)}.dmesg`, sourceReference: id },
      line: 1,
      column: 1,
      ...(frame.certain ? {} : { presentationHint: 'subtle' }),
    };
  });
  return { body: { stackFrames, totalFrames: rows.length } };
}

function sourceName({ cpu, pid }: KernelThread): string {
  return cpu === undefined ? `task-${pid ?? 0}` : `cpu-${cpu}`;
}

/** The registers of a frame, and the whole stack, as a text in which every address can be hovered. */
function source(adapter: Adapter, parameters: unknown): Answer {
  const { sourceReference } = check(v.looseObject({ sourceReference: v.number() }), parameters);
  const { thread, frame } = threadsOf(adapter).frame(sourceReference);
  const registers = registersOf(frame);
  const isCounter = ({ name }: { name: string }): boolean => programCounters.includes(name);
  const ordered = [...registers.filter(isCounter), ...registers.filter((register) => !isCounter(register))];
  const lines = ordered.map(({ name, value }) => {
    const hit = adapter.session.symbols.resolve(toAddress(value));
    return `${name.padEnd(16)} ${formatPaddedAddress(value, 16)}${hit === undefined ? '' : `  ${formatSymbolHit(hit)}`}`;
  });
  const stack = stackText(threadsOf(adapter).stack(thread), adapter.session.memory().pointerSize);
  return { body: { content: `${lines.join('\n')}\n\n${stack}` } };
}

/** Why the kernel died, by its log; undefined where the log tells of nothing or cannot be read. */
export function deathOf(adapter: Adapter): DeathFacts | undefined {
  try {
    return adapter.session.death() ?? undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** The thread of the CPU that died; the first one where the log does not name it. */
export function threadOfDeath(adapter: Adapter, death: DeathFacts | undefined): number {
  const cpu = death?.cpu ?? undefined;
  return (cpu === undefined ? undefined : threadsOf(adapter).ofCpu(cpu)?.id) ?? 1;
}

function exceptionInfo(adapter: Adapter, parameters: unknown): Answer {
  const { threadId } = check(v.looseObject({ threadId: v.number() }), parameters);
  threadsOf(adapter).thread(threadId);
  const death = deathOf(adapter);
  if (death === undefined) throw errors.notSupported('the kernel log tells of no panic and no oops; read it with: pagewalk log IMAGE');
  const { kind, reason, report } = death;
  const body: DebugProtocol.ExceptionInfoResponse['body'] = {
    exceptionId: kind === 'panic' ? 'Kernel panic' : 'Oops',
    description: reason,
    breakMode: 'unhandled',
    details: { message: reason, typeName: kind, stackTrace: report.join('\n') },
  };
  return { body };
}

function modules(adapter: Adapter): Answer {
  const found = adapter.session.modules().map((module) => {
    const text = module.ranges[0];
    return { id: module.name, name: module.name, addressRange: text === undefined ? module.address : `${text.start}-${text.end}` };
  });
  return { body: { modules: found, totalModules: found.length } };
}

/** Handle CPUs and tasks as threads, and their kernel stacks as frames. */
export const stackHandlers: Readonly<Record<string, Handler>> = { threads, stackTrace, source, exceptionInfo, modules };
