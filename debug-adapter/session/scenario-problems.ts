/** What is wrong in a scenario's machine, each at the statement that gave the entry its bytes; and why its run failed. */
import { limits } from '../base/limits.ts';
import { parseAddress } from '../base/address.ts';
import type { FindingFacts } from '../protocol/facts.ts';
import type { ScenarioProblem, ScenarioProblems } from '../protocol/scenario.ts';
import type { RamPlace } from '../simulator/ram.ts';
import type { ScenarioDebugger } from './scenario-debugger.ts';
import type { SessionFace } from './session-face.ts';

/** Bytes of what a finding points to that is no page-table entry: a word of the kernel's. */
const wordBytes = 8;

/** Of the machine as it is now; `session` is on it. Throws `UserError`. */
export function scenarioProblems(run: ScenarioDebugger, session: SessionFace): Omit<ScenarioProblems, 'path'> {
  const { findings } = session.findings({});
  const told = findings.slice(0, limits.toldProblems);
  const places = run.causes(told.map((finding) => placesOf(finding, session)));
  const problems = told.map((finding, index): ScenarioProblem => ({
    kind: finding.kind,
    severity: finding.kind === 'writable-executable' ? 'warning' : 'error',
    message: messageOf(finding),
    place: places[index] ?? null,
  }));
  const { stop } = run;
  if (stop.kind === 'failed')
    problems.unshift({ kind: 'failure', severity: 'error', message: stop.failure.message, place: stop.failure.range });
  return { problems, truncated: findings.length > told.length };
}

/** What it is about comes first: a list cuts long lines. */
function messageOf({ kind, virtual, reason, message }: FindingFacts): string {
  return kind === 'root-out-of-sync' ? message : `${virtual}: ${reason}`;
}

/** The bytes that make a finding: the entry, and the kernel's own where the two do not agree. */
function placesOf(finding: FindingFacts, session: SessionFace): RamPlace[] {
  const { kind, level, virtual, entryAddress, mm, user } = finding;
  const { mode } = session.pageTable({ mm: mm === 'efi' ? mm : 'kernel', user: mm === 'kernel' && user });
  const shape = mode.levels.find(({ name }) => name === level);
  const places = [placeAt(entryAddress, shape?.entrySize ?? wordBytes)];
  if (kind !== 'root-out-of-sync' && kind !== 'vmalloc-inconsistent') return places;
  const address = parseAddress(virtual);
  if (address === undefined) return places;
  const { levels } = session.translate(address, 'kernel');
  const own = levels.find((one) => one.level === level) ?? levels.at(-1);
  const size = mode.levels.find(({ name }) => name === own?.level)?.entrySize;
  return own === undefined || size === undefined ? places : [...places, placeAt(own.entryAddress, size)];
}

function placeAt(address: string, length: number): RamPlace {
  return { address: Number(BigInt(address)), length };
}
