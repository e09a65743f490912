/** What a run of tests came to: counted, told while it goes on, and summed up at its end. */
import { inspect } from 'node:util';
import { relative } from 'node:path';

export interface Result {
  /** The test's name, with those of the tests and suites around it. */
  readonly name: string;
  readonly file: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped, or what went wrong. */
  readonly detail?: string;
}

/** Collects results of several runners; prints failures as they come, and skips with their reasons at the end. */
export class Tally {
  readonly #counts = { passed: 0, failed: 0, skipped: 0 };
  readonly #skips = new Map<string, string[]>();
  readonly #failures: string[] = [];
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  get failed(): boolean {
    return this.#counts.failed > 0;
  }

  add({ name, file, outcome, detail }: Result): void {
    this.#counts[outcome]++;
    const where = `${relative(process.cwd(), file)}: ${name}`;
    if (outcome === 'failed') {
      this.#failures.push(where);
      this.#print(`FAILED ${where}\n${(detail ?? 'no reason given').replace(/^/gm, '    ')}`);
    } else if (outcome === 'skipped') {
      const reason = detail ?? 'no reason given';
      this.#skips.set(reason, [...(this.#skips.get(reason) ?? []), where]);
    }
  }

  /** Prints every skip under its reason, every failure once more, and last the counts, alone on their line. */
  finish(): void {
    for (const [reason, names] of this.#skips) this.#print(`skipped: ${reason}\n${names.map((name) => `    ${name}`).join('\n')}`);
    if (this.#failures.length > 0) this.#print(`failed:\n${this.#failures.map((name) => `    ${name}`).join('\n')}`);
    const { passed, failed, skipped } = this.#counts;
    this.#print(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  }
}

/** An error as a reader of a test's output wants it: the message, what was expected, and where it was thrown. */
export function describeError(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
}
