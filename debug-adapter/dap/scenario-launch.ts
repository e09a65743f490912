/** launch and restart of a scenario, and what only a session on a scenario can do. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { errors } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import { messageOf } from '../protocol/error-message.ts';
import { JobRunner } from '../session/job-runner.ts';
import type { ScenarioDebugger } from '../session/scenario-debugger.ts';
import { failureText } from '../session/scenario-failure.ts';
import { scenarioText } from '../session/scenario-image.ts';
import { exceptionFilters } from '../session/scenario-stop.ts';
import type { Adapter, Answer } from './adapter.ts';
import { setAgain } from './scenario-breakpoints.ts';
import { ScenarioSession } from './scenario-session.ts';

const capabilities: DebugProtocol.Capabilities = {
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsDataBreakpoints: true,
  supportsDataBreakpointBytes: true,
  supportsBreakpointLocationsRequest: true,
  supportsStepBack: true,
  supportsSteppingGranularity: true,
  supportsRestartFrame: true,
  supportsRestartRequest: true,
  supportsGotoTargetsRequest: true,
  supportsSetVariable: true,
  supportsTerminateRequest: true,
  exceptionBreakpointFilters: exceptionFilters.map((one) => ({ ...one, default: true })),
};

/** The launch configuration of a scenario after its check; `noDebug` runs it to its end without stops. */
export interface ScenarioSettings {
  readonly scenario: string;
  readonly stopOnEntry: boolean;
  readonly noDebug: boolean;
  readonly mm: string | undefined;
}

/** Rejects with the place of what is wrong. */
export async function launchScenario(adapter: Adapter, settings: ScenarioSettings): Promise<Answer> {
  const started = await startDebugger(adapter, settings.scenario);
  const { noDebug } = settings;
  const scenario = new ScenarioSession(adapter, { debugger: started, path: settings.scenario, noDebug });
  if (noDebug) started.exceptionFilters = [];
  adapter.mm = settings.mm;
  adapter.openScenario(scenario, new JobRunner(withoutThreads(adapter.host), { paths: [] }, () => scenario.session));
  try {
    adapter.session.memory(settings.mm);
  } catch (error) {
    adapter.close();
    throw errors.badSetting('mm', messageOf(error));
  }
  stopsOnEntry.set(scenario, settings.stopOnEntry && !noDebug);
  return {
    afterwards: () => {
      // The client sets breakpoints when it hears `initialized`: what can be set it must know before.
      adapter.sendEvent('capabilities', { capabilities });
      adapter.sendEvent('process', { name: scenario.source.name, isLocalProcess: false, startMethod: 'launch' });
      adapter.sendEvent('initialized', undefined);
    },
  };
}

const stopsOnEntry = new WeakMap<ScenarioSession, boolean>();

/** Whether the launch configuration wants a stop before the first statement. */
export function stopsAtEntry(scenario: ScenarioSession): boolean {
  return stopsOnEntry.get(scenario) === true;
}

/** Reads the file again, and has the run begin anew with the same breakpoints. */
export async function restartScenario(adapter: Adapter, scenario: ScenarioSession): Promise<void> {
  const fresh = await startDebugger(adapter, scenario.path);
  scenario.restart(fresh);
  await setAgain(scenario);
}

async function startDebugger(adapter: Adapter, path: string): Promise<ScenarioDebugger> {
  const text = scenarioText(adapter.host, path);
  const { loadLanguage } = adapter;
  if (loadLanguage === undefined) throw errors.notSupported('there is no language of scenarios here');
  const language = await loadLanguage();
  const parsed = await language.parse(text);
  const problems = parsed.problems.map((problem) => failureText(path, problem));
  if (problems.length > 0) {
    const more = problems.length > limits.launchProblems ? [`and ${problems.length - limits.launchProblems} more`] : [];
    throw errors.badArgument(...problems.slice(0, limits.launchProblems), ...more);
  }
  const made = language.debugScenario(parsed);
  if (!('breakpoints' in made)) throw errors.badArgument(failureText(path, made));
  return made;
}

/** A machine that goes on cannot be opened by another thread. */
function withoutThreads(host: Host): Host {
  return { ...host, startWorker: undefined };
}
