/** Which names mean what where: a `let` from the next statement to the end of its block, a snapshot in the whole scenario. */
import { AstUtils, DefaultScopeProvider } from 'langium';
import type { AstNode, ReferenceInfo, Scope } from 'langium';
import type { Statement, TakeSnapshot, Variable } from './generated/ast.ts';

/** Resolves a name to the definition that is known where it stands. */
export class ScenarioScopeProvider extends DefaultScopeProvider {
  override getScope(context: ReferenceInfo): Scope {
    if (context.property === 'variable') return this.createScopeForNodes(variablesAt(context.container));
    return this.createScopeForNodes(snapshotsOf(context.container));
  }
}

/** Variables that a node may use, nearest first. */
export function variablesAt(node: AstNode): Variable[] {
  const found: Variable[] = [];
  let child = node;
  for (let container = child.$container; container !== undefined; child = container, container = child.$container) {
    if (container.$type === 'For' && child.$containerProperty === 'body') found.push(container as Variable);
    const { statements } = container as { statements?: Statement[] };
    const before = statements?.slice(0, child.$containerIndex ?? statements.length).reverse() ?? [];
    found.push(...before.filter((statement) => statement.$type === 'Let'));
  }
  return found;
}

/** Snapshots that a scenario takes anywhere, in the order of its text. */
export function snapshotsOf(node: AstNode): TakeSnapshot[] {
  const root = AstUtils.findRootNode(node);
  return AstUtils.streamAllContents(root)
    .filter((one): one is TakeSnapshot => one.$type === 'TakeSnapshot')
    .toArray();
}
