/**
 * What is written of one instruction: the addresses that its operands name, in absolute form, and how far to go on where
 * bytes are no instruction. The texts are the capstone library's (base/machine-code.ts).
 */
import { toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import type { DecodedInstruction, InstructionSet } from '../base/machine-code.ts';

/** Bytes of the longest instruction, and of the unit of which every instruction is a multiple. */
export function instructionShape(set: InstructionSet): { readonly longest: number; readonly unit: number } {
  switch (set) {
    case 'x86-64':
    case 'x86-32':
      return { longest: 15, unit: 1 };
    case 's390x':
      return { longest: 6, unit: 2 };
    case 'riscv64':
    case 'riscv32':
    case 'thumb':
      return { longest: 4, unit: 2 };
    default:
      return { longest: 4, unit: 4 };
  }
}

/** Bytes of something that the library does not know as an instruction, as the processor would take them; at least the unit. */
export function unknownSize(set: InstructionSet, bytes: Uint8Array): number {
  const first = bytes[0] ?? 0;
  const second = bytes[1] ?? 0;
  switch (set) {
    case 's390x':
      // The two highest bits of an instruction tell its length (Principles of Operation, chapter 5).
      return first < 0x40 ? 2 : first < 0xc0 ? 4 : 6;
    case 'riscv64':
    case 'riscv32':
      return (first & 3) === 3 ? 4 : 2;
    case 'thumb':
      return second >= 0xe8 ? 4 : 2;
    default:
      return instructionShape(set).unit;
  }
}

/** An address that an instruction names. */
export interface Reference {
  readonly address: Address;
  /** It is where the instruction goes to, not what it reads. */
  readonly branch: boolean;
}

/** Mnemonic and operands as they are shown, with the address that they name where they name one. */
export interface ExplainedInstruction {
  readonly text: string;
  readonly reference: Reference | undefined;
}

const branchNames: Readonly<Record<string, RegExp>> = {
  x86: /^(?:call|jmp|j[a-z]+|loop|xbegin)/,
  arm: /^(?:b|bl|b\.[a-z]+|bc\.[a-z]+|b[a-z]{2}|bl[a-z]{2}|blx|cbn?z|tbn?z)(?:\.w)?$/,
  riscv: /^(?:c\.)?(?:jal|j|b[a-z]+)$/,
  s390x: /^(?:bras|brasl|brc|brcl|brct|brctg|brx|jg?[a-z]*|c?l?g?[ir]*j[a-z]*)/,
  ppc: /^b(?!.*(?:lr|ctr))/,
  mips: /^(?:jalx?|j|b[a-z0-9]*)$/,
  sparc64: /^(?:call|b|ba|f?b[a-z]+|br[a-z]+)/,
};

/** Reads instructions that follow each other: an address may be made in two steps (adrp and add, auipc and jalr). */
export class InstructionReader {
  readonly #set: InstructionSet;
  readonly #branch: RegExp | undefined;
  /** Registers that hold the first step of an address. */
  readonly #parts = new Map<string, bigint>();

  constructor(set: InstructionSet) {
    this.#set = set;
    this.#branch = branchNames[set.replace(/^(x86|riscv|ppc|mips).*/, '$1').replace(/^(?:arm64|thumb)$/, 'arm')];
  }

  /** `address` is the instruction's own; relative targets are made absolute with it. */
  read(instruction: DecodedInstruction, address: bigint): ExplainedInstruction {
    const { mnemonic } = instruction;
    // The library writes large immediates in decimal digits.
    let operands = instruction.operands.replace(/\$(\d{10,20})\b/, (_, digits: string) => `$0x${BigInt(digits).toString(16)}`);
    let reference: Reference | undefined;
    if (this.#branch?.test(mnemonic) === true) {
      const target = this.#target(operands, address);
      if (target !== undefined) {
        operands = target.operands;
        reference = { address: target.address, branch: true };
      }
    }
    reference ??= this.#twoSteps(mnemonic, operands, address) ?? this.#data({ ...instruction, operands }, address);
    return { text: operands === '' ? mnemonic : `${mnemonic.padEnd(7)} ${operands}`, reference };
  }

  /** The last operand where it is a number; riscv's counts from the instruction. */
  #target(operands: string, address: bigint): { readonly operands: string; readonly address: Address } | undefined {
    const [, before = '', sign = '', digits] = /^(.*?[ ,#]|)(-?)((?:0x[0-9a-f]+|\d+))$/i.exec(operands) ?? [];
    if (digits === undefined) return undefined;
    const value = sign === '-' ? -BigInt(digits) : BigInt(digits);
    const relative = this.#set === 'riscv64' || this.#set === 'riscv32';
    const target = this.#wrap(relative ? address + value : value);
    return { operands: `${before}0x${target.toString(16)}`, address: target };
  }

  #twoSteps(mnemonic: string, operands: string, address: bigint): Reference | undefined {
    const isArm = this.#set === 'arm64';
    if (!isArm && this.#set !== 'riscv64' && this.#set !== 'riscv32') return undefined;
    const [written = '', ...others] = operands.split(/[\s,[\]()#!]+/).filter((part) => part !== '');
    const first = isArm ? /^adrp$/.test(mnemonic) : /^auipc$/.test(mnemonic);
    if (first) {
      const number = BigInt(others[0] ?? '0');
      // auipc's operand is the upper 20 bits, sign-extended.
      this.#parts.set(written, isArm ? number : address + (BigInt.asIntN(20, number) << 12n));
      return undefined;
    }
    const base = others.find((part) => this.#parts.has(part)) ?? (isStore(mnemonic) ? undefined : others[0]);
    const part = base === undefined ? undefined : this.#parts.get(base);
    const number = /(-?)((?:0x[0-9a-f]+|\d+))/i.exec(others.filter((one) => /^-?\d/.test(one)).join(' '));
    const isMade =
      part !== undefined && /^(?:add|addi|ld|lw|lwu|lh|lhu|lb|lbu|sd|sw|sh|sb|jalr|jr|ldr[a-z]*|str[a-z]*|ldp|stp)$/.test(mnemonic);
    if (!isStore(mnemonic)) this.#parts.delete(written);
    if (!isMade) return undefined;
    const offset = number === null ? 0n : number[1] === '-' ? -BigInt(number[2] ?? '0') : BigInt(number[2] ?? '0');
    return { address: this.#wrap(part + offset), branch: mnemonic === 'jalr' || mnemonic === 'jr' };
  }

  /** What an operand names: relative to the instruction, or an address as it stands. */
  #data({ mnemonic, operands, size }: DecodedInstruction, address: bigint): Reference | undefined {
    if (this.#set === 'x86-64') {
      const [, sign, digits] = /(-?)(0x[0-9a-f]+|\d+)\(%rip\)/.exec(operands) ?? [];
      if (digits !== undefined) {
        const offset = sign === '-' ? -BigInt(digits) : BigInt(digits);
        return { address: this.#wrap(address + BigInt(size) + offset), branch: false };
      }
    }
    if (this.#set === 'x86-64' || this.#set === 'x86-32') {
      // A 32-bit displacement or immediate, sign-extended: where the kernel image and a 32-bit kernel lie.
      const [, , sign, digits] = /(^|[\s$*,:])(-?)(0x[0-9a-f]{8,16})(?=$|[\s,(])/.exec(operands) ?? [];
      if (digits === undefined) return undefined;
      return { address: this.#wrap(sign === '-' ? -BigInt(digits) : BigInt(digits)), branch: false };
    }
    const isLiteral =
      this.#set === 'arm64'
        ? /^(?:adr|ldr|ldrsw)$/.test(mnemonic)
        : this.#set === 's390x' && /^(?:lar|exr|pfd|l.*r|st.*r|c.*r)l$/.test(mnemonic);
    const digits = isLiteral ? /[ #](0x[0-9a-f]+)$/.exec(operands)?.[1] : undefined;
    return digits === undefined ? undefined : { address: this.#wrap(BigInt(digits)), branch: false };
  }

  #wrap(value: bigint): Address {
    return toAddress(isNarrow(this.#set) ? BigInt.asUintN(32, value) : value);
  }
}

/** Whether the first operand is read, not written. */
function isStore(mnemonic: string): boolean {
  return /^(?:c\.)?(?:s[bhwd]|st[a-z]+|c[bt]|b[a-z]+|tb|cmp|cmn|tst|j)/.test(mnemonic);
}

/** Whether addresses of this instruction set have 32 bits. */
export function isNarrow(set: InstructionSet): boolean {
  return set === 'x86-32' || set === 'arm' || set === 'thumb' || set === 'riscv32' || set === 'ppc32' || set.startsWith('mips32');
}
