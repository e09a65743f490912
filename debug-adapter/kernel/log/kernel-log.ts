/** The kernel log as text, in the kernel's own form, and what it says of why the kernel died. */
import { limits } from '../../base/limits.ts';
import type { KernelLog, LogRecord } from './printk.ts';

/**
 * Each line with its time, as dmesg(1) prints it; with `levels` as the kernel's syslog gives it (kernel/printk/printk.c:
 * record_print_text). Further lines of a record have its time too. Ends with a newline; empty for an empty log.
 */
export function logText(log: KernelLog, options: { readonly levels: boolean }): string {
  return log.records.map((record) => recordText(record, options)).join('');
}

function recordText({ time, level, facility, text }: LogRecord, { levels }: { readonly levels: boolean }): string {
  if (text === undefined) return '';
  const seconds = time / 1_000_000_000n;
  const micros = (time % 1_000_000_000n) / 1000n;
  const priority = levels ? `<${facility * 8 + level}>` : '';
  const prefix = `${priority}[${String(seconds).padStart(5)}.${String(micros).padStart(6, '0')}] `;
  return text
    .split('\n')
    .map((line) => `${prefix}${line}\n`)
    .join('');
}

/** Why the kernel stopped, by its own last words. */
export interface Death {
  readonly kind: 'panic' | 'oops';
  /** The kernel's line, without its time. */
  readonly reason: string;
  /** Index of its record, and of the one with which its report begins: a panic's is that of the oops that led to it. */
  readonly record: number;
  readonly reportStart: number;
  /** CPU and task that the oops named, and the place in code; undefined where it did not. */
  readonly cpu: number | undefined;
  readonly pid: number | undefined;
  readonly comm: string | undefined;
  /** `sysrq_handle_crash+0x16/0x20`, with a module's name behind where there is one. */
  readonly place: string | undefined;
}

/** How an oops begins, on one architecture or another (die(), show_fault_oops(), __warn is none). */
const oopsLines = [
  /^BUG: (?:unable to handle|kernel NULL pointer|stack guard page|[A-Za-z]+ stack guard page)/i,
  /^kernel BUG at /,
  /^Oops\b/,
  /^Unable to handle kernel /,
  /^Internal error: /,
  /^(?:general protection fault|stack segment|invalid opcode|divide error|double fault|traps: PANIC)\b/,
  /^Kernel (?:access of bad area|attempted to)/,
];

/** The panic of the log, or else its last oops; undefined where the kernel has neither. */
export function deathOf(log: KernelLog): Death | undefined {
  let found: { readonly kind: Death['kind']; readonly reason: string; readonly record: number } | undefined;
  let firstOops: number | undefined;
  log.records.forEach(({ text, facility }, record) => {
    if (text === undefined || facility !== 0) return;
    const [line = ''] = text.split('\n');
    const panic = /^Kernel panic - not syncing(?:: )?(.*)$/.exec(line);
    if (panic !== null) found = { kind: 'panic', reason: line, record };
    else if (found?.kind !== 'panic' && oopsLines.some((pattern) => pattern.test(line))) {
      // An oops goes on over several lines; the first of those that stand together says what happened.
      if (firstOops === undefined || record - firstOops > limits.reportRecords) {
        firstOops = record;
        found = { kind: 'oops', reason: line, record };
      }
    }
  });
  if (found === undefined) return undefined;
  const near = firstOops !== undefined && found.record - firstOops <= limits.reportRecords;
  const reportStart = near ? (firstOops ?? found.record) : found.record;
  return { ...found, reportStart, ...whoDied(log, reportStart, found.record) };
}

/** What the kernel wrote of its death. */
export interface DeathReport {
  /** From its beginning to the kernel's end mark, or to the end of the log. */
  readonly lines: readonly string[];
  /** In words, where it is longer than is told. */
  readonly problem: string | undefined;
}

/** The report of a death; bounded where the end mark is missing. */
export function reportOf(log: KernelLog, { reportStart, record }: Death): DeathReport {
  const lines: string[] = [];
  const end = Math.max(reportStart, record) + limits.reportRecords;
  for (const [index, { text }] of log.records.slice(reportStart, end).entries()) {
    lines.push(...(text ?? '').split('\n'));
    if (reportStart + index >= record && /^---\[ end (?:trace|Kernel panic)/.test(text ?? '')) return { lines, problem: undefined };
  }
  const isCut = end < log.records.length;
  return {
    lines,
    problem: isCut
      ? `the report of the kernel's death has no end within ${limits.reportRecords} records; the ${log.records.length - end} behind are only in the log`
      : undefined,
  };
}

/** `CPU: 1 PID: 42 Comm: sh Not tainted …`, or since 6.11 `CPU: 1 UID: 0 PID: 42 Comm: sh` (lib/dump_stack.c: dump_stack_print_info). */
const taskLine = /^CPU: (\d+) (?:UID: \d+ )?PID: (\d+) (?:Comm: (.+?) (?:Kdump: |Not tainted|Tainted: ))?/;
/** The program counter in each architecture's show_regs(), and the function in such a line. */
const counterLine = /^\s*(?:[RE]IP: |PC is at |e?pc\s*: |Krnl PSW ?: |NIP |ERA: )/;
const functionPlace = /[A-Za-z_][\w.$]*\+0x[0-9a-f]+\/0x[0-9a-f]+(?: \[[\w-]+\])?/;

/** What the report's lines say of who died, and where: the first of each, for an oops while it panics tells of itself. */
function whoDied(log: KernelLog, from: number, to: number): Pick<Death, 'cpu' | 'pid' | 'comm' | 'place'> {
  let task: RegExpExecArray | undefined;
  let place: string | undefined;
  for (const { text } of log.records.slice(from, Math.max(from, to) + limits.reportRecords)) {
    for (const line of (text ?? '').split('\n')) {
      task ??= taskLine.exec(line) ?? undefined;
      if (counterLine.test(line)) place ??= functionPlace.exec(line)?.[0];
    }
  }
  const [, cpu, pid, comm] = task ?? [];
  return { cpu: cpu === undefined ? undefined : Number(cpu), pid: pid === undefined ? undefined : Number(pid), comm, place };
}
