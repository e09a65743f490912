/**
 * Walking a stack from the innermost frame outwards: what every architecture's unwinder shares. An unwinder knows one step;
 * the loop here bounds it, remembers where it has been, and says why a walk ends early.
 */
import { formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { StackRange } from './stack-range.ts';
import { stackAt } from './stack-range.ts';

/** Registers whose values at a frame are known, by the names that the dump's notes use (rip, x29, psw_addr…). */
export type Registers = ReadonlyMap<string, bigint>;

/** A place in a stack of calls, from which the caller's is found. */
export interface UnwindState {
  readonly pc: Address;
  readonly sp: Address;
  readonly registers: Registers;
  /** `pc` is the instruction that would run next (a CPU's registers, an interrupted frame), not where a call returns to. */
  readonly exact: boolean;
  /** False where the frame was guessed: it may be a leftover of an earlier call. */
  readonly certain: boolean;
  readonly user: boolean;
}

/** A state with the memory that it lies in. */
export interface StackFrame extends UnwindState {
  /** The stack that `sp` lies on; undefined for user frames and unknown places. */
  readonly stack: StackRange | undefined;
}

/** The caller's state; or the end of the stack, with the reason where it is not the natural one. */
export type UnwindStep = { readonly state: UnwindState } | { readonly end: string | undefined };

/** One way from a frame to its caller's; architectures and kernels differ in which one they allow. */
export interface Unwinder {
  /** May throw `MemoryFault` where the stack cannot be read. */
  step(state: UnwindState): UnwindStep;
  /** What else may be frames, when `step` cannot go on: guesses, all of them uncertain. */
  guess?(state: UnwindState): readonly UnwindState[];
}

/** The frames of one stack, as far as they could be followed. */
export interface StackTrace {
  /** Innermost first. */
  readonly frames: readonly StackFrame[];
  /** Why the stack is not shown to its end; undefined when it is. */
  readonly problem: string | undefined;
}

/** The step behind the outermost frame: there is no caller, and nothing is wrong. */
export const naturalEnd: UnwindStep = { end: undefined };

/** Follows the stack from `start`; `ranges` are the stacks on which it may lie. */
export function unwind(start: UnwindState, unwinder: Unwinder, ranges: readonly StackRange[]): StackTrace {
  const frames: StackFrame[] = [];
  const visited = new Set<string>();
  let state = start;
  for (;;) {
    frames.push({ ...state, stack: state.user ? undefined : stackAt(ranges, state.sp) });
    visited.add(place(state));
    if (state.user) return { frames, problem: undefined };
    const next = stepFrom(state, unwinder);
    if ('end' in next) {
      if (next.end === undefined) return { frames, problem: undefined };
      const guessed = guessFrom(state, unwinder);
      frames.push(...guessed.slice(0, limits.stackFrames).map((one) => ({ ...one, stack: stackAt(ranges, one.sp) })));
      const more = guessed.length > limits.stackFrames ? `; there are more than ${limits.stackFrames} guesses` : '';
      return { frames, problem: `${next.end}${more}` };
    }
    const { state: caller } = next;
    const problem = problemOf(state, caller, { ranges, visited });
    if (problem !== undefined) return { frames, problem };
    if (frames.length >= limits.stackFrames) return { frames, problem: `there are more than ${limits.stackFrames} frames` };
    state = caller;
  }
}

function place({ pc, sp }: UnwindState): string {
  return `${pc} ${sp}`;
}

function stepFrom(state: UnwindState, unwinder: Unwinder): UnwindStep {
  try {
    return unwinder.step(state);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return { end: `the stack cannot be read at ${formatAddress(error.address)}: ${error.reason}` };
  }
}

function guessFrom(state: UnwindState, unwinder: Unwinder): readonly UnwindState[] {
  try {
    return unwinder.guess?.(state) ?? [];
  } catch (error) {
    if (error instanceof MemoryFault) return [];
    throw error;
  }
}

/** A caller's frame lies above its callee's on the same stack, and on one of the kernel's stacks. */
function problemOf(
  state: UnwindState,
  caller: UnwindState,
  known: { readonly ranges: readonly StackRange[]; readonly visited: ReadonlySet<string> },
): string | undefined {
  if (known.visited.has(place(caller))) return `the stack loops back to ${formatAddress(caller.sp)}`;
  if (caller.user) return undefined;
  const from = stackAt(known.ranges, state.sp);
  const to = stackAt(known.ranges, caller.sp);
  if (known.ranges.length > 0 && to === undefined && !endsRange(known.ranges, caller.sp)) {
    return `the caller's stack pointer ${formatAddress(caller.sp)} is on none of the kernel's stacks`;
  }
  if (from !== undefined && from === to && caller.sp < state.sp) {
    return `the stack goes backwards from ${formatAddress(state.sp)} to ${formatAddress(caller.sp)}`;
  }
  return undefined;
}

/** The outermost frame may have taken everything off its stack. */
function endsRange(ranges: readonly StackRange[], sp: Address): boolean {
  return ranges.some(({ end }) => sp === end);
}

/** `registers` with some values replaced or added. */
export function withRegisters(registers: Registers, changes: Readonly<Record<string, bigint>>): Registers {
  const changed = new Map(registers);
  for (const [name, value] of Object.entries(changes)) changed.set(name, value);
  return changed;
}
