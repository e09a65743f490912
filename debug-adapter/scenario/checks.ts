/** Checks of a scenario before it runs. */
import { DefaultDocumentValidator } from 'langium';
import type { ValidationChecks } from 'langium';
import { parameterAt } from './call-place.ts';
import type { Catalogue } from './catalogue.ts';
import { checkCall, suggestion, teller } from './check-calls.ts';
import type { Call, For, Hole, KmmAstType, Let, Perform, Setting, TakeSnapshot } from './generated/ast.ts';
import { machineFeatures, machineSettings, settingProblem } from './machine-settings.ts';
import type { ProblemCode, ProblemData } from './problem.ts';
import { rangeOf } from './scenario-error.ts';
import type { TextRange } from './scenario-error.ts';
import { isNumberFormat, numberFormats } from './scenario-value.ts';
import { snapshotsOf, variablesAt } from './scope.ts';

/** The checks by kind of node, as Langium registers them. */
export function scenarioChecks(catalogue: Catalogue): ValidationChecks<KmmAstType> {
  return {
    Call: (call: Call, accept) => {
      checkCall(call, catalogue, teller(accept, call));
    },
    Let: (variable: Let, accept) => {
      checkDefinition(variable, catalogue, teller(accept, variable));
    },
    For: (variable: For, accept) => {
      checkDefinition(variable, catalogue, teller(accept, variable));
    },
    Hole: (hole: Hole, accept) => {
      const { format } = hole;
      if (format === undefined || isNumberFormat(format)) return;
      const { end } = rangeOf(hole);
      const range = { start: { line: end.line, character: end.character - format.length }, end };
      const names = Object.keys(numberFormats);
      const { fixes } = suggestion(range, format, names);
      const all = fixes.length > 0 ? fixes : [{ title: 'Change to x', range, newText: 'x' }];
      teller(
        accept,
        hole,
      )({ code: 'unknown-format', message: `there is no format ${format}; there are ${names.join(', ')}`, range, fixes: all });
    },
    TakeSnapshot: (snapshot: TakeSnapshot, accept) => {
      const first = snapshotsOf(snapshot).find(({ name }) => name === snapshot.name);
      if (first === undefined || first === snapshot) return;
      const range = rangeOf(snapshot);
      teller(
        accept,
        snapshot,
      )({ code: 'repeated-snapshot', message: `a snapshot ${snapshot.name} is taken above; give each its own name`, range });
    },
    Perform: (statement: Perform, accept) => {
      const { value } = statement;
      const callable = value.$type === 'Call' ? catalogue.find(value.operation) : undefined;
      if (callable?.call === undefined) return;
      const range = rangeOf(statement);
      teller(
        accept,
        statement,
      )({
        code: 'no-value',
        message: `what ${callable.name} gives is not used here`,
        range,
        fixes: [{ title: 'Print it', range: { start: range.start, end: range.start }, newText: 'print ' }],
      });
    },
    Setting: (setting: Setting, accept) => {
      checkSetting(setting, teller(accept, setting));
    },
  };
}

/** A name means one thing from its definition to the end of the block, and flags keep theirs. */
function checkDefinition(variable: Let | For, catalogue: Catalogue, tell: ReturnType<typeof teller>): void {
  const { start } = rangeOf(variable);
  const word = variable.$type === 'Let' ? 'let ' : 'for ';
  const range: TextRange = { start, end: { line: start.line, character: start.character + word.length + variable.name.length } };
  if (catalogue.flags.has(variable.name)) {
    tell({ code: 'reserved', message: `${variable.name} is the name of a flag; choose another`, range });
  } else if (variablesAt(variable).some(({ name }) => name === variable.name)) {
    const fixes = variable.$type === 'Let' ? [{ title: `Assign to ${variable.name}`, range, newText: variable.name }] : [];
    tell({ code: 'redefined', message: `${variable.name} is defined above; assign to it, or choose another name`, range, fixes });
  }
}

function checkSetting(node: Setting, tell: ReturnType<typeof teller>): void {
  const range = rangeOf(node);
  const { setting } = node;
  if (setting !== undefined && !Object.hasOwn(machineSettings, setting)) {
    const at = { start: range.start, end: { line: range.start.line, character: range.start.character + setting.length } };
    const { words, fixes } = suggestion(at, setting, Object.keys(machineSettings));
    tell({ code: 'unknown-setting', message: `a machine has no setting ${setting}${words}`, range: at, fixes });
  } else if (setting !== undefined && node.$container.settings.find((one) => one.setting === setting) !== node) {
    tell({
      code: 'repeated-setting',
      message: `${setting} is set above`,
      range,
      fixes: [{ title: 'Remove the setting', range, newText: '' }],
    });
  }
  const problem = settingProblem(node);
  if (problem !== undefined) tell({ code: 'bad-setting', message: problem, range });
  for (const name of node.features) {
    if (Object.hasOwn(machineFeatures, name)) continue;
    const { words, fixes } = suggestion(range, name, Object.keys(machineFeatures));
    const whole = fixes.map((fix) => ({
      ...fix,
      newText: [node.mode, node.features.map((one) => (one === name ? fix.newText : one)).join(', ')].join(' '),
    }));
    tell({ code: 'unknown-feature', message: `a kernel has no feature ${name}${words}`, range, fixes: whole });
  }
}

type Diagnostic = Awaited<ReturnType<DefaultDocumentValidator['validateDocument']>>[number];

/** Names that nothing defines, with the nearest that something does; flags are names too. */
export class ScenarioValidator extends DefaultDocumentValidator {
  readonly #catalogue: Catalogue;

  constructor(services: ConstructorParameters<typeof DefaultDocumentValidator>[0], catalogue: Catalogue) {
    super(services);
    this.#catalogue = catalogue;
  }

  /** What the parser did not understand has holes in its tree; the checks are of whole ones. */
  override validateDocument(
    ...[document, options, token]: Parameters<DefaultDocumentValidator['validateDocument']>
  ): Promise<Diagnostic[]> {
    return super.validateDocument(document, { ...options, stopAfterParsingErrors: true }, token);
  }

  protected override processLinkingErrors(...given: Parameters<DefaultDocumentValidator['processLinkingErrors']>): void {
    const [document, diagnostics] = given;
    for (const { error } of document.references) {
      if (error === undefined) continue;
      const name = error.info.reference.$refText;
      const isMoment = error.info.property === 'moment';
      if (!isMoment && this.#catalogue.flags.has(name) && error.info.container.$type === 'Name') continue;
      // Of a name that a call does not take, the check of the call tells.
      if (!isMoment && parameterAt(error.info.container, this.#catalogue)?.names !== undefined) continue;
      const range = error.info.reference.$refNode?.range ?? rangeOf(error.info.container);
      const known = isMoment ? snapshotsOf(error.info.container) : variablesAt(error.info.container);
      const { words, fixes } = suggestion(range, name, [
        ...known.map((one) => one.name),
        ...(isMoment ? ['now'] : this.#catalogue.flags.keys()),
      ]);
      const code: ProblemCode = isMoment ? 'unknown-snapshot' : 'unknown-name';
      const data: ProblemData = { code, fixes };
      const message = isMoment ? `no snapshot ${name} is taken${words}` : `nothing is called ${name} here${words}`;
      diagnostics.push({ severity: 1, range, message, code, data, source: 'kmm' });
    }
  }
}
