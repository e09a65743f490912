/** Kernel stacks as text, in the form of crash's `bt`. */
import { parseAddress } from '../base/address.ts';
import type { FrameFacts, StackFacts } from '../protocol/stacks.ts';

/** One task's stack: a line a frame, with the registers of interrupted frames and the changes from one stack to another. */
export function stackText(task: StackFacts, pointerSize: 4 | 8): string {
  const plain = (hex: string): string => (parseAddress(hex) ?? 0n).toString(16).padStart(pointerSize * 2, '0');
  const cpu = task.cpu === null ? '-' : String(task.cpu);
  let text = `PID: ${String(task.pid).padEnd(7)} TASK: ${task.task === null ? '-' : plain(task.task)}  CPU: ${cpu.padEnd(3)} COMMAND: "${task.comm}"${task.running ? '  (running)' : ''}\n`;
  task.frames.forEach((frame, index) => {
    const change = stackChange(task.frames, index);
    if (change !== undefined) text += `--- ${change} ---\n`;
    text += `${`#${index}`.padStart(5)} [${plain(frame.sp)}] ${frame.certain ? '' : '? '}${frameName(frame)} at ${plain(frame.pc)}\n`;
    if (frame.interrupted && Object.keys(frame.registers).length > fewRegisters) text += registersText(frame, plain);
  });
  return task.problem === null ? text : `${text}      ${task.problem}\n`;
}

/** As many are known where a call returns to. */
const fewRegisters = 14;

/** What is told before frame `index` when it lies on another stack than its callee; undefined when it does not. */
export function stackChange(frames: readonly FrameFacts[], index: number): string | undefined {
  const frame = frames[index];
  if (frame === undefined || frame.user || frame.stack === null) return undefined;
  const before = frames.slice(0, index).findLast(({ stack }) => stack !== null)?.stack ?? 'task';
  if (frame.stack === before) return undefined;
  return frame.stack === 'task' ? `end of the ${before} stack` : `${frame.stack} stack`;
}

/** The kernel's own form, `name+0x1a/0x94 [module]`. */
export function frameName({ symbol, offset, size, module, user }: FrameFacts): string {
  if (symbol === null) return user ? '(user mode)' : '(unknown)';
  return `${symbol}+0x${offset.toString(16)}/0x${size.toString(16)}${module === null ? '' : ` [${module}]`}`;
}

function registersText(frame: FrameFacts, plain: (hex: string) => string): string {
  const names = Object.keys(frame.registers);
  const width = Math.max(...names.map(({ length }) => length));
  const cells = Object.entries(frame.registers).map(([name, value]) => `${name.toUpperCase().padStart(width)}: ${plain(value)}`);
  let text = '';
  for (let first = 0; first < cells.length; first += 3) text += `    ${cells.slice(first, first + 3).join('  ')}\n`;
  return text;
}
