/** A scenario with its machine: what the command line, a debugger and the language server run. */
import { Fault } from '../simulator/fault.ts';
import { Machine } from '../simulator/machine.ts';
import { operationList } from '../simulator/operations.ts';
import type { Snapshot } from '../simulator/machine.ts';
import { Catalogue } from '../scenario/catalogue.ts';
import type { ScenarioMachine } from '../scenario/evaluation.ts';
import { machineOptions } from '../scenario/machine-settings.ts';
import type { ParsedScenario } from '../scenario/parse-scenario.ts';
import { rangeOf, wholeText } from '../scenario/scenario-error.ts';
import type { Failure } from '../scenario/scenario-run.ts';
import { ScenarioRun } from '../scenario/scenario-run.ts';
import { operationSteps } from './operation-step.ts';
import type { ScenarioDebugger } from './scenario-debugger.ts';
import { MachineEngine } from './scenario-engine.ts';

/** What scenarios can call on the machines that there are. */
export const scenarioCatalogue = new Catalogue(operationList);

/** A scenario that is ready to run. */
export interface StartedScenario {
  readonly run: ScenarioRun;
  readonly machine: Machine;
  readonly engine: MachineEngine;
}

/** Language and machine. In a bundle of their own, for their size: whoever needs them loads them. */
export interface ScenarioLanguage {
  /** Parses with `scenarioCatalogue`. */
  parse(text: string): Promise<ParsedScenario>;
  /**
   * Makes the machine and stands before the first statement; a machine that cannot be made is a `Failure` with its place in the
   * text.
   */
  startScenario(parsed: ParsedScenario): StartedScenario | Failure;
  /** As `startScenario`, for a debugger. */
  debugScenario(parsed: ParsedScenario): ScenarioDebugger | Failure;
}

/** Builds the machine of a scenario without problems. The failure tells of a machine that cannot be. */
export function startScenario({ scenario }: ParsedScenario): StartedScenario | Failure {
  let machine: Machine;
  try {
    machine = Machine.create(machineOptions(scenario.machine));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const range = scenario.machine === undefined ? wholeText : rangeOf(scenario.machine);
    return { kind: 'fault', message: error.message, range, fault: error };
  }
  const engine = new MachineEngine(machine);
  const run = new ScenarioRun(scenario, { machine: faceOf(machine), engine, catalogue: scenarioCatalogue });
  return { run, machine, engine };
}

function faceOf(machine: Machine): ScenarioMachine {
  return {
    start: (name, given) => operationSteps(machine, name, given),
    snapshot: () => machine.snapshot(),
    restore: (snapshot) => {
      machine.restore(snapshot as Snapshot);
    },
    forgetBefore: (snapshot) => {
      machine.forgetBefore(snapshot as Snapshot);
    },
  };
}
