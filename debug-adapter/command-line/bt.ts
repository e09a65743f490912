/** `pagewalk bt IMAGE`: kernel stacks, a task after the other, in crash's form. */
import { errors } from '../base/errors.ts';
import type { SessionFace } from '../session/session-face.ts';
import type { StackChoice } from '../session/stack-facts.ts';
import { stackText } from '../session/stack-text.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

/** What stands behind `pagewalk bt IMAGE`, as commander hands it over. */
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
