/** How a scenario is laid out: one statement a line, blocks indented, one blank around operators. */
import { GrammarUtils } from 'langium';
import type { AstNode } from 'langium';
import { AbstractFormatter, Formatting } from 'langium/lsp';

/** At most one empty line between statements. */
const lineOrGap = Formatting.fit(Formatting.newLine(), Formatting.newLines(2));
const indentOrGap = Formatting.fit(Formatting.indent(), { options: {}, moves: [{ tabs: 1, lines: 2 }] });

/** Keywords that a blank follows. */
const leading = ['let', 'expect', 'print', 'for', 'while', 'if', 'as', 'snapshot', 'restore', 'diff', 'with', 'without'];
/** Keywords and signs with a blank on either side. */
const between = ['=', 'in', 'fails'];

/** Changes white space alone; comments stay where they are. */
export class ScenarioFormatter extends AbstractFormatter {
  protected override format(node: AstNode): void {
    const formatter = this.getNodeFormatter(node);
    for (const keyword of leading) formatter.keyword(keyword).append(Formatting.oneSpace());
    for (const keyword of between) formatter.keyword(keyword).surround(Formatting.oneSpace());
    formatter.keyword('else').prepend(Formatting.oneSpace());
    formatter.keywords(',').prepend(Formatting.noSpace()).append(Formatting.oneSpace());
    formatter.keywords(';').prepend(Formatting.noSpace());
    switch (node.$type) {
      case 'Scenario':
        formatter.properties('statements').prepend(lineOrGap);
        return;
      case 'Block': {
        const open = formatter.keyword('{');
        const close = formatter.keyword('}');
        open.prepend(Formatting.oneSpace());
        formatter.interior(open, close).prepend(indentOrGap);
        close.prepend(Formatting.newLine());
        return;
      }
      case 'Machine': {
        const open = formatter.keyword('{');
        const close = formatter.keyword('}');
        open.prepend(Formatting.oneSpace());
        formatter.properties('settings').prepend(Formatting.fit(Formatting.oneSpace(), Formatting.indent()));
        close.prepend(Formatting.fit(Formatting.oneSpace(), Formatting.newLine()));
        return;
      }
      case 'Setting':
        formatter.property('value').prepend(Formatting.oneSpace());
        return;
      case 'SettingValue':
        formatter.keyword('..').surround(Formatting.noSpace());
        return;
      case 'Binary': {
        // An expression of several operators is one node of the text, whose operators stand side by side.
        if (node.$container?.$type === 'Binary' && node.$container.$cstNode?.offset === node.$cstNode?.offset) return;
        const operators = GrammarUtils.findNodesForProperty(node.$cstNode, 'operators');
        formatter.cst(operators.filter(({ text }) => text === '..')).surround(Formatting.noSpace());
        formatter.cst(operators.filter(({ text }) => text !== '..')).surround(Formatting.oneSpace());
        return;
      }
      case 'Unary':
        formatter.property('operator').append(Formatting.noSpace());
        return;
      case 'Call':
      case 'List':
      case 'Index':
        formatter.keywords('(', '[').append(Formatting.noSpace());
        formatter.keywords(')', ']').prepend(Formatting.noSpace());
        if (node.$type !== 'List') formatter.keywords('(', '[').prepend(Formatting.noSpace());
        return;
      case 'Member':
        formatter.keyword('.').surround(Formatting.noSpace());
        return;
      case 'If':
        formatter.property('elseIf').prepend(Formatting.oneSpace());
        return;
      case 'Diff':
        formatter.property('after').prepend(Formatting.oneSpace());
        return;
      case 'Argument':
        formatter.keyword(':').prepend(Formatting.noSpace()).append(Formatting.oneSpace());
        return;
      case 'Hole':
        formatter.keyword(':').surround(Formatting.noSpace());
        return;
      case 'Text':
        formatter.properties('holes', 'between', 'tail').prepend(Formatting.noSpace());
        return;
      default:
    }
  }
}
