/** The language's parts, put together: what a parser needs, without an editor. */
import { createDefaultCoreModule, createDefaultSharedCoreModule, EmptyFileSystem, inject } from 'langium';
import type { DeepPartial, LangiumCoreServices, LangiumSharedCoreServices, Module } from 'langium';
import { boundedParser } from './bounded-parser.ts';
import type { Catalogue } from './catalogue.ts';
import { scenarioChecks, ScenarioValidator } from './checks.ts';
import { KmmGeneratedModule, KmmGeneratedSharedModule } from './generated/module.ts';
import { ScenarioScopeProvider } from './scope.ts';
import { ScenarioLexerMessages } from './lexer-messages.ts';
import { ScenarioParserMessages } from './parser-messages.ts';
import { ScenarioTokenBuilder } from './token-builder.ts';
import { ScenarioValueConverter } from './value-converter.ts';

/** What the language does otherwise than Langium does by default. */
export function scenarioModule(catalogue: Catalogue): Module<LangiumCoreServices, DeepPartial<LangiumCoreServices>> {
  return {
    parser: {
      TokenBuilder: () => new ScenarioTokenBuilder(),
      ValueConverter: () => new ScenarioValueConverter(),
      LangiumParser: (services) => boundedParser(services),
      ParserErrorMessageProvider: () => new ScenarioParserMessages(),
      LexerErrorMessageProvider: () => new ScenarioLexerMessages(),
    },
    references: { ScopeProvider: (services) => new ScenarioScopeProvider(services) },
    validation: { DocumentValidator: (services) => new ScenarioValidator(services, catalogue) },
  };
}

/** The language's services without an editor, as the interpreter needs them (Langium). */
export interface ScenarioServices {
  readonly shared: LangiumSharedCoreServices;
  readonly language: LangiumCoreServices;
}

/** Parser, scopes and checks with this catalogue, for use without an editor: no files, no workspace. */
export function scenarioServices(catalogue: Catalogue): ScenarioServices {
  const shared = inject(createDefaultSharedCoreModule(EmptyFileSystem), KmmGeneratedSharedModule);
  const language = inject(createDefaultCoreModule({ shared }), KmmGeneratedModule, scenarioModule(catalogue));
  shared.ServiceRegistry.register(language);
  language.validation.ValidationRegistry.register(scenarioChecks(catalogue));
  return { shared, language };
}
