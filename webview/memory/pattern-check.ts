/** Whether what is being typed is a pattern that can be searched for: the session knows, for it may be a symbol's name. */
import type { MemoryToHost } from '../../debug-adapter/protocol/memory-panel.ts';

export class PatternCheck {
  /** What is wrong with what stands in the field; empty while nothing is known to be. */
  problem = '';
  readonly #ask: (question: Extract<MemoryToHost, { kind: 'checkPattern' }>) => void;
  #typed = '';

  constructor(ask: (question: Extract<MemoryToHost, { kind: 'checkPattern' }>) => void) {
    this.#ask = ask;
  }

  /** What stands in the field was changed. */
  typed(pattern: string): void {
    this.#typed = pattern;
    if (pattern === '') this.problem = '';
    else this.#ask({ kind: 'checkPattern', pattern });
  }

  /** The answer about a pattern, which may not stand there any more. */
  heard({ pattern, problem }: { readonly pattern: string; readonly problem: string | null }): void {
    if (pattern === this.#typed) this.problem = problem ?? '';
  }
}
