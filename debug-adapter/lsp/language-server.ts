/** The language server of scenarios, and the parser alone. A bundle of its own: whoever does not need it does not load it. */
import { DocumentState, EmptyFileSystem, inject } from 'langium';
import { createDefaultModule, createDefaultSharedModule, startLanguageServer } from 'langium/lsp';
import type { DefaultSharedModuleContext, LangiumServices, PartialLangiumServices } from 'langium/lsp';
import type { Module } from 'langium';
import { createConnection, ProposedFeatures, StreamMessageReader, StreamMessageWriter } from 'vscode-languageserver/node.js';
import type { CancellationToken } from '../base/cancellation.ts';
import type { ScenarioOutcome } from '../base/host.ts';
import { scenarioChecks } from '../scenario/checks.ts';
import { KmmGeneratedModule, KmmGeneratedSharedModule } from '../scenario/generated/module.ts';
import { parseScenario } from '../scenario/parse-scenario.ts';
import type { ParsedScenario } from '../scenario/parse-scenario.ts';
import { scenarioModule } from '../scenario/services.ts';
import { machineOfScenario } from '../session/scenario-machine.ts';
import { scenarioCatalogue, startScenario } from '../session/scenario.ts';
import { debugScenario } from '../session/scenario-debugger.ts';
import { ScenarioCompletion } from './completion.ts';
import { ScenarioFormatter } from './formatter.ts';
import { ScenarioHover } from './hover.ts';
import { ScenarioInlayHints } from './inlay-hints.ts';
import { ScenarioKinds } from './outline.ts';
import { ScenarioQuickFixes } from './quick-fixes.ts';

const editorModule: Module<LangiumServices, PartialLangiumServices> = {
  lsp: {
    CompletionProvider: (services) => new ScenarioCompletion(services, scenarioCatalogue),
    HoverProvider: () => new ScenarioHover(scenarioCatalogue),
    CodeActionProvider: () => new ScenarioQuickFixes(),
    Formatter: () => new ScenarioFormatter(),
    InlayHintProvider: () => new ScenarioInlayHints(),
  },
};

/** The scenario language's services, and those that all languages of one server share (Langium). */
export interface LanguageServices {
  readonly shared: ReturnType<typeof sharedServices>;
  readonly language: LangiumServices;
}

function sharedServices(context: DefaultSharedModuleContext) {
  return inject(createDefaultSharedModule(context), KmmGeneratedSharedModule, { lsp: { NodeKindProvider: () => new ScenarioKinds() } });
}

/** The language with all that an editor asks for; without a connection, for whoever calls it directly. */
export function languageServices(context: Partial<DefaultSharedModuleContext> = {}): LanguageServices {
  const shared = sharedServices({ ...EmptyFileSystem, ...context });
  const language = inject(createDefaultModule({ shared }), KmmGeneratedModule, scenarioModule(scenarioCatalogue), editorModule);
  shared.ServiceRegistry.register(language);
  language.validation.ValidationRegistry.register(scenarioChecks(scenarioCatalogue));
  return { shared, language };
}

/** Serves until the client leaves, which ends the process. */
export function serveLanguage(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): void {
  const connection = createConnection(ProposedFeatures.all, new StreamMessageReader(input), new StreamMessageWriter(output));
  const { shared } = languageServices({ connection });
  startLanguageServer(shared);
  // Hints are of the text as checked; an editor asks again when it is told.
  shared.workspace.DocumentBuilder.onBuildPhase(DocumentState.Validated, () => {
    connection.languages.inlayHint.refresh().catch(() => undefined);
  });
}

export { debugScenario, startScenario };

/** Runs a scenario to its end; other work of the process goes on meanwhile. */
export async function runScenario(
  scenario: { readonly name: string; readonly text: string },
  token: CancellationToken,
): Promise<ScenarioOutcome> {
  const rest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return machineOfScenario(await parse(scenario.text), { name: scenario.name, token, rest });
}

/** Parses a scenario for the machines that there are. */
export function parse(text: string): Promise<ParsedScenario> {
  return parseScenario(text, scenarioCatalogue);
}
