/** Unwinding x86 stacks by frame pointers, where the kernel keeps them (arch/x86/kernel/unwind_frame.c). */
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import { stackAt } from './stack-range.ts';
import { StackUnwinder } from './stack-unwinder.ts';
import type { TracedStacks } from './stack-unwinder.ts';
import { recoverReturn } from './unwind-ftrace.ts';
import { kernelText } from './unwind-text.ts';
import { interruptedFrame, isUserMode, ptRegsSize, readPtRegs, x86Names } from './unwind-x86-registers.ts';
import type { X86Names } from './unwind-x86-registers.ts';
import { naturalEnd } from './unwind.ts';
import type { Registers, UnwindState, UnwindStep } from './unwind.ts';

/** Functions that every kernel has and that call others. */
const witnesses = ['schedule', 'kthreadd', 'do_exit', 'vfs_read', 'start_kernel', 'kernel_clone'];

/** Whether the kernel's functions keep frame pointers: most of a few well-known ones begin with `push %rbp; mov %rsp,%rbp`. */
export function hasFramePointers(kernel: Kernel): boolean {
  return kernel.once(findFramePointers);
}

function findFramePointers(kernel: Kernel): boolean {
  const known = witnesses
    .flatMap((name) => kernel.addressOf(name) ?? [])
    .filter((start) => kernelText(kernel).code(start, longestPrologue).length === longestPrologue);
  const keeping = known.filter((start) => prologueOf(kernel, start) !== undefined);
  return keeping.length * 2 > known.length;
}

interface Prologue {
  /** Offsets behind `push %rbp` and behind `mov %rsp,%rbp`; compilers may put others between and before them. */
  readonly pushed: number;
  readonly moved: number;
}

const longestPrologue = 64;

function prologueOf(kernel: Kernel, start: Address): Prologue | undefined {
  const code = kernelText(kernel).code(start, longestPrologue);
  const move = kernel.memory.pointerSize === 8 ? [0x48, 0x89, 0xe5] : [0x89, 0xe5];
  for (let at = 1; at + move.length <= code.length; at++) {
    if (!move.every((byte, index) => code[at + index] === byte)) continue;
    const push = code.lastIndexOf(0x55, at - 1);
    if (push >= 0) return { pushed: push + 1, moved: at + move.length };
  }
  return undefined;
}

/** A step follows one saved frame pointer; one that is encoded leads to pt_regs, and so to what was interrupted. */
export class FrameUnwinder extends StackUnwinder {
  readonly #names: X86Names;
  readonly #word: number;

  constructor(kernel: Kernel, on: TracedStacks) {
    super(kernel, on);
    this.#names = x86Names(kernel);
    this.#word = kernel.memory.pointerSize;
  }

  step(state: UnwindState): UnwindStep {
    const bp = toAddress(state.registers.get(this.#names.bp) ?? 0n);
    if (state.exact) {
      const caller = this.#withoutFrame(state, bp);
      if (caller !== undefined) return { state: caller };
    }
    const user = this.#userRegisters(state);
    if (user !== undefined) return { state: interruptedFrame(this.kernel, user) };
    const saved = this.#encodedRegisters(bp);
    if (saved !== undefined && stackAt(this.ranges, saved) !== undefined) return this.#interrupted(saved);
    if (bp === 0n || stackAt(this.ranges, bp) === undefined) return this.#end(state);
    if (bp % BigInt(this.#word) !== 0n) return { end: 'the frame pointer is not aligned' };
    return this.#callerOf({ slot: addToAddress(bp, this.#word), bp: this.kernel.memory.pointer(bp) });
  }

  #callerOf(found: { readonly slot: Address; readonly bp: bigint }): UnwindStep {
    const { memory } = this.kernel;
    const pc = recoverReturn(this.kernel, this.task, { pc: memory.pointer(found.slot), slot: found.slot });
    if (!kernelText(this.kernel).has(pc)) return { end: 'a frame pointer leads to what is no return address' };
    const sp = addToAddress(found.slot, this.#word);
    const registers = new Map([
      [this.#names.pc, pc],
      [this.#names.sp, sp],
      [this.#names.bp, found.bp],
    ]);
    return { state: { pc, sp, registers, exact: false, certain: true, user: false } };
  }

  /** Entry code leaves the address of pt_regs in the frame pointer, with its lowest bit set, or on 32 bits its highest clear. */
  #encodedRegisters(bp: Address): Address | undefined {
    if (this.#word === 8) return (bp & 1n) === 1n ? toAddress(bp & ~1n) : undefined;
    return bp !== 0n && bp < 0x8000_0000n ? toAddress(bp | 0x8000_0000n) : undefined;
  }

  #interrupted(at: Address): UnwindStep {
    const frame = interruptedFrame(this.kernel, this.#ownStack(readPtRegs(this.kernel, at), at));
    // A kernel thread has empty registers on top of its stack.
    return frame.pc === 0n ? naturalEnd : { state: frame };
  }

  /** 32-bit kernels before 5.4 did not save the stack pointer of the kernel: it is where it would stand. */
  #ownStack(registers: Registers, at: Address): Registers {
    const sp = registers.get(this.#names.sp);
    if (this.#word === 8 || isUserMode(registers) || sp === undefined || stackAt(this.ranges, toAddress(sp)) !== undefined) {
      return registers;
    }
    return new Map([...registers, [this.#names.sp, addToAddress(at, ptRegsSize(this.kernel) - 2 * this.#word)]]);
  }

  /** The user registers of a process, on top of its stack, where its outermost frame leaves off. */
  #userRegisters(state: UnwindState): Registers | undefined {
    const range = stackAt(this.ranges, state.sp);
    if (range?.name !== 'task') return undefined;
    // Room that the kernel leaves on top (TOP_OF_KERNEL_STACK_PADDING).
    for (const padding of this.#word === 8 ? [0, 16] : [0, 8, 16]) {
      const at = addToAddress(range.end, -ptRegsSize(this.kernel) - padding);
      if (at !== state.sp) continue;
      const registers = readPtRegs(this.kernel, at);
      if (isUserMode(registers) && this.#isEntry(state)) return registers;
    }
    return undefined;
  }

  /** Whether the frame is one of entry code, which alone has user registers above it. */
  #isEntry(state: UnwindState): boolean {
    const start = this.kernel.addressOf('__entry_text_start');
    const end = this.kernel.addressOf('__entry_text_end');
    if (start === undefined || end === undefined || (state.pc >= start && state.pc <= end)) return true;
    return kernelText(this.kernel).functionAt(addToAddress(state.pc, -1))?.name.startsWith('ret_from_fork') === true;
  }

  /** Where the chain leaves off: the code that started a CPU or a thread stands near the top of the stack. */
  #end(state: UnwindState): UnwindStep {
    const range = stackAt(this.ranges, state.sp);
    const near = BigInt(ptRegsSize(this.kernel) + 32);
    if (range === undefined && this.ranges.every(({ end }) => end !== state.sp)) {
      return { end: `the stack pointer ${formatAddress(state.sp)} is on none of the kernel's stacks` };
    }
    if (range === undefined || range.end - state.sp <= near) return naturalEnd;
    return { end: 'the chain of frame pointers ends before the stack does' };
  }

  /**
   * The caller of a function that was interrupted before it had made its frame, or that makes none (assembly). Undefined
   * where it has one.
   */
  #withoutFrame(state: UnwindState, bp: Address): UnwindState | undefined {
    const { memory } = this.kernel;
    const text = kernelText(this.kernel);
    const within = text.functionAt(state.pc);
    if (within === undefined) return undefined;
    const prologue = prologueOf(this.kernel, within.start);
    const offset = Number(state.pc - within.start);
    const atReturn = text.code(state.pc, 1)[0] === 0xc3;
    if (prologue !== undefined && offset >= prologue.moved && !atReturn) return undefined;
    const pushed = prologue !== undefined && offset >= prologue.pushed && !atReturn ? this.#word : 0;
    const slot = addToAddress(state.sp, pushed);
    const pc = memory.pointer(slot);
    if (!text.isReturnAddress(pc)) return undefined;
    const sp = addToAddress(slot, this.#word);
    const registers = new Map(state.registers);
    for (const [name, value] of [
      [this.#names.pc, pc],
      [this.#names.sp, sp],
      [this.#names.bp, pushed === 0 ? bp : memory.pointer(state.sp)],
    ] as const) {
      registers.set(name, value);
    }
    return { pc, sp, registers, exact: false, certain: prologue !== undefined || atReturn || this.#calls(pc, within.start), user: false };
  }

  /** Whether the call before `pc` is a direct one to `start`, or to a jump there. */
  #calls(pc: Address, start: Address): boolean {
    const { memory } = this.kernel;
    const at = addToAddress(pc, -5);
    if (memory.u8(at) !== 0xe8) return false;
    const target = addToAddress(pc, memory.i32(addToAddress(at, 1)));
    if (target === start) return true;
    const jump = kernelText(this.kernel).code(target, 5);
    return jump.length === 5 && jump[0] === 0xe9 && addToAddress(target, 5 + memory.i32(addToAddress(target, 1))) === start;
  }
}
