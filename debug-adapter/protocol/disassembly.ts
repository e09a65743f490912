/** Instructions. Types only. */
import type { Hex } from './facts.ts';

/** One instruction as every face shows it. */
export interface InstructionFacts {
  readonly address: Hex;
  /** In memory's order, two digits each; empty where they cannot be read. */
  readonly bytes: string;
  /** Mnemonic and operands, with `<symbol+0x1a>` behind an address that has a name; or why there is no instruction. */
  readonly text: string;
  /** Whether these bytes are an instruction. */
  readonly valid: boolean;
  /** The symbol that covers the address, and the byte in it. */
  readonly symbol: { readonly name: string; readonly module: string | null; readonly offset: number } | null;
  /** What the operands name, with the symbol that covers it. */
  readonly reference: { readonly address: Hex; readonly branch: boolean; readonly symbol: string | null } | null;
}

/** Instructions one behind the other, by ascending address. */
export interface DisassemblyFacts {
  /** The instruction set, e.g. `x86-64`. */
  readonly instructionSet: string;
  readonly instructions: readonly InstructionFacts[];
}
