/**
 * Guessing a stack, where nothing tells how it is built (arch/x86/kernel/unwind_guess.c does the same): every word that is
 * where a call returns to may be a frame, or what an earlier call left behind. All frames so found are uncertain.
 */
import { addToAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import type { StackRange } from './stack-range.ts';
import { stackAt } from './stack-range.ts';
import { naturalEnd } from './unwind.ts';
import type { Unwinder, UnwindState, UnwindStep } from './unwind.ts';
import { kernelText } from './unwind-text.ts';

/** Bytes scanned beyond the known stacks. */
const reach = 16_384;

/** The next word above `from` that may be a return address, as a frame; undefined when there is none on the stack. */
export function guessCaller(kernel: Kernel, from: Address, ranges: readonly StackRange[]): UnwindState | undefined {
  const { memory } = kernel;
  const text = kernelText(kernel);
  const size = memory.pointerSize;
  const end = stackAt(ranges, from)?.end ?? addToAddress(from, reach);
  const aligned = toAddress((from + BigInt(size - 1)) & ~BigInt(size - 1));
  for (let at = aligned; at < end; at = addToAddress(at, size)) {
    const word = memory.pointer(at);
    if (!text.isReturnAddress(word)) continue;
    return { pc: word, sp: addToAddress(at, size), registers: new Map(), exact: false, certain: false, user: false };
  }
  return undefined;
}

/** All of them. */
export function guessCallers(kernel: Kernel, from: Address, ranges: readonly StackRange[]): readonly UnwindState[] {
  const found: UnwindState[] = [];
  for (let next = guessCaller(kernel, from, ranges); next !== undefined; next = guessCaller(kernel, next.sp, ranges)) found.push(next);
  return found;
}

/** A step goes up the stack, word by word, to the next return address; it ends with the stack. */
export class ScanUnwinder implements Unwinder {
  readonly #kernel: Kernel;
  readonly #ranges: readonly StackRange[];

  constructor(kernel: Kernel, ranges: readonly StackRange[]) {
    this.#kernel = kernel;
    this.#ranges = ranges;
  }

  step(state: UnwindState): UnwindStep {
    const caller = guessCaller(this.#kernel, state.sp, this.#ranges);
    return caller === undefined ? naturalEnd : { state: caller };
  }
}
