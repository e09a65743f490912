/** Unwinding s390 stacks by the back chain (arch/s390/kernel/unwind_bc.c, arch/s390/include/asm/stacktrace.h). */
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import { stackAt } from './stack-range.ts';
import { StackUnwinder } from './stack-unwinder.ts';
import type { TracedStacks } from './stack-unwinder.ts';
import type { StructShape } from '../structs.ts';
import { kernelText } from './unwind-text.ts';
import { naturalEnd } from './unwind.ts';
import type { Registers, UnwindState, UnwindStep } from './unwind.ts';

/** PSW bit 15, problem state: user mode. */
const problemState = 1n << 48n;

/** r6 to r15, which a callee saves in its caller's frame. */
const savedNames = Array.from({ length: 10 }, (_, index) => `r${index + 6}`);

/** A step follows one word of the back chain (struct stack_frame); a chain that ends leads to the pt_regs above it. */
export class S390Unwinder extends StackUnwinder {
  readonly #frame: StructShape;
  readonly #saved: StructShape;

  constructor(kernel: Kernel, on: TracedStacks) {
    super(kernel, on);
    const structs = kernel.structs('unwinding a stack');
    this.#frame = structs.get('stack_frame');
    this.#saved = structs.get('pt_regs');
  }

  step(state: UnwindState): UnwindStep {
    if (state.exact) {
      const caller = this.#callerOfInterrupted(state);
      if (caller !== undefined) return { state: caller };
    }
    const above = this.#frame.pointer(state.sp, 'back_chain');
    if (above === 0n) return this.#entry(state);
    if (above % 8n !== 0n) return { end: 'the back chain is not aligned' };
    const caller = this.#frameAt(above, state.certain);
    // A CPU that waits has the address of its caller in the PSW already (psw_idle): the same frame twice.
    if (state.exact && 'state' in caller && caller.state.pc === state.pc) {
      const next = this.#frame.pointer(above, 'back_chain');
      return next === 0n ? this.#entry(caller.state) : this.#frameAt(next, state.certain);
    }
    return caller;
  }

  /** The function whose frame is at `sp`: its callee saved the registers in it, the return address among them. */
  #frameAt(sp: Address, certain: boolean): UnwindStep {
    const pc = this.#frame.pointer(sp, 'gprs[8]');
    if (!kernelText(this.kernel).has(pc)) {
      const entered = this.#savedRegisters(sp);
      return entered ?? { end: `the frame at ${formatAddress(sp)} has no return address` };
    }
    const registers = new Map<string, bigint>(savedNames.map((name, index) => [name, this.#frame.unsigned(sp, `gprs[${index}]`)] as const));
    registers.set('psw_addr', pc).set('r15', sp);
    return { state: { pc, sp, registers, exact: false, certain, user: false } };
  }

  /** A chain ends where the kernel was entered: above the last frame stand the registers of what was interrupted. */
  #entry(state: UnwindState): UnwindStep {
    return this.#savedRegisters(state.sp) ?? naturalEnd;
  }

  #savedRegisters(frame: Address): UnwindStep | undefined {
    const at = addToAddress(frame, this.#frame.size);
    const range = stackAt(this.ranges, at);
    if (range === undefined || addToAddress(at, this.#saved.size) > range.end) return undefined;
    const mask = this.#saved.unsigned(at, 'psw.mask');
    const pc = this.#saved.pointer(at, 'psw.addr');
    const user = (mask & problemState) !== 0n;
    if (!user && !kernelText(this.kernel).has(pc)) return undefined;
    const registers = new Map<string, bigint>([
      ['psw_mask', mask],
      ['psw_addr', pc],
    ]);
    for (let number = 0; number < 16; number++) registers.set(`r${number}`, this.#saved.unsigned(at, `gprs[${number}]`));
    return { state: { pc, sp: toAddress(registers.get('r15') ?? 0n), registers, exact: true, certain: true, user } };
  }

  /**
   * The caller of a function that was interrupted. Before it has saved r14 it returns to where that says. Then its own frame
   * may not be there yet: the caller's is the one that r15 points to.
   */
  #callerOfInterrupted(state: UnwindState): UnwindState | undefined {
    const text = kernelText(this.kernel);
    const within = text.functionAt(state.pc);
    if (within === undefined) return undefined;
    const { saves, allocates } = this.#prologue(within.start, state.pc);
    if (allocates) return undefined;
    const pc = saves ? this.#frame.pointer(state.sp, 'gprs[8]') : toAddress(state.registers.get('r14') ?? 0n);
    if (!text.isReturnAddress(pc)) return undefined;
    const registers: Registers = new Map([...state.registers, ['psw_addr', pc]]);
    return { pc, sp: state.sp, registers, exact: false, certain: state.certain, user: false };
  }

  /** What a function has done before `pc`: saved its registers (stmg …,r15), and made its frame (aghi or lay r15). */
  #prologue(start: Address, pc: Address): { readonly saves: boolean; readonly allocates: boolean } {
    const found = { saves: false, allocates: false };
    try {
      for (let at = start; at < pc && at - start < 128n;) {
        const code = this.kernel.memory.u16(at);
        const size = code >>> 14 === 0 ? 2 : code >>> 14 === 3 ? 6 : 4;
        const last = size === 6 ? this.kernel.memory.u16(addToAddress(at, 4)) & 0xff : 0;
        if (code >>> 8 === 0xeb && last === 0x24 && (code & 0xf) >= 14) found.saves = true;
        if (code >>> 4 === 0xe3f && last === 0x71) found.allocates = true;
        if (code === 0xa7fb) found.allocates = true;
        at = addToAddress(at, size);
      }
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      return { saves: true, allocates: true };
    }
    return found;
  }
}
