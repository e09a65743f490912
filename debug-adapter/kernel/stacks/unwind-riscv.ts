/**
 * Unwinding riscv stacks: by frame pointers where the kernel keeps them (arch/riscv/kernel/stacktrace.c), otherwise by what
 * each function's first instructions do to the stack pointer and the return address.
 */
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import { stackAt } from './stack-range.ts';
import { StackUnwinder } from './stack-unwinder.ts';
import type { TracedStacks } from './stack-unwinder.ts';
import { recoverReturn } from './unwind-ftrace.ts';
import { riscvFrame } from './unwind-riscv-code.ts';
import type { RiscvFrame } from './unwind-riscv-code.ts';
import { guessCaller } from './unwind-scan.ts';
import { kernelText } from './unwind-text.ts';
import { naturalEnd } from './unwind.ts';
import type { Registers, UnwindState, UnwindStep } from './unwind.ts';

/** struct pt_regs, from its start (asm/ptrace.h). */
const savedNames = 'pc ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6 status'.split(' ');

/** SR_SPP: the trap came from supervisor mode. */
const fromKernel = 1n << 8n;

/** Entry code (arch/riscv/kernel/entry.S): its callees return into it with pt_regs on top of the stack. */
const entries = new Set(['handle_exception', 'ret_from_exception', 'handle_kernel_stack_overflow']);

/** Where a task begins, with its registers on top of the stack. */
const starts = new Set(['ret_from_fork', 'ret_from_fork_kernel_asm', 'ret_from_fork_user_asm']);

/** Functions that assembly jumps to when it starts a CPU. They return to nothing, and their code may be freed by now. */
const cpuStarts = new Set(['start_kernel', 'smp_callin']);

/**
 * A step follows frame pointers where the function has set one, otherwise what its prologue did to sp and ra
 * (unwind-riscv-code.ts).
 */
export class RiscvUnwinder extends StackUnwinder {
  readonly #savedSize: number;

  constructor(kernel: Kernel, on: TracedStacks) {
    super(kernel, on);
    this.#savedSize = kernel.structs('unwinding a stack').get('pt_regs').size;
  }

  step(state: UnwindState): UnwindStep {
    const text = kernelText(this.kernel);
    const within = text.functionAt(state.exact ? state.pc : addToAddress(state.pc, -1));
    if (within === undefined) return { end: `${formatAddress(state.pc)} is in no function` };
    if (entries.has(within.name)) return this.#entered(state);
    if (starts.has(within.name)) return this.#outermost(state);
    if (cpuStarts.has(within.name)) return naturalEnd;
    const frame = this.#frameOf(within.start, state.pc);
    if (frame === undefined) return this.#guessed(state);
    return this.#callerOf(state, frame);
  }

  #frameOf(start: Address, pc: Address): RiscvFrame | undefined {
    return riscvFrame(this.kernel.memory, start, pc);
  }

  #callerOf(state: UnwindState, frame: RiscvFrame): UnwindStep {
    const { memory } = this.kernel;
    const fp = state.registers.get('s0');
    if (frame.byFramePointer && fp === undefined) return this.#guessed(state);
    // The caller's stack pointer: the frame pointer is that, where the function sets one.
    const sp = frame.byFramePointer ? toAddress(fp ?? 0n) : addToAddress(state.sp, frame.size);
    const changed = new Map(this.#calleeSaved(state.registers));
    for (const [name, offset] of frame.saved) {
      const at = addToAddress(sp, offset);
      if (memory.read(at, 8).holes.length === 0) changed.set(name, memory.u64(at));
      else changed.delete(name);
    }
    const slot = frame.saved.get('ra');
    const link = slot === undefined ? (state.exact ? state.registers.get('ra') : undefined) : changed.get('ra');
    if (link === undefined) {
      return this.#nearTop(sp) ? naturalEnd : { end: `the function at ${formatAddress(state.pc)} did not save where it returns to` };
    }
    const pc = recoverReturn(this.kernel, this.task, { pc: toAddress(link), slot: addToAddress(sp, slot ?? -8) });
    changed.delete('ra');
    if (!kernelText(this.kernel).has(pc))
      return pc === 0n || this.#nearTop(sp) ? naturalEnd : { end: "a saved return address leads outside the kernel's code" };
    changed.set('pc', pc);
    changed.set('sp', sp);
    return { state: { pc, sp, registers: changed, exact: false, certain: state.certain, user: false } };
  }

  /** Registers that a called function leaves as they were. */
  #calleeSaved(registers: Registers): Registers {
    return new Map([...registers].filter(([name]) => /^s(?:[0-9]|1[01])$/.test(name)));
  }

  #guessed(state: UnwindState): UnwindStep {
    const caller = guessCaller(this.kernel, state.sp, this.ranges);
    return caller === undefined ? { end: `how the function at ${formatAddress(state.pc)} uses its stack is not known` } : { state: caller };
  }

  /** Code that starts a CPU has no caller; it stands on top of the stack, above the room for registers. */
  #nearTop(sp: Address): boolean {
    const range = stackAt(this.ranges, addToAddress(sp, -1));
    return range !== undefined && range.end - sp <= BigInt(this.#savedSize);
  }

  /** What the entry code saved: the registers on top of its stack. */
  #entered(state: UnwindState): UnwindStep {
    const registers = this.#read(state.sp);
    const user = ((registers.get('status') ?? 0n) & fromKernel) === 0n;
    const pc = toAddress(registers.get('pc') ?? 0n);
    if (!user && !kernelText(this.kernel).has(pc)) return { end: 'the registers that the entry code saved are not on top of its stack' };
    return { state: { pc, sp: toAddress(registers.get('sp') ?? 0n), registers, exact: true, certain: state.certain, user } };
  }

  /** A new process returns to user mode with the registers on top of its stack; a kernel thread has none. */
  #outermost(state: UnwindState): UnwindStep {
    const range = stackAt(this.ranges, state.sp);
    if (range === undefined || addToAddress(state.sp, this.#savedSize) > range.end) return naturalEnd;
    const registers = this.#read(state.sp);
    const pc = toAddress(registers.get('pc') ?? 0n);
    const user = pc !== 0n && pc < 1n << 63n && ((registers.get('status') ?? fromKernel) & fromKernel) === 0n;
    return user ? { state: { pc, sp: toAddress(registers.get('sp') ?? 0n), registers, exact: true, certain: true, user } } : naturalEnd;
  }

  #read(at: Address): Registers {
    const { memory } = this.kernel;
    if (memory.read(at, savedNames.length * 8).holes.length > 0) throw new MemoryFault(at, memory.explain(at).message);
    return new Map(savedNames.map((name, index) => [name, memory.u64(addToAddress(at, index * 8))]));
  }
}
