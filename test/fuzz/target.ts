/** What is fuzzed: something that takes input from outside, with a way to make hostile input for it. */
import assert from 'node:assert/strict';

/** One hostile input, ready to be tried. */
export interface FuzzCase {
  /** As it is written to a file when it finds a bug. */
  readonly input: Uint8Array | string;
  /** Tries it. Throws for a bug alone: what is refused with a sentence for the user is caught. */
  run(): void | Promise<void>;
}

export interface PreparedTarget {
  /** The case that a seed (a 32-bit number) stands for, on every machine the same. */
  caseOf(seed: number): FuzzCase;
  close?(): void | Promise<void>;
}

export interface FuzzTarget {
  readonly name: string;
  /** Cases of a budgeted run: about two seconds of work. */
  readonly rounds: number;
  /** Seeds that found bugs: they are tried first in every run. */
  readonly regressions: readonly number[];
  /** Why it cannot be run here. */
  readonly absent?: string | undefined;
  /** Reads what is to be mutated; done once. */
  prepare(): PreparedTarget | Promise<PreparedTarget>;
}

/** Texts for users are one sentence made of words. */
export function assertSentence(text: string): void {
  assert.doesNotMatch(text, /\n|undefined|NaN|\[object/, text);
}
