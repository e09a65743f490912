/** What is wrong with a scenario before it runs, with the edits that would put it right. */
import type { TextRange } from './scenario-error.ts';

/** Kinds of mistakes that the checks tell; editors offer fixes by them. */
export type ProblemCode =
  | 'unknown-operation'
  | 'unknown-name'
  | 'unknown-snapshot'
  | 'unknown-parameter'
  | 'unknown-flag'
  | 'unknown-choice'
  | 'unknown-format'
  | 'unknown-setting'
  | 'unknown-feature'
  | 'missing-argument'
  | 'extra-argument'
  | 'repeated-argument'
  | 'wrong-argument'
  | 'redefined'
  | 'reserved'
  | 'repeated-snapshot'
  | 'repeated-setting'
  | 'bad-setting'
  | 'no-value';

/** A quick fix: replaces the text of `range`. */
export interface Fix {
  readonly title: string;
  readonly range: TextRange;
  readonly newText: string;
}

/** What a diagnostic carries for the editor. */
export interface ProblemData {
  readonly code: ProblemCode;
  readonly fixes: readonly Fix[];
}

/** A mistake in a scenario's text, at the place that it is about. */
export interface Problem {
  readonly message: string;
  readonly range: TextRange;
  /** Of the checks; absent for what the parser did not understand. */
  readonly code?: ProblemCode | undefined;
  readonly fixes: readonly Fix[];
}
