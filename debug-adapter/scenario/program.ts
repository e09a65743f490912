/** A scenario as a list of instructions: where a run stands is then a number, to which one can go back. */
import { AstUtils } from 'langium';
import type { AstNode } from 'langium';
import { isStatement, isVariable } from './generated/ast.ts';
import type {
  As,
  Assign,
  Expect,
  For,
  If,
  Let,
  Perform,
  Print,
  Restore,
  Scenario,
  Statement,
  TakeSnapshot,
  While,
} from './generated/ast.ts';

/** A statement that does one thing, and goes on to the next. */
export type SimpleStatement = Let | Assign | Expect | Print | TakeSnapshot | Restore | Perform;

/** A statement as the interpreter runs it; places to go to are indexes in the program. */
export type Instruction =
  | { readonly kind: 'simple'; readonly node: SimpleStatement }
  /** Goes on, or to `otherwise`. */
  | { readonly kind: 'branch'; readonly node: If | While; otherwise: number }
  | { readonly kind: 'jump'; to: number }
  /** Works out what the loop goes over. */
  | { readonly kind: 'begin-for'; readonly node: For }
  /** Takes the next value, or goes to `end`. */
  | { readonly kind: 'next'; readonly node: For; end: number }
  | { readonly kind: 'begin-as'; readonly node: As }
  | { readonly kind: 'end-as' };

/** A scenario without its nesting: blocks have become jumps. */
export type Program = readonly Instruction[];

/** A flat list in the order of the text, in which blocks have become jumps. */
export function compile(scenario: Scenario): Program {
  const program: Instruction[] = [];
  compileAll(scenario.statements, program);
  return program;
}

function compileAll(statements: readonly Statement[], program: Instruction[]): void {
  for (const statement of statements) compileOne(statement, program);
}

function compileOne(node: Statement, program: Instruction[]): void {
  switch (node.$type) {
    case 'If': {
      const branch: Instruction = { kind: 'branch', node, otherwise: 0 };
      program.push(branch);
      compileAll(node.then.statements, program);
      const jump: Instruction = { kind: 'jump', to: 0 };
      program.push(jump);
      branch.otherwise = program.length;
      if (node.elseIf !== undefined) compileOne(node.elseIf, program);
      else compileAll(node.otherwise?.statements ?? [], program);
      jump.to = program.length;
      return;
    }
    case 'While': {
      const start = program.length;
      const branch: Instruction = { kind: 'branch', node, otherwise: 0 };
      program.push(branch);
      compileAll(node.body.statements, program);
      program.push({ kind: 'jump', to: start });
      branch.otherwise = program.length;
      return;
    }
    case 'For': {
      program.push({ kind: 'begin-for', node });
      const start = program.length;
      const next: Instruction = { kind: 'next', node, end: 0 };
      program.push(next);
      compileAll(node.body.statements, program);
      program.push({ kind: 'jump', to: start });
      next.end = program.length;
      return;
    }
    case 'As':
      program.push({ kind: 'begin-as', node });
      compileAll(node.body.statements, program);
      program.push({ kind: 'end-as' });
      return;
    default:
      program.push({ kind: 'simple', node });
  }
}

/** The `for` and `as` around a statement, outermost first: what a run has under way there. */
export function surroundings(node: Statement): readonly (For | As)[] {
  const found: (For | As)[] = [];
  for (let one: AstNode | undefined = node.$container; one !== undefined; one = one.$container) {
    if (one.$type === 'For' || one.$type === 'As') found.unshift(one as For | As);
  }
  return found;
}

/** All statements, in the order of the text, and the names of all variables. */
export function contentsOf(scenario: Scenario): { readonly statements: readonly Statement[]; readonly names: readonly string[] } {
  const nodes = AstUtils.streamAllContents(scenario).toArray();
  return { statements: nodes.filter(isStatement), names: [...new Set(nodes.filter(isVariable).map(({ name }) => name))] };
}
