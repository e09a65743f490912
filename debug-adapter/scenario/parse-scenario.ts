/** The text of a scenario into its syntax tree, with what is wrong with it. */
import { URI } from 'langium';
import type { LangiumDocument } from 'langium';
import { limits } from '../base/limits.ts';
import type { Catalogue } from './catalogue.ts';
import type { Scenario } from './generated/ast.ts';
import type { Problem, ProblemData } from './problem.ts';
import { scenarioServices } from './services.ts';
import type { ScenarioServices } from './services.ts';

/** The tree of a text, and what is wrong with it. */
export interface ParsedScenario {
  readonly scenario: Scenario;
  /** In the order of the text; a scenario that has any does not run. */
  readonly problems: readonly Problem[];
}

const known = new WeakMap<Catalogue, ScenarioServices>();

/** Throws nothing: what is wrong is among the problems. */
export async function parseScenario(text: string, catalogue: Catalogue): Promise<ParsedScenario> {
  const services = known.get(catalogue) ?? scenarioServices(catalogue);
  known.set(catalogue, services);
  const { LangiumDocumentFactory, LangiumDocuments, DocumentBuilder } = services.shared.workspace;
  const document = LangiumDocumentFactory.fromString<Scenario>(
    text.slice(0, limits.scenarioCharacters),
    URI.parse(`memory:///scenario-${count++}.kmm`),
  );
  LangiumDocuments.addDocument(document);
  try {
    await DocumentBuilder.build([document], { validation: true });
  } finally {
    await DocumentBuilder.update([], [document.uri]);
  }
  const problems = problemsOf(document);
  return {
    scenario: document.parseResult.value,
    problems: text.length > limits.scenarioCharacters ? [...problems, tooLong(document)] : problems,
  };
}

let count = 0;

/** What is behind the longest text is not read, and thus does not run. */
function tooLong({ textDocument }: LangiumDocument): Problem {
  const end = textDocument.positionAt(limits.scenarioCharacters);
  return {
    message: `a scenario has at most ${limits.scenarioCharacters} characters; the rest is not read`,
    range: { start: end, end },
    fixes: [],
  };
}

/** What the checks and the parser say of a document that was built. */
function problemsOf(document: LangiumDocument): Problem[] {
  const problems = (document.diagnostics ?? []).map(({ message, range, data }): Problem => {
    const { code, fixes } = (data ?? {}) as Partial<ProblemData>;
    // What the parser tells has a code of its own and no fixes.
    return { message, range, code: fixes === undefined ? undefined : code, fixes: fixes ?? [] };
  });
  problems.sort((a, b) => a.range.start.line - b.range.start.line || a.range.start.character - b.range.start.character);
  // The parser may come to the same place twice.
  return problems.filter(({ message, range }, index) => {
    const before = problems[index - 1];
    return (
      before?.message !== message || before.range.start.line !== range.start.line || before.range.start.character !== range.start.character
    );
  });
}
