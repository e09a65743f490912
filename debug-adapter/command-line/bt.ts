/** `pagewalk bt IMAGE`: kernel stacks, a task after the other, in crash's form. */
import { parseAddress } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { FrameFacts, StackFacts } from '../protocol/facts.ts';
import type { SessionFace } from '../session/session-face.ts';
import type { StackChoice } from '../session/stack-facts.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

export interface BtOptions {
  readonly json?: true;
  readonly cpu?: string;
  readonly all?: true;
}

/** Without a PID or an option: what each CPU ran. */
export function btVerb(
  session: SessionFace,
  output: Output,
  asked: { readonly pid: string | undefined; readonly options: BtOptions },
): void {
  const tasks = session.stacks(choiceOf(asked.pid, asked.options));
  output.text(
    asked.options.json === true ? json({ tasks }) : tasks.map((task) => stackText(task, session.memory().pointerSize)).join('\n'),
  );
}

function choiceOf(pid: string | undefined, { cpu, all }: BtOptions): StackChoice {
  if ([pid, cpu, all].filter((one) => one !== undefined).length > 1) {
    throw errors.badArgument('bt takes a PID, --cpu N or --all: one of them');
  }
  if (all === true) return { kind: 'all' };
  if (cpu !== undefined) return { kind: 'cpu', cpu: wholeNumber('--cpu', cpu) };
  return pid === undefined ? { kind: 'cpus' } : { kind: 'task', pid: wholeNumber('a PID', pid) };
}

function wholeNumber(what: string, text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw errors.badArgument(`${what} is a whole number, not ${text}`);
  return Number(text);
}

/** One task's stack: a line a frame, with the registers of interrupted frames and the changes from one stack to another. */
export function stackText(task: StackFacts, pointerSize: 4 | 8): string {
  const digits = pointerSize * 2;
  const plain = (hex: string): string => (parseAddress(hex) ?? 0n).toString(16).padStart(digits, '0');
  const cpu = task.cpu === null ? '-' : String(task.cpu);
  const head = `PID: ${String(task.pid).padEnd(7)} TASK: ${task.task === null ? '-' : plain(task.task)}  CPU: ${cpu.padEnd(3)} COMMAND: "${task.comm}"${task.running ? '  (running)' : ''}\n`;
  let text = head;
  let stack = 'task';
  task.frames.forEach((frame, index) => {
    const now = frame.user ? 'user' : (frame.stack ?? stack);
    if (now !== stack && now !== 'user') text += now === 'task' ? `--- end of the ${stack} stack ---\n` : `--- ${now} stack ---\n`;
    stack = now;
    const mark = frame.certain ? '' : '? ';
    text += `${`#${index}`.padStart(4)} [${plain(frame.sp)}] ${mark}${frameName(frame)} at ${plain(frame.pc)}\n`;
    if (frame.interrupted && Object.keys(frame.registers).length > 8) text += registersText(frame, plain);
  });
  return task.problem === null ? text : `${text}     ${task.problem}\n`;
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
