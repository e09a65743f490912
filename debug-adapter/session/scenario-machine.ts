/** Running a scenario to its end for the machine that it leaves. */
import type { CancellationToken } from '../base/cancellation.ts';
import type { ScenarioOutcome } from '../base/host.ts';
import type { ParsedScenario } from '../scenario/parse-scenario.ts';
import { failureText } from './scenario-failure.ts';
import { startScenario } from './scenario.ts';

/** Statements and steps between looks at the token and at what else there is to do. */
const stopsAtATime = 5000;

/** `rest` lets other work of the process go on. */
export async function machineOfScenario(
  parsed: ParsedScenario,
  use: { readonly name: string; readonly token: CancellationToken; readonly rest: () => Promise<void> },
): Promise<ScenarioOutcome> {
  const { name, token, rest } = use;
  const [problem] = parsed.problems;
  if (problem !== undefined) return { kind: 'failed', message: failureText(name, problem) };
  const started = startScenario(parsed);
  if (!('run' in started)) return { kind: 'failed', message: failureText(name, started) };
  const { run, machine } = started;
  let { stop } = run;
  for (let count = 1; stop.kind !== 'end'; count++) {
    if (stop.kind === 'failed') return { kind: 'failed', message: failureText(name, stop.failure) };
    if (count % stopsAtATime === 0) {
      await rest();
      if (token.cancelled) return { kind: 'cancelled' };
    }
    stop = run.advance();
  }
  return { kind: 'machine', vmcore: machine.vmcore(name) };
}
