/** Finds the reports of a kernel log (BUG, Oops, WARNING, panic, KASAN…), and what stands in them. Knows text only. */

export type PartKind = 'registers' | 'calls' | 'modules' | 'shadow';

/** Lines of a report, counted from 0, that belong together. */
export interface ReportPart {
  readonly kind: PartKind;
  readonly first: number;
  readonly last: number;
}

/** A report from its first line to its last, counted from 0. */
export interface KernelReport {
  /** The line that says what happened, without its time stamp. */
  readonly title: string;
  readonly severity: 'error' | 'warning';
  readonly first: number;
  readonly last: number;
  /** The line of `title`. */
  readonly line: number;
  readonly parts: readonly ReportPart[];
  /** The address whose access failed, and its line: CR2 on x86, «at virtual address» elsewhere. */
  readonly fault: { readonly address: string; readonly line: number; readonly name: string } | undefined;
}

const prefix = /^(?:<\d+>)?(?:\[\s*\d+\.\d+\](?:\[\s*[TC]\d+\])?\s?)?/;

/** A log's line without what stands before the kernel's own words: level, time, caller. */
export function withoutStamp(line: string): string {
  return line.replace(prefix, '');
}

/** What a report begins with. */
const heads: readonly (readonly [RegExp, KernelReport['severity']])[] = [
  [/^(?:BUG:|kernel BUG at |Oops\b|Internal error: |general protection fault|double fault|divide error|invalid opcode|PANIC:)/, 'error'],
  [/^(?:Unable to handle kernel |Kernel panic - not syncing|watchdog: BUG:|KASAN: |Unhandled fault|stack segment:|traps: PANIC)/, 'error'],
  [/^(?:WARNING: |INFO: task .* blocked|rcu: INFO: |INFO: rcu_)/, 'warning'],
];
const opening = /^(?:-+\[ cut here \]-+|={20,})$/;
const closing = /^---\[ end .* \]---$|^={20,}$/;
/** Lines that only reports have; a report without a closing line ends with the last of them. */
const belongs =
  /^(?:CPU: |Hardware name:|Workqueue:|RIP: |RSP: |EIP: |PC is at|pc : |lr : |sp : |Code: |[A-Z0-9]{2,3}: ?[0-9a-f]{8,16}\b|CR[0-4]: |FS:|DR\d: |PKRU|EFLAGS|Call Trace:|Call trace:|Backtrace:| ?\?? ?[\w.]+\+0x[0-9a-f]+\/0x[0-9a-f]+| ?<\/?(?:TASK|IRQ|NMI)>|Modules linked in:|---\[|#PF:|PGD |\*pde|Mem abort info:| {2}ESR|Read of size|Write of size|The buggy address|Memory state|Tainted:|epc : |ra :|x\d+ ?: |KASAN:|Dumping ftrace|Shutting down cpus|Kernel Offset:|irq event stamp)/;
const faults: readonly (readonly [RegExp, string])[] = [
  [/\bCR2: ([0-9a-f]{16}|[0-9a-f]{8})\b/, 'CR2'],
  [/at (?:virtual )?address:? (?:0x)?([0-9a-f]{8,16})\b/, 'address'],
  [/at addr (?:0x)?([0-9a-f]{8,16})\b/, 'address'],
  [/for address:? (?:0x)?([0-9a-f]{8,16})\b/, 'address'],
];
const partHeads: readonly (readonly [RegExp, PartKind])[] = [
  [/^(?:RIP|EIP|PC is at|pc : |epc : )/, 'registers'],
  [/^(?:Call Trace:|Call trace:|Backtrace:)/, 'calls'],
  [/^Modules linked in:/, 'modules'],
  [/^Memory state around/, 'shadow'],
];
/** Lines after the last that belongs to a report in which others (another CPU's, a driver's) may stand. */
const patience = 12;
const longestReport = 400;

/** In the order of the log. A report that another one interrupts ends where that begins. */
export function reportsOf(lines: readonly string[]): KernelReport[] {
  const texts = lines.map(withoutStamp);
  const reports: KernelReport[] = [];
  for (let line = 0; line < texts.length;) {
    const severity = headOf(texts[line] ?? '');
    if (severity === undefined) {
      line++;
      continue;
    }
    // A line of equals signs closes one report, or opens another.
    const behind = (reports.at(-1)?.last ?? -1) + 1;
    const first = line > behind && opening.test((texts[line - 1] ?? '').trim()) ? line - 1 : line;
    const last = endOf(texts, line);
    reports.push({
      title: (texts[line] ?? '').trim(),
      severity,
      first,
      last,
      line,
      parts: partsOf(texts, line, last),
      fault: faultOf(texts, line, last),
    });
    line = last + 1;
  }
  return reports;
}

function headOf(text: string): KernelReport['severity'] | undefined {
  return heads.find(([pattern]) => pattern.test(text))?.[1];
}

function endOf(texts: readonly string[], head: number): number {
  let last = head;
  for (let line = head + 1; line < texts.length && line < head + longestReport && line <= last + patience; line++) {
    const text = (texts[line] ?? '').trimEnd();
    if (closing.test(text)) return line;
    // A second line of the same report says more of it: «KASAN: maybe wild-memory-access», «Oops: 0000 [#1]» under a BUG.
    const interrupts = headOf(text) !== undefined && !/^(?:KASAN: |Oops\b|#PF)/.test(text);
    if (interrupts || opening.test(text)) return last;
    if (belongs.test(text)) last = line;
  }
  return last;
}

function partsOf(texts: readonly string[], head: number, end: number): ReportPart[] {
  const parts: ReportPart[] = [];
  let open: { kind: PartKind; first: number } | undefined;
  const close = (last: number): void => {
    if (open !== undefined) parts.push({ ...open, last });
    open = undefined;
  };
  for (let line = head + 1; line <= end; line++) {
    const text = texts[line] ?? '';
    const kind = partHeads.find(([pattern]) => pattern.test(text))?.[1];
    if (kind !== undefined && kind !== open?.kind) {
      close(line - 1);
      open = { kind, first: line };
    } else if (closing.test(text)) close(line - 1);
  }
  close(end);
  return parts;
}

function faultOf(texts: readonly string[], head: number, end: number): KernelReport['fault'] {
  for (const [pattern, name] of faults)
    for (let line = head; line <= end; line++) {
      const found = pattern.exec(texts[line] ?? '')?.[1];
      if (found !== undefined) return { address: `0x${BigInt(`0x${found}`).toString(16)}`, line, name };
    }
  return undefined;
}

/** A report's text for comparison with another: without what differs between any two, time stamps and blanks at the ends. */
export function comparableText(lines: readonly string[], { first, last }: Pick<KernelReport, 'first' | 'last'>): string {
  return lines
    .slice(first, last + 1)
    .map((line) => `${withoutStamp(line).trimEnd()}\n`)
    .join('');
}
