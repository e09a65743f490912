/** evaluate, setVariable and completions of a scenario: its own language first, where a text is of it; else as of a dump. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import { parseAddress, toAddress } from '../base/address.ts';
import { errors, UserError } from '../base/errors.ts';
import type { Adapter, Answer, Call, Handler } from './adapter.ts';
import { check, expressionSchema } from './check.ts';
import { evaluationHandlers, identifyResult } from './evaluation.ts';
import { memoryHandlers } from './memory.ts';
import { frameIndex, scenarioOf } from './scenario-session.ts';
import { variablesKey, viewRow } from './scenario-stack.ts';

const schema = v.looseObject({ expression: expressionSchema, frameId: v.optional(v.number()), context: v.optional(v.string()) });

/** Names at which a text is of the language: those that stand alone, not members. */
const names = /(?<![\w.$>"]|->)[A-Za-z_]\w*/g;

async function evaluate(adapter: Adapter, parameters: unknown, call: Call): Promise<Answer> {
  const scenario = scenarioOf(adapter);
  const { expression, frameId, context } = check(schema, parameters);
  const run = scenario.debugger;
  const text = expression.trim();
  const frame = frameId === undefined ? 0 : frameIndex(scenario, frameId);
  const isVariable = (name: string): boolean => run.knows(name, frame);
  const used = text.match(names) ?? [];
  const isOfLanguage = !text.startsWith('.') && used.some((name) => isVariable(name) || run.hasFunction(name));
  if (isOfLanguage) {
    const perform = context === 'repl';
    if (perform) scenario.needStopped();
    const before = run.version;
    try {
      const view = await run.evaluate(text, { frame, perform: perform && used.some((name) => run.isOperation(name)) });
      if (run.version !== before) adapter.changed();
      const { value: result, ...shown } = viewRow(adapter, `= ${text}`, view);
      const address = view.address === undefined ? undefined : parseAddress(view.address);
      if (context !== 'hover' || address === undefined) return { body: { result, ...shown } };
      const identified = identifyResult(adapter, toAddress(address));
      return { body: { ...identified, result: `${result}  ${identified.result ?? ''}` } };
    } catch (error) {
      // What the language does not understand may be of C.
      if (!(error instanceof UserError) || error.code !== 'bad-expression') throw error;
    }
  }
  const inC = text.replaceAll(names, (name) => (isVariable(name) ? `$${name}` : name));
  const answered = evaluationHandlers['evaluate']?.(adapter, { ...check(schema, parameters), expression: inC }, call);
  if (answered === undefined) throw errors.badArgument(`${text} cannot be evaluated`);
  return answered;
}

async function setVariable(adapter: Adapter, parameters: unknown): Promise<Answer> {
  const scenario = scenarioOf(adapter);
  scenario.needStopped();
  const { variablesReference, name, value } = check(
    v.looseObject({ variablesReference: v.number(), name: v.string(), value: expressionSchema }),
    parameters,
  );
  if (adapter.node(variablesReference) !== adapter.nodeAt(variablesKey))
    throw errors.badArgument(`${name} cannot be set; variables of the scenario can be, and memory can be written`);
  const view = await scenario.debugger.setVariable(name, value);
  const { value: shown, type, variablesReference: inside } = viewRow(adapter, `${variablesKey}.${name}`, view);
  return {
    body: { value: shown, type, variablesReference: inside },
    afterwards: () => {
      adapter.changed();
    },
  };
}

/** Names of the scenario before those of the kernel. */
async function completions(adapter: Adapter, parameters: unknown, call: Call): Promise<Answer> {
  const scenario = scenarioOf(adapter);
  const { text, column } = check(v.looseObject({ text: expressionSchema, column: v.number() }), parameters);
  const before = text.slice(0, Math.max(0, column - 1));
  const word = /[A-Za-z_]\w*$/.exec(before)?.[0] ?? '';
  const given = await evaluationHandlers['completions']?.(adapter, parameters, call);
  const kernel = (given?.body as DebugProtocol.CompletionsResponse['body'] | undefined)?.targets ?? [];
  if (/(?:\.|->|\$)\w*$/.test(before)) return { body: { targets: kernel } };
  const own = scenario.debugger
    .names()
    .filter((name) => name.startsWith(word))
    .map((label) => ({ label, start: before.length - word.length, length: word.length }));
  const labels = new Set(own.map(({ label }) => label));
  return { body: { targets: [...own, ...kernel.filter(({ label }) => !labels.has(label))] } };
}

/** As of a dump; the client is told when what it shows may have changed. */
function readMemory(adapter: Adapter, parameters: unknown, call: Call): Answer | Promise<Answer> {
  const answered = memoryHandlers['readMemory']?.(adapter, parameters, call) ?? {};
  const { memoryReference, offset, count } = check(
    v.looseObject({ memoryReference: v.string(), offset: v.optional(v.number(), 0), count: v.number() }),
    parameters,
  );
  scenarioOf(adapter).showed({ memoryReference, offset, count });
  return answered;
}

/** Handle expressions of a stopped scenario, which know its variables, and memory as it is at the stop. */
export const scenarioEvaluationHandlers: Readonly<Record<string, Handler>> = { evaluate, setVariable, completions, readMemory };
