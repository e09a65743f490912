/** A statement that cannot be carried out, and where it stands. */

/** A place in the text; lines and characters (UTF-16 code units) count from 0. */
export interface TextRange {
  readonly start: { readonly line: number; readonly character: number };
  readonly end: { readonly line: number; readonly character: number };
}

/** The range of mistakes that are of no place in the text. */
export const wholeText: TextRange = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

/** Why a run fails, for breakpoints on failures. */
export type ScenarioErrorKind =
  /** An `expect` that did not hold. */
  | 'expectation'
  /** What a statement asks for makes no sense: a text in a sum, a list's element that is not there. */
  | 'evaluation'
  /** A bound that Pagewalk sets. */
  | 'limit';

/** `message` is one sentence without a full stop; it does not say where. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly kind: ScenarioErrorKind;
  readonly range: TextRange;

  constructor(kind: ScenarioErrorKind, message: string, range: TextRange) {
    super(message);
    this.kind = kind;
    this.range = range;
  }
}

interface Placed {
  readonly $cstNode?: { readonly range: TextRange } | undefined;
  /** Of an operator's node: its parts, for its own place is that of all operators in a row. */
  readonly left?: Placed;
  readonly right?: Placed;
}

/** Where a node of the syntax tree stands. */
export function rangeOf(node: Placed): TextRange {
  if (node.left === undefined || node.right === undefined) return node.$cstNode?.range ?? wholeText;
  return { start: rangeOf(node.left).start, end: rangeOf(node.right).end };
}

/** A node as it is written. */
export function textOf(node: { readonly $cstNode?: { readonly text: string } | undefined }): string {
  return node.$cstNode?.text ?? '';
}
