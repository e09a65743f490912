/** Unwinding arm64 stacks by frame records (arch/arm64/kernel/stacktrace.c, asm/stacktrace/frame.h). */
import { addToAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import { StackUnwinder } from './stack-unwinder.ts';
import type { TracedStacks } from './stack-unwinder.ts';
import { recoverReturn } from './unwind-ftrace.ts';
import { kernelText } from './unwind-text.ts';
import { naturalEnd } from './unwind.ts';
import type { Registers, UnwindState, UnwindStep } from './unwind.ts';

/** struct pt_regs begins with x0 to x30, sp, pc and pstate (asm/ptrace.h: user_pt_regs). */
const savedNames = [...Array.from({ length: 31 }, (_, number) => `x${number}`), 'sp', 'pc', 'pstate'];
const savedBytes = savedNames.length * 8;

/** Types of the records that kernels since 6.13 leave behind an empty one. */
const finalRecord = 1n;
const registersRecord = 2n;

/** An address without its pointer authentication code: NUMBER(KERNELPACMASK) of VMCOREINFO tells which bits that takes. */
export function stripPointerCode(kernel: Kernel, address: Address): Address {
  const mask = kernel.vmcoreinfo?.number('KERNELPACMASK') ?? 0n;
  // Kernel addresses have all of these bits set.
  return (address >> 55n) & 1n ? toAddress(address | BigInt.asUintN(64, mask)) : address;
}

/**
 * A step follows one frame record of two words (x29, return address), without its pointer authentication code; a record inside
 * pt_regs gives the interrupted registers.
 */
export class Arm64Unwinder extends StackUnwinder {
  /** Of the frame record in struct pt_regs. */
  readonly #recordOffset: number;

  constructor(kernel: Kernel, on: TracedStacks) {
    super(kernel, on);
    const shape = kernel.structs('unwinding a stack').find('pt_regs');
    this.#recordOffset = shape?.has('stackframe') === true ? shape.offset('stackframe') : -1;
  }

  step(state: UnwindState): UnwindStep {
    const { memory } = this.kernel;
    const fp = toAddress(state.registers.get('x29') ?? 0n);
    if (state.exact) {
      const leaf = this.#leafCaller(state);
      if (leaf !== undefined) return { state: leaf };
    }
    if (fp === 0n) return naturalEnd;
    if (fp % 8n !== 0n) return { end: 'the frame pointer is not aligned' };
    const next = memory.pointer(fp);
    const link = stripPointerCode(this.kernel, memory.pointer(addToAddress(fp, 8)));
    const saved = this.#savedRegisters(fp, next, link);
    if (saved !== undefined) return saved;
    if (link === 0n) return next === 0n ? naturalEnd : { end: 'a frame record has no return address' };
    const pc = recoverReturn(this.kernel, this.task, { pc: link, slot: fp });
    if (!kernelText(this.kernel).has(pc)) return { end: "a frame record leads outside the kernel's code" };
    const sp = addToAddress(fp, 16);
    return {
      state: {
        pc,
        sp,
        registers: new Map([
          ['pc', pc],
          ['sp', sp],
          ['x29', next],
        ]),
        exact: false,
        certain: state.certain,
        user: false,
      },
    };
  }

  /** The record inside pt_regs, where the kernel was entered: what was interrupted. */
  #savedRegisters(fp: Address, next: bigint, link: bigint): UnwindStep | undefined {
    const { memory } = this.kernel;
    if (this.#recordOffset < 0) return undefined;
    const at = addToAddress(fp, -this.#recordOffset);
    if (memory.read(at, savedBytes).holes.length > 0) return undefined;
    if (next === 0n && link === 0n) {
      const type = this.#typeOfEmptyRecord(fp);
      if (type !== finalRecord && type !== registersRecord && !this.#endsStack(at)) {
        return { end: 'the chain of frame records ends before the stack does' };
      }
      const registers = this.#read(at);
      const user = ((registers.get('pstate') ?? 0n) & 0xfn) === 0n;
      // The outermost frame of a task has its user registers; a kernel thread has none.
      if (type !== registersRecord && (!user || registers.get('pc') === 0n)) return naturalEnd;
      return { state: this.#interrupted(registers, user) };
    }
    const registers = this.#read(at);
    if (registers.get('pc') !== link || registers.get('x29') !== next) return undefined;
    return { state: this.#interrupted(registers, ((registers.get('pstate') ?? 0n) & 0xfn) === 0n) };
  }

  /** struct frame_record_meta: the type stands behind the empty record. */
  #typeOfEmptyRecord(fp: Address): bigint | undefined {
    const meta = this.kernel.structs('unwinding a stack').find('frame_record_meta');
    return meta?.has('type') === true ? meta.unsigned(fp, 'type') : undefined;
  }

  #endsStack(at: Address): boolean {
    const size = this.kernel.structs('unwinding a stack').find('pt_regs')?.size ?? 0;
    return this.ranges.some(({ name, end }) => name === 'task' && addToAddress(at, size) === end);
  }

  #read(at: Address): Registers {
    return new Map(savedNames.map((name, index) => [name, this.kernel.memory.u64(addToAddress(at, index * 8))]));
  }

  #interrupted(registers: Registers, user: boolean): UnwindState {
    const pc = toAddress(registers.get('pc') ?? 0n);
    const sp = toAddress(registers.get('sp') ?? 0n);
    return { pc, sp, registers, exact: true, certain: true, user };
  }

  /** Where the link register still holds the return address: before the function has made its frame record, and behind. */
  #leafCaller(state: UnwindState): UnwindState | undefined {
    const text = kernelText(this.kernel);
    const within = text.functionAt(state.pc);
    const link = state.registers.get('x30');
    if (within === undefined || link === undefined) return undefined;
    const pc = stripPointerCode(this.kernel, toAddress(link));
    if (!text.isReturnAddress(pc) || this.#hasRecord(within.start, state.pc)) return undefined;
    const registers = new Map([...state.registers].filter(([name]) => name !== 'x30'));
    registers.set('pc', pc);
    return { pc, sp: state.sp, registers, exact: false, certain: state.certain, user: false };
  }

  /** Whether a function that runs at `pc` has pushed its record (stp x29, x30) and not yet taken it off (at ret it has). */
  #hasRecord(start: Address, pc: Address): boolean {
    const { memory } = this.kernel;
    const longest = 4096n;
    const has = optionalRead(() => {
      if (isReturn(memory.u32(pc))) return false;
      for (let at = start; at < pc && at - start < longest; at = addToAddress(at, 4)) {
        const code = memory.u32(at);
        // stp x29, x30, [sp, #…]!  and  stp x29, x30, [sp, #…]
        if (((code & 0xffc07fff) | 0) === (0xa9807bfd | 0) || ((code & 0xffc07fff) | 0) === (0xa9007bfd | 0)) return true;
      }
      return false;
    });
    return has ?? true;
  }
}

/** ret, retaa, retab. */
function isReturn(code: number): boolean {
  return code >>> 0 === 0xd65f03c0 || code >>> 0 === 0xd65f0bff || code >>> 0 === 0xd65f0fff;
}
