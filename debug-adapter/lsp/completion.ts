/** What may stand at the cursor: operations, their arguments, flags, names, settings. */
import { CstUtils } from 'langium';
import { DefaultCompletionProvider } from 'langium/lsp';
import type { CompletionAcceptor, CompletionContext, LangiumServices, NextFeature } from 'langium/lsp';
import { CompletionItemKind, InsertTextFormat } from 'vscode-languageserver';
import type { CompletionItem, CompletionList } from 'vscode-languageserver';
import { mayBeLeftOut, signatureOf } from '../scenario/catalogue.ts';
import type { Callable, Catalogue } from '../scenario/catalogue.ts';
import { placeholderOf } from '../scenario/check-calls.ts';
import { machineFeatures, machineSettings } from '../scenario/machine-settings.ts';
import { numberFormats } from '../scenario/scenario-value.ts';
import { variablesAt } from '../scenario/scope.ts';
import { unfinishedCall } from './unfinished-call.ts';
import type { UnfinishedCall } from './unfinished-call.ts';

/** Proposals come from the catalogue and the scope at the cursor, with documentation. */
export class ScenarioCompletion extends DefaultCompletionProvider {
  override readonly completionOptions = { triggerCharacters: ['(', ',', '|', '{', ':'] };
  readonly #catalogue: Catalogue;

  constructor(services: LangiumServices, catalogue: Catalogue) {
    super(services);
    this.#catalogue = catalogue;
  }

  override async getCompletion(
    ...[document, params, token]: Parameters<DefaultCompletionProvider['getCompletion']>
  ): Promise<CompletionList> {
    const { textDocument, parseResult } = document;
    const offset = textDocument.offsetAt(params.position);
    const before = textDocument.getText().slice(0, offset);
    const setting = /\b(\w+)\s+[\w-]*$/.exec(before)?.[1];
    const words = setting !== undefined && Object.hasOwn(machineSettings, setting) ? machineSettings[setting]?.names : undefined;
    if (words !== undefined) return listOf(words.map((label) => ({ label, kind: CompletionItemKind.EnumMember })));
    const call = unfinishedCall(before);
    if (call === undefined) return (await super.getCompletion(document, params, token)) ?? listOf([]);
    const root = parseResult.value.$cstNode;
    const leaf = root === undefined ? undefined : CstUtils.findLeafNodeBeforeOffset(root, offset);
    const variables = leaf === undefined ? [] : variablesAt(leaf.astNode);
    return listOf([
      ...this.#argumentItems(call),
      ...variables.map(({ name }) => ({ label: name, kind: CompletionItemKind.Variable, sortText: `1${name}` })),
      ...[...this.#catalogue.callables.values()].filter(({ returns }) => returns !== undefined).map(callItem),
    ]);
  }

  protected override async completionFor(context: CompletionContext, next: NextFeature, acceptor: CompletionAcceptor): Promise<void> {
    switch (next.property) {
      case 'operation':
        for (const callable of this.#catalogue.callables.values()) acceptor(context, callItem(callable));
        return;
      case 'variable':
        for (const [label, takers] of this.#catalogue.flags) {
          acceptor(context, { label, kind: CompletionItemKind.Constant, detail: takers.join(', '), sortText: `3${label}` });
        }
        break;
      case 'setting':
        offer(context, acceptor, CompletionItemKind.Property, machineSettings);
        return;
      case 'features':
        offer(context, acceptor, CompletionItemKind.EnumMember, machineFeatures);
        return;
      case 'format': {
        const formats = Object.entries(numberFormats).map(([name, documentation]) => [name, { documentation }] as const);
        offer(context, acceptor, CompletionItemKind.EnumMember, Object.fromEntries(formats));
        return;
      }
      default:
    }
    await super.completionFor(context, next, acceptor);
  }

  /** Names of the parameters that the call does not have yet, and what the argument at the cursor may be by name. */
  #argumentItems({ operation, index, parameter, named }: UnfinishedCall): CompletionItem[] {
    const parameters = this.#catalogue.find(operation)?.parameters ?? [];
    const own = parameter === undefined ? parameters[index] : parameters.find(({ name }) => name === parameter);
    const choices = (own?.names ?? []).map((label) => ({
      label,
      kind: CompletionItemKind.Constant,
      documentation: own?.documentation ?? '',
      sortText: `0${label}`,
    }));
    if (parameter !== undefined) return choices;
    const free = parameters.filter(({ name }, at) => at >= index - named.length && !named.includes(name));
    return [
      ...choices,
      ...free.map((one) => ({
        label: `${one.name}:`,
        kind: CompletionItemKind.Property,
        detail: one.kind + (mayBeLeftOut(one, false) ? ' (may be left out)' : ''),
        documentation: one.documentation,
        insertText: `${one.name}: `,
        sortText: `0${one.name}`,
      })),
    ];
  }
}

function listOf(items: CompletionItem[]): CompletionList {
  return { isIncomplete: false, items };
}

/** A call with what it needs, to be filled in. */
function callItem(callable: Callable): CompletionItem {
  const { name, parameters, documentation } = callable;
  const needed = parameters.filter((one) => !mayBeLeftOut(one, true));
  const inside = needed.map((one, index) => `\${${index + 1}:${placeholderOf(one).replaceAll('}', '\\}')}}`).join(', ');
  return {
    label: name,
    kind: callable.call === undefined ? CompletionItemKind.Method : CompletionItemKind.Function,
    detail: signatureOf(callable),
    documentation,
    insertText: `${name}(${inside})`,
    insertTextFormat: InsertTextFormat.Snippet,
    sortText: `2${name}`,
  };
}

function offer(
  context: CompletionContext,
  acceptor: CompletionAcceptor,
  kind: CompletionItemKind,
  names: Readonly<Record<string, { readonly documentation: string }>>,
): void {
  for (const [label, { documentation }] of Object.entries(names)) acceptor(context, { label, kind, documentation, sortText: `0${label}` });
}
