/** struct pt_regs and struct inactive_task_frame of x86 (arch/x86/include/asm/ptrace.h, switch_to.h), and user frames. */
import { addToAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import type { Registers, UnwindState } from './unwind.ts';
import { withRegisters } from './unwind.ts';

const wideNames = 'r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs rflags rsp ss'.split(' ');
const narrowNames = 'ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss'.split(' ');

/** The five words that the CPU itself pushes. */
const wideFrame = ['rip', 'cs', 'rflags', 'rsp', 'ss'];

/** Names of the three registers that frames are found by, in 64-bit and in 32-bit mode. */
export interface X86Names {
  readonly pc: string;
  readonly sp: string;
  readonly bp: string;
}

/** Names of the program counter, stack pointer and frame pointer in the notes of this word size. */
export function x86Names(kernel: Kernel): X86Names {
  return kernel.memory.pointerSize === 8 ? { pc: 'rip', sp: 'rsp', bp: 'rbp' } : { pc: 'eip', sp: 'esp', bp: 'ebp' };
}

/** Bytes of struct pt_regs. */
export function ptRegsSize(kernel: Kernel): number {
  return kernel.memory.pointerSize * (kernel.memory.pointerSize === 8 ? wideNames : narrowNames).length;
}

/** The registers saved at `at`. Throws `MemoryFault`. */
export function readPtRegs(kernel: Kernel, at: Address): Registers {
  return readNames(kernel, at, kernel.memory.pointerSize === 8 ? wideNames : narrowNames);
}

/** Only what the CPU pushed; the others are those of `before`. */
export function readInterruptFrame(kernel: Kernel, at: Address, before: Registers): Registers {
  return withRegisters(before, Object.fromEntries(readNames(kernel, at, wideFrame)));
}

function readNames(kernel: Kernel, at: Address, names: readonly string[]): Registers {
  const { memory } = kernel;
  // Segment registers are 16 bits; what stands above them is not theirs.
  const narrow = new Set(['cs', 'ss', 'ds', 'es', 'fs', 'gs']);
  return new Map(
    names.map((name, index) => {
      const word = memory.word(addToAddress(at, index * memory.pointerSize));
      return [name, narrow.has(name) ? word & 0xffffn : word];
    }),
  );
}

/** The frame that was interrupted with these registers. */
export function interruptedFrame(kernel: Kernel, registers: Registers): UnwindState {
  const names = x86Names(kernel);
  return {
    pc: toAddress(registers.get(names.pc) ?? 0n),
    sp: toAddress(registers.get(names.sp) ?? 0n),
    registers,
    exact: true,
    certain: true,
    user: isUserMode(registers),
  };
}

/** The lowest two bits of CS are the privilege level. */
export function isUserMode(registers: Registers): boolean {
  return ((registers.get('cs') ?? 0n) & 3n) === 3n;
}
