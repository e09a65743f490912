/** What kind of symbol a named part of a scenario is, for the outline. */
import { DefaultNodeKindProvider } from 'langium/lsp';
import type { AstNode, AstNodeDescription } from 'langium';
import { CompletionItemKind, SymbolKind } from 'vscode-languageserver';

/** Icons for the names of a scenario. */
export class ScenarioKinds extends DefaultNodeKindProvider {
  override getSymbolKind(node: AstNode | AstNodeDescription): SymbolKind {
    return typeOf(node) === 'TakeSnapshot' ? SymbolKind.Event : SymbolKind.Variable;
  }

  override getCompletionItemKind(node: AstNode | AstNodeDescription): CompletionItemKind {
    return typeOf(node) === 'TakeSnapshot' ? CompletionItemKind.Event : CompletionItemKind.Variable;
  }
}

function typeOf(node: AstNode | AstNodeDescription): string {
  return 'type' in node && typeof node.type === 'string' ? node.type : (node as AstNode).$type;
}
