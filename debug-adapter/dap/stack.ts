/** CPUs as threads, one frame each; modules. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import { formatAddress, formatPaddedAddress, toAddress } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { CpuState } from '../image/image.ts';
import { formatSymbolHit } from '../symbols/symbol-table.ts';
import type { Adapter, Answer, Handler } from './adapter.ts';
import { check } from './check.ts';

/** Names of the program counter, by architecture. */
const programCounters = ['rip', 'eip', 'pc', 'nip', 'psw_addr'];

/** The CPU of a thread or frame id; undefined for the one thread of an image without CPU notes. */
export function cpuOf(adapter: Adapter, id: number): CpuState | undefined {
  const cpu = adapter.session.cpus[id - 1];
  if (cpu === undefined && !(id === 1 && adapter.session.cpus.length === 0))
    throw errors.badArgument(`thread or frame ${id} does not exist; ask for the threads first`);
  return cpu;
}

function threads(adapter: Adapter): Answer {
  const found: DebugProtocol.Thread[] = adapter.session.cpus.map((cpu, index) => {
    const task = adapter.session.currentTask(cpu.index);
    return { id: index + 1, name: `CPU ${cpu.index}${task === undefined ? '' : `: ${task.comm} (${task.pid})`}` };
  });
  return { body: { threads: found.length > 0 ? found : [{ id: 1, name: 'image (no CPU state in the dump)' }] } };
}

function stackTrace(adapter: Adapter, parameters: unknown): Answer {
  const { threadId, startFrame } = check(v.looseObject({ threadId: v.number(), startFrame: v.optional(v.number(), 0) }), parameters);
  const cpu = cpuOf(adapter, threadId);
  const counter =
    cpu?.registers.find(({ name }) => programCounters.includes(name)) ?? cpu?.control.find(({ name }) => programCounters.includes(name));
  // A client selects a frame, and shows its variables, only when the frame has a source: the CPU's registers as a text.
  const frame: DebugProtocol.StackFrame = { id: threadId, name: 'no registers in the dump', line: 0, column: 0 };
  if (counter !== undefined) {
    const hit = adapter.session.symbols.resolve(toAddress(counter.value));
    frame.name = hit === undefined ? formatAddress(counter.value) : formatSymbolHit(hit);
    frame.instructionPointerReference = formatAddress(counter.value);
    frame.source = { name: `cpu-${cpu?.index ?? 0}.dmesg`, sourceReference: threadId };
    frame.line = 1;
    frame.column = 1;
  }
  return { body: { stackFrames: startFrame === 0 ? [frame] : [], totalFrames: 1 } };
}

/** The registers of a CPU as a text in which every address can be hovered. */
function source(adapter: Adapter, parameters: unknown): Answer {
  const { sourceReference } = check(v.looseObject({ sourceReference: v.number() }), parameters);
  const cpu = cpuOf(adapter, sourceReference);
  const registers = [...(cpu?.registers ?? []), ...(cpu?.control ?? [])];
  const isCounter = ({ name }: { name: string }): boolean => programCounters.includes(name);
  const ordered = [...registers.filter(isCounter), ...registers.filter((register) => !isCounter(register))];
  const lines = ordered.map(({ name, value }) => {
    const hit = adapter.session.symbols.resolve(toAddress(value));
    return `${name.padEnd(16)} ${formatPaddedAddress(value, 16)}${hit === undefined ? '' : `  ${formatSymbolHit(hit)}`}`;
  });
  return { body: { content: `${lines.join('\n')}\n` } };
}

function modules(adapter: Adapter): Answer {
  const found = adapter.session.modules().map((module) => {
    const text = module.ranges[0];
    return { id: module.name, name: module.name, addressRange: text === undefined ? module.address : `${text.start}-${text.end}` };
  });
  return { body: { modules: found, totalModules: found.length } };
}

export const stackHandlers: Readonly<Record<string, Handler>> = { threads, stackTrace, source, modules };
