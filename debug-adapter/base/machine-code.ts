/** Machine code as the engine sees it: the platform has the library that decodes it (base/host.ts), loaded when it is first needed. */

/** An instruction set in one of its modes and byte orders. */
export type InstructionSet =
  | 'x86-64'
  | 'x86-32'
  | 'arm64'
  | 'arm'
  | 'thumb'
  | 'riscv64'
  | 'riscv32'
  | 's390x'
  | 'ppc64'
  | 'ppc64le'
  | 'ppc32'
  | 'mips64'
  | 'mips64le'
  | 'mips32'
  | 'mips32le'
  | 'sparc64';

/** What a disassembler says of the bytes at one address, before symbols are put in. */
export interface DecodedInstruction {
  /** Bytes, at least 1. */
  readonly size: number;
  readonly mnemonic: string;
  /** In the syntax of the GNU tools: AT&T's on x86. */
  readonly operands: string;
}

/** The library, loaded. */
export type OpenDecoder = (set: InstructionSet) => InstructionDecoder;

/** A disassembler for one instruction set, as the platform provides it. */
export interface InstructionDecoder {
  /**
   * The instructions from the first byte on, at most `most`, until one is no instruction or not whole: then fewer, or none.
   * `address` is that of the first byte.
   */
  decode(bytes: Uint8Array, address: bigint, most: number): readonly DecodedInstruction[];
}
