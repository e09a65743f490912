/** Beside each `let`, the address that it had at the end of a run. */
import { AstUtils } from 'langium';
import type { LangiumDocument } from 'langium';
import type { InlayHintProvider } from 'langium/lsp';
import type { InlayHint, InlayHintParams } from 'vscode-languageserver';
import { Cancelled } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Let, Scenario } from '../scenario/generated/ast.ts';
import { machineOptions } from '../scenario/machine-settings.ts';
import { formatNumber } from '../scenario/scenario-value.ts';
import { startScenario } from '../session/scenario.ts';

/** Smaller numbers stand in the text itself, or are counts. */
const leastAddress = 1n << 20n;

/** Runs the scenario to know the values; one that cannot be run has hints for what came before the failure. */
export class ScenarioInlayHints implements InlayHintProvider {
  #last: { readonly text: string; readonly values: ReadonlyMap<string, unknown> } | undefined;

  /** None while the text has problems. */
  getInlayHints(document: LangiumDocument, { range }: InlayHintParams): InlayHint[] {
    if ((document.diagnostics?.length ?? 0) > 0) return [];
    const scenario = document.parseResult.value as Scenario;
    const values = this.#valuesOf(document.textDocument.getText(), scenario);
    return AstUtils.streamAllContents(scenario)
      .filter((node): node is Let => node.$type === 'Let')
      .flatMap((node) => {
        const value = values.get(node.name);
        const at = node.$cstNode?.range.start;
        if (typeof value !== 'bigint' || value < leastAddress || at === undefined || isWritten(node, value)) return [];
        if (at.line < range.start.line || at.line > range.end.line) return [];
        const position = { line: at.line, character: at.character + 'let '.length + node.name.length };
        return [{ position, label: `: ${formatNumber(value)}`, tooltip: 'At the end of a run of this scenario' }];
      })
      .toArray();
  }

  /** Values of the variables at the end of a run, or where it failed. */
  #valuesOf(text: string, scenario: Scenario): ReadonlyMap<string, unknown> {
    if (this.#last?.text === text) return this.#last.values;
    const values = valuesAtEnd(scenario);
    this.#last = { text, values };
    return values;
  }
}

/** Whether the value stands in the text as it is. */
function isWritten({ value: written }: Let, value: bigint): boolean {
  return written.$type === 'Quantity' && written.value === value;
}

/**
 * The variables of a scenario at the end of its run, or where it failed; fewer or none of one that takes more than `limits.hint…`:
 * an editor does not wait for it.
 */
export function valuesAtEnd(scenario: Scenario): ReadonlyMap<string, unknown> {
  if ((machineOptions(scenario.machine).ram ?? 0) > limits.hintRam) return new Map();
  const started = startScenario({ scenario, problems: [] });
  if (!('run' in started)) return new Map();
  const until = Date.now() + limits.hintMilliseconds;
  const token = {
    get cancelled() {
      return Date.now() > until;
    },
  };
  try {
    started.run.runToEnd({ token, mostStops: limits.hintStops });
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    return new Map();
  }
  return started.run.variables;
}
