/** The kernel log in the shape that scripts, views and the debug adapter get. */
import { UserError } from '../base/errors.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { deathOf, logText, reportOf } from '../kernel/log/kernel-log.ts';
import { kernelLog } from '../kernel/log/printk.ts';
import type { LogEndFacts } from '../protocol/machine-state.ts';
import type { DeathFacts, LogFacts } from '../protocol/stacks.ts';

/** Bit of a caller that is a CPU and not a task (kernel/printk/printk.c: printk_caller_id). */
const cpuBit = 0x8000_0000;

/** Times in seconds since boot; a record whose text cannot be read has null, and `problems` says what is missing. */
export function logFacts(kernel: Kernel): LogFacts {
  const log = kernelLog(kernel);
  return {
    records: log.records.map(({ sequence, time, level, facility, caller, text }) => ({
      sequence: sequence === undefined ? null : Number(sequence),
      time: Number(time / 1000n) / 1e6,
      level,
      facility,
      caller: caller === undefined ? null : callerName(caller),
      text: text ?? null,
    })),
    death: deathFacts(kernel),
    problems: log.problems,
  };
}

function callerName(caller: number): string {
  return caller >= cpuBit ? `C${caller - cpuBit}` : `T${caller}`;
}

/** The log as text; see kernel-log.ts. What could not be read becomes warnings of the image. */
export function logTextOf(kernel: Kernel, options: { readonly levels: boolean }): string {
  const log = kernelLog(kernel);
  for (const problem of log.problems) kernel.warn(problem);
  return logText(log, options);
}

/** The report of what the kernel died of, with reason, CPU, task and place; null where the log has none. A report that is cut becomes a warning of the image. */
export function deathFacts(kernel: Kernel): DeathFacts | null {
  const log = kernelLog(kernel);
  const death = deathOf(log);
  if (death === undefined) return null;
  const { kind, reason, cpu, pid, comm, place } = death;
  const report = reportOf(log, death);
  if (report.problem !== undefined) kernel.warn(report.problem);
  return {
    kind,
    reason,
    cpu: cpu ?? null,
    pid: pid ?? null,
    comm: comm ?? null,
    place: place ?? null,
    report: report.lines,
  };
}

/** How the log ends. */
export function logEndFacts(kernel: Kernel): LogEndFacts {
  try {
    const { records, problems } = kernelLog(kernel);
    const last = records.at(-1);
    return {
      records: records.length,
      last: last === undefined ? null : Number(last.time / 1000n) / 1e6,
      death: deathFacts(kernel),
      problem: problems[0] ?? null,
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { records: 0, last: null, death: null, problem: error.message };
  }
}
