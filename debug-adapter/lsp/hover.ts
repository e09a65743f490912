/** Documentation of what the pointer is on. */
import { CstUtils, GrammarUtils } from 'langium';
import type { AstNode, LangiumDocument, LeafCstNode } from 'langium';
import type { HoverProvider } from 'langium/lsp';
import type { Hover, HoverParams } from 'vscode-languageserver';
import { parameterAt, parameterOf } from '../scenario/call-place.ts';
import { hasDefault, signatureOf } from '../scenario/catalogue.ts';
import type { Callable, Catalogue } from '../scenario/catalogue.ts';
import type { CallableParameter } from '../scenario/engine-functions.ts';
import type { Argument, Call, Let, Name, Setting } from '../scenario/generated/ast.ts';
import { machineFeatures, machineSettings } from '../scenario/machine-settings.ts';
import { textOf } from '../scenario/scenario-error.ts';
import { formatNumber, formatValue, isNumberFormat, numberFormats } from '../scenario/scenario-value.ts';

const keywords: Readonly<Record<string, string>> = {
  machine: 'The machine that the scenario runs on. It comes first; what is left out is as usual.',
  let: 'Gives a value a name, to the end of the block.',
  expect:
    'Ends the run where the condition is false, with both values. With `fails`: where the call does not fail, or not with these words.',
  fails: 'The kernel must complain of the call; with a text, in these words.',
  print: 'Prints values; `{…}` in a text is worked out, `{a:x}` in hexadecimal.',
  for: 'Repeats for each number of a range `0..8` (the end left out) or element of a list.',
  while: 'Repeats as long as the condition holds.',
  as: 'Operations and questions inside are those of this process.',
  snapshot: 'Keeps the state of the machine under a name; costs what changes afterwards.',
  restore: 'Brings the machine back to a snapshot. Variables keep their values.',
  diff: 'What differs between the page-table dumps of two moments; `now` is the present.',
  with: 'The kernel has these features.',
  without: 'The kernel lacks these features.',
};

/** Operations, parameters, flags, settings and names have one; anything else has none. */
export class ScenarioHover implements HoverProvider {
  readonly #catalogue: Catalogue;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** Markdown for the word at the position; undefined where there is nothing to say. */
  getHoverContent(document: LangiumDocument, params: HoverParams): Hover | undefined {
    const root = document.parseResult.value.$cstNode;
    if (root === undefined) return undefined;
    const leaf = CstUtils.findLeafNodeAtOffset(root, document.textDocument.offsetAt(params.position));
    const value = leaf === undefined || leaf.hidden ? undefined : this.#content(leaf);
    return leaf === undefined || value === undefined ? undefined : { contents: { kind: 'markdown', value }, range: leaf.range };
  }

  #content(leaf: LeafCstNode): string | undefined {
    const node: AstNode = leaf.astNode;
    switch (GrammarUtils.findAssignment(leaf)?.feature) {
      case 'operation': {
        const callable = this.#catalogue.find((node as Call).operation);
        return callable === undefined ? undefined : callText(callable);
      }
      case 'parameter': {
        const argument = node as Argument;
        const parameter = parameterOf(argument, this.#catalogue.find(argument.$container.operation));
        return parameter === undefined ? undefined : parameterText(parameter);
      }
      case 'variable':
        return this.#nameText(node as Name);
      case 'name':
        return node.$type === 'Let' ? definitionText(node as Let) : undefined;
      case 'setting':
        return machineSettings[(node as Setting).setting ?? '']?.documentation;
      case 'features':
        return machineFeatures[leaf.text]?.documentation;
      case 'format':
        return isNumberFormat(leaf.text) ? numberFormats[leaf.text] : undefined;
      case 'value':
        return node.$type === 'Quantity' ? numberText((node as AstNode & { value: bigint }).value) : undefined;
      default:
        return keywords[leaf.text];
    }
  }

  #nameText(node: Name): string | undefined {
    const { ref, $refText } = node.variable;
    if (ref?.$type === 'Let') return definitionText(ref);
    if (ref?.$type === 'For') return code(`for ${ref.name} in ${textOf(ref.values)}`);
    const parameter = parameterAt(node, this.#catalogue);
    if (parameter?.names?.includes($refText) === true) return `${code($refText)}\n\n${parameterText(parameter)}`;
    const takers = this.#catalogue.flags.get($refText);
    return takers === undefined ? undefined : `${code($refText)}\n\nA flag: ${takers.map((name) => `\`${name}\``).join(', ')}.`;
  }
}

function code(text: string): string {
  return `\`\`\`kmm\n${text}\n\`\`\``;
}

function definitionText(node: Let): string {
  return code(textOf(node));
}

function callText(callable: Callable): string {
  const parameters = callable.parameters.map((one) => `- ${parameterText(one)}`).join('\n');
  return [code(signatureOf(callable)), callable.documentation, parameters].filter((part) => part !== '').join('\n\n');
}

function parameterText(parameter: CallableParameter): string {
  const { name, kind, documentation, names } = parameter;
  const usual = hasDefault(parameter) && parameter.default !== undefined ? ` Unless given: ${formatValue(parameter.default)}.` : '';
  const choice = names === undefined ? '' : ` One of ${names.join(', ')}.`;
  return `\`${name}\` (${kind}): ${documentation}${usual}${choice}`;
}

/** A number the other ways in which it could be written. */
function numberText(value: bigint): string {
  return `${formatNumber(value, 'd')} = ${formatNumber(value, 'x')} = ${formatNumber(value, 'size')}`;
}
