/** pagewalk/scenarioProblems: what is wrong in a scenario's machine, at the statements that made it so. */
import type { ScenarioProblems } from '../protocol/scenario.ts';
import { scenarioProblems } from '../session/scenario-problems.ts';
import type { Adapter } from './adapter.ts';

/** Of a dump there are none, and no path. Throws `UserError` while the scenario runs. */
export function problemsOf({ scenario }: Pick<Adapter, 'scenario'>): ScenarioProblems {
  if (scenario === undefined) return { path: null, problems: [], truncated: false };
  scenario.needStopped();
  return { path: scenario.path, ...scenarioProblems(scenario.debugger, scenario.session) };
}
