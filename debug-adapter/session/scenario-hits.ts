/** The breakpoints that a stop of a scenario's run hits, and what a debugger says about the stop. */
import type { Stop } from '../scenario/scenario-run.ts';
import type { Halt } from './scenario-stop.ts';

/** Breakpoints by their ids, as far as a stop hit them. */
export interface Hits {
  readonly lines: number[];
  readonly functions: number[];
  readonly data: number[];
  /** What each data breakpoint says of the change that it saw. */
  readonly words: string[];
}

/** Why the run halts where breakpoints were hit: a change of memory is told before a line, a line before a function. */
export function haltOfHits(hits: Hits, stop: Stop): Halt | undefined {
  const ids = [...hits.lines, ...hits.functions, ...hits.data];
  if (ids.length === 0) return undefined;
  const text = [...hits.words, ...(stop.kind === 'step' ? [stop.step.what] : [])].join('\n');
  const reason = hits.data.length > 0 ? 'data breakpoint' : hits.lines.length > 0 ? 'breakpoint' : 'function breakpoint';
  const description = { 'data breakpoint': 'Changed', breakpoint: 'Breakpoint', 'function breakpoint': 'Function breakpoint' }[reason];
  return { reason, description, text: text === '' ? undefined : text, ids };
}

/** The halt after a step; inside an operation it tells what the operation just did. */
export function stepHalt(stop: Stop): Halt {
  return { reason: 'step', description: 'Step', text: stop.kind === 'step' ? stop.step.what : undefined };
}
