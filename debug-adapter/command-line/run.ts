/** `run`: a scenario to its end. */
import type { Host } from '../base/host.ts';
import { scenarioText } from '../session/scenario-image.ts';
import { failureText } from '../session/scenario-failure.ts';
import type { ScenarioLanguage } from '../session/scenario.ts';
import { exitStatus } from './arguments.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

/** What stands behind `pagewalk run SCENARIO`; `save` is the path of the ELF vmcore to be written. */
export interface RunOptions {
  readonly json?: true;
  readonly save?: string;
}

/** What `run` needs of the entry. */
export interface Scenarios {
  /** Loads the language and the simulated machine, which other verbs do without. */
  load(): Promise<ScenarioLanguage>;
  /** Writes a file, whole or not at all. Throws `UserError`. */
  save(path: string, pieces: Iterable<Uint8Array>): void;
}

/** Gives the exit status: 1 where an `expect` does not hold, 2 where the scenario cannot be run, or fails otherwise. */
export async function runVerb(
  host: Host,
  output: Output,
  asked: { readonly scenario: string; readonly options: RunOptions; readonly scenarios: Scenarios },
): Promise<number> {
  const { scenario: path, options, scenarios } = asked;
  const source = scenarioText(host, path);
  const language = await scenarios.load();
  const parsed = await language.parse(source);
  const complain = (line: string): void => {
    output.complain(`pagewalk: ${line}`);
  };
  if (parsed.problems.length > 0) {
    for (const { message, range } of parsed.problems) {
      complain(`${path}:${range.start.line + 1}:${range.start.character + 1}: ${message}`);
    }
    return exitStatus.unusable;
  }
  const started = language.startScenario(parsed);
  if (!('run' in started)) {
    complain(failureText(path, started));
    return exitStatus.unusable;
  }
  const { run, machine } = started;
  let printed = 0;
  let stop = run.stop;
  while (stop.kind !== 'failed' && stop.kind !== 'end') {
    stop = run.stepOver();
    if (options.json === true || run.printedCount === printed) continue;
    for (const text of run.outputFrom(printed)) output.text(`${text}\n`);
    printed = run.printedCount;
  }
  const failure = stop.kind === 'failed' ? stop.failure : undefined;
  if (options.json === true) {
    const where = failure === undefined ? null : { line: failure.range.start.line + 1, column: failure.range.start.character + 1 };
    const told = failure === undefined ? null : { kind: failure.kind, message: failure.message, ...where };
    output.text(json({ output: run.output, failure: told }));
  } else if (failure !== undefined) complain(failureText(path, failure));
  if (options.save !== undefined) scenarios.save(options.save, machine.saveElf());
  if (failure === undefined) return exitStatus.fine;
  return failure.kind === 'expectation' ? exitStatus.notFound : exitStatus.unusable;
}
