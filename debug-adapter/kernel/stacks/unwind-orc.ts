/** Unwinding x86-64 stacks by ORC tables (arch/x86/kernel/unwind_orc.c: unwind_next_frame). */
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import type { OrcEntry, OrcTables } from './orc.ts';
import { StackUnwinder } from './stack-unwinder.ts';
import type { TracedStacks } from './stack-unwinder.ts';
import { recoverReturn } from './unwind-ftrace.ts';
import { interruptedFrame, readInterruptFrame, readPtRegs } from './unwind-x86-registers.ts';
import { naturalEnd } from './unwind.ts';
import type { UnwindState, UnwindStep } from './unwind.ts';

/** What code without ORC entries is taken for: generated code (BPF) keeps frame pointers. */
const byFramePointer: OrcEntry = { spOffset: 16, bpOffset: -16, spRegister: 'bp', bpRegister: 'prev-sp', type: 'call', signal: false };
/** A call through a null pointer: the return address is on top of the stack. */
const nullCall: OrcEntry = { spOffset: 8, bpOffset: 0, spRegister: 'sp', bpRegister: 'undefined', type: 'call', signal: false };

const registerNames: Readonly<Partial<Record<OrcEntry['spRegister'], string>>> = { dx: 'rdx', di: 'rdi', r10: 'r10', r13: 'r13' };

/**
 * A step applies the ORC entry of the pc: how the stack pointer and frame pointer of the caller follow. Code without an entry
 * is left by the frame pointer, as the kernel does, and is then uncertain.
 */
export class OrcUnwinder extends StackUnwinder {
  readonly #tables: OrcTables;

  constructor(kernel: Kernel, tables: OrcTables, on: TracedStacks) {
    super(kernel, on);
    this.#tables = tables;
  }

  step(state: UnwindState): UnwindStep {
    let known: OrcEntry | undefined;
    try {
      known = state.pc === 0n ? nullCall : this.#tables.find(state.exact ? state.pc : addToAddress(state.pc, -1));
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      return {
        end: `the kernel's ORC table for the code at ${formatAddress(state.pc)} cannot be read: ${error.reason}; what follows is guessed`,
      };
    }
    if (known?.type === 'end-of-stack') return naturalEnd;
    if (known?.type === 'undefined') return { end: `the kernel's ORC table says nothing of the code at ${formatAddress(state.pc)}` };
    const entry = known ?? byFramePointer;
    const sp = this.#callerStack(state, entry);
    if (sp === undefined) {
      return { end: `the caller's stack pointer at ${formatAddress(state.pc)} is in a register that is not known there` };
    }
    const certain = state.certain && known !== undefined;
    return { state: { ...this.#caller(state, entry, sp), certain } };
  }

  #callerStack(state: UnwindState, entry: OrcEntry): Address | undefined {
    const { memory } = this.kernel;
    const bp = state.registers.get('rbp');
    switch (entry.spRegister) {
      case 'sp':
        return addToAddress(state.sp, entry.spOffset);
      case 'bp':
        return bp === undefined ? undefined : addToAddress(toAddress(bp), entry.spOffset);
      case 'sp-indirect':
        return addToAddress(memory.pointer(state.sp), entry.spOffset);
      case 'bp-indirect':
        return bp === undefined ? undefined : memory.pointer(addToAddress(toAddress(bp), entry.spOffset));
      default: {
        const value = state.registers.get(registerNames[entry.spRegister] ?? '');
        return value === undefined ? undefined : toAddress(value);
      }
    }
  }

  #caller(state: UnwindState, entry: OrcEntry, sp: Address): UnwindState {
    const kernel = this.kernel;
    if (entry.type === 'regs' || entry.type === 'regs-partial') {
      const registers = entry.type === 'regs' ? readPtRegs(kernel, sp) : readInterruptFrame(kernel, sp, state.registers);
      const frame = interruptedFrame(kernel, this.#withFramePointer(state, entry, { sp, registers }));
      return { ...frame, exact: frame.user || entry.signal };
    }
    const slot = addToAddress(sp, -8);
    const pc = recoverReturn(kernel, this.task, { pc: kernel.memory.pointer(slot), slot });
    const before = state.registers.get('rbp');
    const kept = new Map<string, bigint>([['rip', pc], ['rsp', sp], ...(before === undefined ? [] : ([['rbp', before]] as const))]);
    const registers = this.#withFramePointer(state, entry, { sp, registers: kept });
    return { pc, sp, registers, exact: entry.signal, certain: true, user: false };
  }

  #withFramePointer(
    state: UnwindState,
    entry: OrcEntry,
    found: { readonly sp: Address; readonly registers: ReadonlyMap<string, bigint> },
  ): ReadonlyMap<string, bigint> {
    const bp = state.registers.get('rbp');
    let saved: Address | undefined;
    if (entry.bpRegister === 'prev-sp') saved = addToAddress(found.sp, entry.bpOffset);
    else if (entry.bpRegister === 'bp' && bp !== undefined) saved = addToAddress(toAddress(bp), entry.bpOffset);
    if (saved === undefined) return found.registers;
    const { holes } = this.kernel.memory.read(saved, 8);
    const changed = new Map(found.registers);
    if (holes.length > 0) changed.delete('rbp');
    else changed.set('rbp', this.kernel.memory.u64(saved));
    return changed;
  }
}
