/** Unwinding 64-bit powerpc stacks by the back chain (arch/powerpc/kernel/process.c: show_stack; asm/ptrace.h). */
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import { StackUnwinder } from './stack-unwinder.ts';
import { recoverReturn } from './unwind-ftrace.ts';
import { kernelText } from './unwind-text.ts';
import { naturalEnd } from './unwind.ts';
import type { Registers, UnwindState, UnwindStep } from './unwind.ts';

/**
 * What stands before the registers in the frame of an interrupt (STACK_FRAME_REGS_MARKER): `regshere`, since 6.2 `REGS` in the
 * machine's byte order. The registers are 16 bytes behind.
 */
const markers = new Set([0x7265_6773_6865_7265n, 0x5245_4753n, 0x5347_4552n]);
/** Offsets of the marker: with the ELFv2 calling convention, and with the older one. */
const markerOffsets = [32, 96];

/** Offset of the return address that a callee saves in its caller's frame. */
const linkOffset = 16;

/** MSR[PR], user mode. */
const userMode = 1n << 14n;

const savedNames = [...Array.from({ length: 32 }, (_, number) => `r${number}`), 'nip', 'msr', 'orig_r3', 'ctr', 'lr', 'xer', 'ccr'];

/** A step follows one word of the back chain; a frame marked "regs" holds pt_regs of what was interrupted. */
export class PowerpcUnwinder extends StackUnwinder {
  step(state: UnwindState): UnwindStep {
    const { memory } = this.kernel;
    const text = kernelText(this.kernel);
    if (state.exact) {
      const caller = this.#callerByLink(state);
      if (caller !== undefined) return { state: caller };
    } else {
      const interrupted = this.#interrupted(state.sp);
      if (interrupted !== undefined) return { state: interrupted };
    }
    const sp = memory.pointer(state.sp);
    if (sp === 0n) return naturalEnd;
    if (sp % 16n !== 0n) return { end: 'the back chain is not aligned' };
    const slot = addToAddress(sp, linkOffset);
    const link = recoverReturn(this.kernel, this.task, { pc: memory.pointer(slot), slot });
    // The outermost frame was called by nothing; that of an interrupt's entry code has the registers of what it interrupted.
    if (!text.has(link)) {
      const interrupted = this.#interrupted(sp);
      if (interrupted !== undefined) return { state: interrupted };
      return memory.pointer(sp) === 0n ? naturalEnd : { end: `the frame at ${formatAddress(sp)} has no return address` };
    }
    const registers: Registers = new Map([
      ['nip', link],
      ['r1', sp],
    ]);
    return { state: { pc: link, sp, registers, exact: false, certain: state.certain, user: false } };
  }

  /** What was interrupted, where the frame at `sp` is an interrupt's. */
  #interrupted(sp: Address): UnwindState | undefined {
    const { memory } = this.kernel;
    const offset = markerOffsets.find((one) => {
      const at = addToAddress(sp, one);
      return memory.read(at, 8).holes.length === 0 && markers.has(memory.u64(at));
    });
    if (offset === undefined) return undefined;
    const at = addToAddress(sp, offset + 16);
    const registers: Registers = new Map(savedNames.map((name, index) => [name, memory.u64(addToAddress(at, index * 8))]));
    const value = (name: string): Address => toAddress(registers.get(name) ?? 0n);
    return { pc: value('nip'), sp: value('r1'), registers, exact: true, certain: true, user: (value('msr') & userMode) !== 0n };
  }

  /** The caller of a function that was interrupted while the return address was still in the link register alone. */
  #callerByLink(state: UnwindState): UnwindState | undefined {
    const text = kernelText(this.kernel);
    const within = text.functionAt(state.pc);
    const link = toAddress(state.registers.get('lr') ?? 0n);
    if (within === undefined || !text.isReturnAddress(link) || this.#madeFrame(within.start, state.pc)) return undefined;
    const registers = new Map([...state.registers].filter(([name]) => name !== 'lr'));
    registers.set('nip', link);
    return { pc: link, sp: state.sp, registers, exact: false, certain: state.certain, user: false };
  }

  /** Whether a function has made its frame before `pc`: stdu r1,-N(r1). */
  #madeFrame(start: Address, pc: Address): boolean {
    const made = optionalRead(() => {
      for (let at = start; at < pc && at - start < 4096n; at = addToAddress(at, 4)) {
        const code = this.kernel.memory.u32(at);
        if (code >>> 16 === 0xf821 && (code & 3) === 1) return true;
      }
      return false;
    });
    return made ?? true;
  }
}
