/** What may stand at the cursor: operations, their arguments, flags, names, settings. */
import type { AstNode } from 'langium';
import { DefaultCompletionProvider } from 'langium/lsp';
import type { CompletionAcceptor, CompletionContext, LangiumServices, NextFeature } from 'langium/lsp';
import { CompletionItemKind, InsertTextFormat } from 'vscode-languageserver';
import { placeholderOf } from '../scenario/check-calls.ts';
import { isInsideAs, parameterAt } from '../scenario/call-place.ts';
import { mayBeLeftOut, signatureOf } from '../scenario/catalogue.ts';
import type { Callable, Catalogue } from '../scenario/catalogue.ts';
import type { Argument, Call } from '../scenario/generated/ast.ts';
import { machineFeatures, machineSettings } from '../scenario/machine-settings.ts';
import { numberFormats } from '../scenario/scenario-value.ts';

export class ScenarioCompletion extends DefaultCompletionProvider {
  override readonly completionOptions = { triggerCharacters: ['(', ',', '|', '{', ':'] };
  readonly #catalogue: Catalogue;

  constructor(services: LangiumServices, catalogue: Catalogue) {
    super(services);
    this.#catalogue = catalogue;
  }

  protected override async completionFor(context: CompletionContext, next: NextFeature, acceptor: CompletionAcceptor): Promise<void> {
    switch (next.property) {
      case 'operation':
        for (const callable of this.#catalogue.callables.values()) this.#offerCall(context, callable, acceptor);
        return;
      case 'parameter':
        this.#offerParameters(context, acceptor);
        return;
      case 'variable':
        this.#offerNames(context, acceptor);
        break;
      case 'setting':
        offer(context, acceptor, CompletionItemKind.Property, machineSettings);
        return;
      case 'features':
        offer(context, acceptor, CompletionItemKind.EnumMember, machineFeatures);
        return;
      case 'format':
        offer(
          context,
          acceptor,
          CompletionItemKind.EnumMember,
          Object.fromEntries(Object.entries(numberFormats).map(([name, documentation]) => [name, { documentation }])),
        );
        return;
      case 'word':
      case 'value':
        this.#offerWords(context, acceptor);
        break;
      default:
    }
    await super.completionFor(context, next, acceptor);
  }

  #offerCall(context: CompletionContext, callable: Callable, acceptor: CompletionAcceptor): void {
    const { name, parameters, documentation } = callable;
    const needed = parameters.filter((one) => !mayBeLeftOut(one, true));
    const inside = needed.map((one, index) => `\${${index + 1}:${placeholderOf(one).replaceAll('}', '\\}')}}`).join(', ');
    acceptor(context, {
      label: name,
      kind: callable.call === undefined ? CompletionItemKind.Method : CompletionItemKind.Function,
      detail: signatureOf(callable),
      documentation,
      insertText: `${name}(${inside})`,
      insertTextFormat: InsertTextFormat.Snippet,
      sortText: `2${name}`,
    });
  }

  /** Names of the parameters that the call around the cursor does not have yet. */
  #offerParameters(context: CompletionContext, acceptor: CompletionAcceptor): void {
    const call = callAround(context.node);
    const callable = call === undefined ? undefined : this.#catalogue.find(call.operation);
    if (call === undefined || callable === undefined) return;
    const given = new Set(call.given.map((argument, index) => argument.parameter ?? callable.parameters[index]?.name));
    for (const parameter of callable.parameters) {
      if (given.has(parameter.name) && call.given.at(-1)?.parameter !== undefined) continue;
      acceptor(context, {
        label: `${parameter.name}:`,
        kind: CompletionItemKind.Property,
        detail: parameter.kind + (mayBeLeftOut(parameter, isInsideAs(call)) ? ' (may be left out)' : ''),
        documentation: parameter.documentation,
        insertText: `${parameter.name}: `,
        sortText: `0${parameter.name}`,
      });
    }
  }

  /** Flags: of the argument at the cursor, else all. */
  #offerNames(context: CompletionContext, acceptor: CompletionAcceptor): void {
    const parameter =
      context.node === undefined ? undefined : (parameterAt(context.node, this.#catalogue) ?? this.#nextParameter(context.node));
    const names = parameter?.names ?? this.#catalogue.flags.keys();
    for (const label of names) {
      const detail = parameter === undefined ? (this.#catalogue.flags.get(label) ?? []).join(', ') : parameter.documentation;
      acceptor(context, {
        label,
        kind: CompletionItemKind.Constant,
        detail,
        sortText: parameter === undefined ? `3${label}` : `0${label}`,
      });
    }
  }

  /** The parameter that an argument not yet written would be for. */
  #nextParameter(node: AstNode): Callable['parameters'][number] | undefined {
    if (node.$type === 'Argument') {
      const { parameter, $container } = node as Argument;
      return this.#catalogue.find($container.operation)?.parameters.find(({ name }) => name === parameter);
    }
    if (node.$type !== 'Call') return undefined;
    const { operation, given } = node as Call;
    return this.#catalogue.find(operation)?.parameters[given.length];
  }

  #offerWords(context: CompletionContext, acceptor: CompletionAcceptor): void {
    const setting =
      (context.node as { setting?: string } | undefined)?.setting ??
      (context.node?.$container as { setting?: string } | undefined)?.setting;
    const spec = setting !== undefined && Object.hasOwn(machineSettings, setting) ? machineSettings[setting] : undefined;
    for (const label of spec?.names ?? []) acceptor(context, { label, kind: CompletionItemKind.EnumMember, sortText: `0${label}` });
  }
}

function offer(
  context: CompletionContext,
  acceptor: CompletionAcceptor,
  kind: CompletionItemKind,
  names: Readonly<Record<string, { readonly documentation: string }>>,
): void {
  for (const [label, { documentation }] of Object.entries(names)) acceptor(context, { label, kind, documentation, sortText: `0${label}` });
}

function callAround(node: AstNode | undefined): Call | undefined {
  for (let at = node; at !== undefined; at = at.$container) if (at.$type === 'Call') return at as Call;
  return undefined;
}
