/**
 * What a riscv function does to its stack before a given instruction, read from its code (The RISC-V Instruction Set Manual,
 * volume I, chapters 2 and 16). Compilers allocate a frame in the beginning and keep its size; a way out in the middle of a
 * function takes it off, and what stands behind it has it again.
 */
import { addToAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { AddressSpace } from '../../memory/address-space.ts';

/** What a function's prologue has done to the stack by the time it is at an address. */
export interface RiscvFrame {
  /** Bytes by which the stack pointer is below the caller's. */
  readonly size: number;
  /** Where registers are saved, as offsets from the caller's stack pointer: negative. */
  readonly saved: ReadonlyMap<string, number>;
  /** The function has set s0 to the caller's stack pointer. */
  readonly byFramePointer: boolean;
}

const names: Readonly<Record<number, string>> = {
  1: 'ra',
  8: 's0',
  9: 's1',
  ...Object.fromEntries(Array.from({ length: 10 }, (_, index) => [index + 18, `s${index + 2}`])),
};
const stackPointer = 2;
const framePointer = 8;

/** One instruction, as far as it concerns the stack. */
type Effect =
  | { readonly kind: 'move'; readonly bytes: number }
  | { readonly kind: 'save'; readonly register: number; readonly offset: number }
  | { readonly kind: 'frame'; readonly offset: number }
  | { readonly kind: 'leave' }
  | { readonly kind: 'other' };

const other: Effect = { kind: 'other' };
const longest = 65_536n;

/** The frame at `pc` of the function that begins at `start`; undefined where its code cannot be read or says nothing certain. */
export function riscvFrame(memory: AddressSpace, start: Address, pc: Address): RiscvFrame | undefined {
  if (pc - start > longest) return undefined;
  let depth = 0;
  /** The deepest so far: the frame that code behind a way out has. */
  let full = 0;
  let byFramePointer = false;
  const saved = new Map<string, number>();
  try {
    for (let at = start; at < pc;) {
      const half = memory.u16(at);
      const compressed = (half & 3) !== 3;
      const effect = compressed ? compressedEffect(half) : wideEffect(memory.u32(at));
      switch (effect.kind) {
        case 'move':
          depth -= effect.bytes;
          full = Math.max(full, depth);
          break;
        case 'save': {
          const name = names[effect.register];
          if (name !== undefined && !saved.has(name)) saved.set(name, effect.offset - depth);
          break;
        }
        case 'frame':
          byFramePointer ||= effect.offset === depth;
          break;
        case 'leave':
          depth = full;
          break;
        case 'other':
      }
      at = addToAddress(at, compressed ? 2 : 4);
    }
  } catch (error) {
    if (error instanceof MemoryFault) return undefined;
    throw error;
  }
  if (depth < 0) return undefined;
  // Before the frame is made and behind where it is taken off, nothing is saved in it.
  return depth === 0 ? { size: 0, saved: new Map(), byFramePointer: false } : { size: depth, saved, byFramePointer };
}

function signed(value: number, bits: number): number {
  return (value << (32 - bits)) >> (32 - bits);
}

function wideEffect(code: number): Effect {
  const opcode = code & 0x7f;
  const rd = (code >>> 7) & 31;
  const rs1 = (code >>> 15) & 31;
  const rs2 = (code >>> 20) & 31;
  const funct3 = (code >>> 12) & 7;
  if (opcode === 0x13 && funct3 === 0 && rs1 === stackPointer) {
    const bytes = code >> 20;
    if (rd === stackPointer) return { kind: 'move', bytes };
    if (rd === framePointer) return { kind: 'frame', offset: bytes };
  }
  if (opcode === 0x23 && funct3 === 3 && rs1 === stackPointer) {
    return { kind: 'save', register: rs2, offset: ((code >> 25) << 5) | ((code >>> 7) & 31) };
  }
  // jalr zero (ret and tail calls), jal zero (jumps).
  if ((opcode === 0x67 || opcode === 0x6f) && rd === 0) return { kind: 'leave' };
  return other;
}

function compressedEffect(code: number): Effect {
  const quadrant = code & 3;
  const funct3 = (code >>> 13) & 7;
  const bit = (from: number, to: number): number => ((code >>> from) & 1) << to;
  const rd = (code >>> 7) & 31;
  if (quadrant === 1 && funct3 === 3 && rd === stackPointer) {
    // c.addi16sp
    return { kind: 'move', bytes: signed(bit(12, 9) | bit(6, 4) | bit(5, 6) | bit(4, 8) | bit(3, 7) | bit(2, 5), 10) };
  }
  if (quadrant === 1 && funct3 === 0 && rd === stackPointer) {
    // c.addi
    return { kind: 'move', bytes: signed(bit(12, 5) | ((code >>> 2) & 31), 6) };
  }
  if (quadrant === 0 && funct3 === 0 && ((code >>> 2) & 7) === framePointer - 8) {
    // c.addi4spn s0
    const offset = (((code >>> 11) & 3) << 4) | (((code >>> 7) & 15) << 6) | bit(6, 2) | bit(5, 3);
    return offset === 0 ? other : { kind: 'frame', offset };
  }
  if (quadrant === 2 && funct3 === 7) {
    // c.sdsp
    return { kind: 'save', register: (code >>> 2) & 31, offset: (((code >>> 10) & 7) << 3) | (((code >>> 7) & 7) << 6) };
  }
  // c.jr, and c.j.
  if (quadrant === 2 && funct3 === 4 && (code & 0x107c) === 0 && rd !== 0) return { kind: 'leave' };
  if (quadrant === 1 && funct3 === 5) return { kind: 'leave' };
  return other;
}
