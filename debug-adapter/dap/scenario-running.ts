/** Requests that make a scenario go on, back, or elsewhere. */
import * as v from 'valibot';
import type { Way } from '../session/scenario-debugger.ts';
import type { Adapter, Answer, Call, Handler } from './adapter.ts';
import { check } from './check.ts';
import { restartScenario, stopsAtEntry } from './scenario-launch.ts';
import { frameIndex, scenarioOf } from './scenario-session.ts';
import type { ScenarioSession } from './scenario-session.ts';

const granularitySchema = v.looseObject({ granularity: v.optional(v.string()) });

/** `instruction` asks for the very next stop. */
function isFine(parameters: unknown): boolean {
  return check(granularitySchema, parameters).granularity === 'instruction';
}

function going(way: (scenario: ScenarioSession, parameters: unknown) => Way, body?: unknown): Handler {
  return (adapter, parameters, call) => {
    const scenario = scenarioOf(adapter);
    return scenario.go(way(scenario, parameters), call, body);
  };
}

function configurationDone(adapter: Adapter, _parameters: unknown, call: Call): Answer {
  const scenario = scenarioOf(adapter);
  return scenario.go(scenario.debugger.start(!stopsAtEntry(scenario), scenario.token), call);
}

function pause(adapter: Adapter): Answer {
  scenarioOf(adapter).pause();
  return {};
}

function restartFrame(adapter: Adapter, parameters: unknown): Answer {
  const scenario = scenarioOf(adapter);
  scenario.needStopped();
  const { frameId } = check(v.looseObject({ frameId: v.number() }), parameters);
  const halt = scenario.debugger.restartFrame(frameIndex(scenario, frameId));
  return {
    afterwards: () => {
      scenario.stopped(halt);
    },
  };
}

function gotoTargets(adapter: Adapter, parameters: unknown): Answer {
  const scenario = scenarioOf(adapter);
  const { line } = check(v.looseObject({ line: v.number() }), parameters);
  const targets = scenario.debugger.jumpTargets(scenario.fromClient(line));
  return { body: { targets: targets.map((target) => ({ ...target, line: scenario.toClient(target.line) })) } };
}

function goto(adapter: Adapter, parameters: unknown): Answer {
  const scenario = scenarioOf(adapter);
  scenario.needStopped();
  const halt = scenario.debugger.jump(check(v.looseObject({ targetId: v.number() }), parameters).targetId);
  return {
    afterwards: () => {
      scenario.stopped(halt);
    },
  };
}

async function restart(adapter: Adapter, _parameters: unknown, call: Call): Promise<Answer> {
  const scenario = scenarioOf(adapter);
  scenario.needStopped();
  await restartScenario(adapter, scenario);
  const { body, afterwards } = scenario.go(scenario.debugger.start(!stopsAtEntry(scenario), scenario.token), call);
  return { body, ...(afterwards === undefined ? {} : { afterwards }) };
}

function terminate(adapter: Adapter): Answer {
  const scenario = scenarioOf(adapter);
  scenario.close();
  return {
    afterwards: () => {
      adapter.sendEvent('terminated', {});
    },
  };
}

/** Handle moves through a run, forwards and back: each answers at once, and a `stopped` event follows. */
export const runningHandlers: Readonly<Record<string, Handler>> = {
  configurationDone,
  continue: going(({ debugger: run, token }) => run.continue(token), { allThreadsContinued: true }),
  next: going(({ debugger: run, token }, parameters) => run.step(isFine(parameters) ? 'one' : 'over', token)),
  stepIn: going(({ debugger: run, token }) => run.step('in', token)),
  stepOut: going(({ debugger: run, token }) => run.step('out', token)),
  stepBack: going(({ debugger: run, token }, parameters) => run.back(isFine(parameters) ? 'one' : 'over', token)),
  reverseContinue: going(({ debugger: run, token }) => run.reverse(token)),
  pause,
  restartFrame,
  gotoTargets,
  goto,
  restart,
  terminate,
};
