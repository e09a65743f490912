/** What a stack word may be a return address into: the code of the kernel and its modules, and what stands before it there. */
import { addToAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import { allSymbols, findModule } from '../modules/module.ts';

interface Section {
  readonly start: Address;
  readonly end: Address;
}

/** Symbols that bound code, in pairs (include/asm-generic/sections.h, and s390's code below 2 GiB). */
const sections = [
  ['_stext', '_etext'],
  ['_text', '_etext'],
  ['_sinittext', '_einittext'],
  ['__amode31_base', '_eamode31'],
] as const;

/** Code of the kernel image, by the symbols around its text sections, and of modules, by their memory. */
export class KernelText {
  readonly #kernel: Kernel;
  readonly #sections: readonly Section[];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#sections = sections.flatMap(([first, last]) => {
      const start = kernel.addressOf(first);
      const end = kernel.addressOf(last);
      return start === undefined || end === undefined || end <= start ? [] : [{ start, end }];
    });
  }

  /** Whether `address` lies in code of the kernel image or of a module. */
  has(address: Address): boolean {
    if (this.#sections.some(({ start, end }) => address >= start && address < end)) return true;
    const part = findModule(this.#kernel, address)?.part;
    return part !== undefined && (part.kind.endsWith('text') || part.kind === 'core' || part.kind === 'init');
  }

  /** The function that holds `address`. */
  functionAt(address: Address): { readonly name: string; readonly start: Address } | undefined {
    const hit = allSymbols(this.#kernel).resolve(address);
    return hit === undefined ? undefined : { name: hit.symbol.name, start: hit.symbol.address };
  }

  /** Up to `length` bytes of code from `address` on; fewer where they cannot be read. */
  code(address: Address, length: number): Uint8Array {
    const { bytes, holes } = this.#kernel.memory.read(address, length);
    return bytes.subarray(0, holes[0]?.offset ?? bytes.length);
  }

  /** Whether `address` is where a call returns to: code, with a call instruction before it. */
  isReturnAddress(address: Address): boolean {
    if (!this.has(address)) return false;
    return optionalRead(() => this.#callBefore(address)) ?? false;
  }

  #callBefore(address: Address): boolean {
    const { memory, machine } = this.#kernel;
    const byte = (back: number): number => memory.u8(addToAddress(address, -back));
    const word = (back: number): number => memory.u32(addToAddress(address, -back));
    switch (machine.architecture) {
      case 'x86-64':
      case 'x86-32':
        return callsX86(byte);
      case 'arm64': {
        const code = word(4);
        // bl; blr with and without pointer authentication.
        return code >>> 26 === 0x25 || (code & 0xfffff000) >>> 0 === 0xd63f0000;
      }
      case 'riscv64':
        return callsRiscv(memory.u16(addToAddress(address, -2)), word(4));
      case 'ppc64':
      case 'ppc64le': {
        const code = word(4);
        // bl, and bctrl, blrl and their conditional forms.
        return (
          (code & 0xfc000003) >>> 0 === 0x48000001 || ((code & 0xfc000001) >>> 0 === 0x4c000001 && [16, 528].includes((code >>> 1) & 0x3ff))
        );
      }
      case 's390x':
        // brasl, bras, basr.
        return (byte(6) === 0xc0 && (byte(5) & 0xf) === 5) || (byte(4) === 0xa7 && (byte(3) & 0xf) === 5) || byte(2) === 0x0d;
      default:
        return true;
    }
  }
}

/** `call rel32`, `call *reg`, `call *disp(reg)` in their lengths. */
function callsX86(byte: (back: number) => number): boolean {
  if (byte(5) === 0xe8) return true;
  return [2, 3, 4, 6, 7].some((length) => byte(length) === 0xff && ((byte(length - 1) >>> 3) & 7) === 2);
}

/** `jal ra`, `jalr ra`, and the compressed `c.jalr`. */
function callsRiscv(half: number, word: number): boolean {
  if ((half & 0xf07f) === 0x9002 && half !== 0x9002) return true;
  return (word & 0xfff) === 0x0ef || ((word & 0x7f) === 0x67 && ((word >>> 7) & 0x1f) === 1);
}

/** The kernel's text; found once. */
export function kernelText(kernel: Kernel): KernelText {
  return kernel.once(makeText);
}

function makeText(kernel: Kernel): KernelText {
  return new KernelText(kernel);
}
