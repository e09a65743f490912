/** Expressions of the language that stand outside a scenario: conditions of breakpoints, what a debugger's console asks. */
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Catalogue } from './catalogue.ts';
import { CallFailure, evaluate } from './evaluation.ts';
import type { EvaluationPlace } from './evaluation.ts';
import type { Expression } from './generated/ast.ts';
import type { OperationValue } from '../simulator/operation.ts';
import { parseScenario } from './parse-scenario.ts';
import { ScenarioError } from './scenario-error.ts';

/** Names the variable that holds an expression while it is parsed; no scenario has it. */
const holder = 'value__';

/** Words of the grammar that no variable can be called. */
const keywords: ReadonlySet<string> = new Set(
  'machine with without let expect fails print for in while if else as snapshot restore diff now true false'.split(' '),
);

/** Parses one expression in which `names` are variables. Rejects with `UserError`. */
export async function parseExpression(text: string, names: Iterable<string>, catalogue: Catalogue): Promise<Expression> {
  if (text.length > limits.expressionCharacters)
    throw errors.badExpression(`${text.slice(0, 40)}…`, `more than ${limits.expressionCharacters} characters`);
  const known = [...new Set(names)].filter((name) => name !== holder && !keywords.has(name) && !catalogue.flags.has(name));
  const definitions = known.map((name) => `let ${name} = 0\n`).join('');
  const { scenario, problems } = await parseScenario(`${definitions}let ${holder} = ${text.replaceAll(/[\r\n]+/g, ' ')}`, catalogue);
  const last = scenario.statements[known.length];
  // A text that is nested too deeply has no statements, and its problem stands at its beginning.
  const problem =
    scenario.statements.length === 0
      ? problems[0]
      : problems.find(({ range }) => range.start.line >= known.length || range.end.line >= known.length);
  if (problem !== undefined) throw errors.badExpression(text, problem.message);
  if (last?.$type !== 'Let' || scenario.statements.length > known.length + 1) throw errors.badExpression(text, 'it is not one expression');
  return last.value;
}

/** The text of a log message as a template of the language: what stands in braces is evaluated, all else is as it is written. */
export function templateOf(message: string): string {
  const parts = message.split(/(\{[^{}]*\})/);
  return `"${parts.map((part, index) => (index % 2 === 1 ? part : part.replaceAll(/["\\{}]/g, '\\$&'))).join('')}"`;
}

/** What an expression gives that only asks. Throws `UserError` also where it would run an operation, which is not begun. */
export function evaluateQuestion(expression: Expression, place: EvaluationPlace): OperationValue {
  return attempt(() => {
    const steps = evaluate(expression, place);
    const first = steps.next();
    if (first.done === true) return first.value;
    steps.return(undefined);
    throw errors.badArgument(
      'operations change the machine, so they are not run here; write them in the scenario, or in the debug console',
    );
  });
}

/** What an expression gives, with the operations in it run to their ends. Throws `UserError`. */
export function evaluateFully(expression: Expression, place: EvaluationPlace): OperationValue {
  return attempt(() => {
    const steps = evaluate(expression, place);
    for (;;) {
      const next = steps.next();
      if (next.done === true) return next.value;
    }
  });
}

function attempt(run: () => OperationValue): OperationValue {
  try {
    return run();
  } catch (error) {
    if (error instanceof CallFailure || error instanceof ScenarioError) throw errors.badArgument(error.message);
    throw error;
  }
}
