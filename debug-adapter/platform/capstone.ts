/**
 * The capstone library behind the engine's interface (base/machine-code.ts). It is no part of the program's bundle: 3 MB of
 * WebAssembly that most runs never need are read from beside the program when the first instruction is decoded.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errors } from '../base/errors.ts';
import type { DecodedInstruction, InstructionSet, OpenDecoder } from '../base/machine-code.ts';

/** What is used of the library, which has no types of its own. */
interface Capstone {
  readonly Capstone: new (
    architecture: number,
    mode: number,
  ) => {
    option(option: number, value: number): void;
    /** Throws a text when nothing can be decoded. */
    disasm(
      bytes: Uint8Array,
      address: bigint,
      most: number,
    ): readonly { readonly size: number; readonly mnemonic: string; readonly op_str: string }[];
  };
}

type LoadCapstone = (settings: { readonly print: () => void; readonly printErr: () => void }) => Promise<Capstone>;

/** cs_arch and cs_mode of include/capstone/capstone.h, version 5. */
const bigEndian = 0x8000_0000;
const selections: Readonly<Record<InstructionSet, readonly [architecture: number, mode: number]>> = {
  arm: [0, 0],
  thumb: [0, 1 << 4],
  arm64: [1, 0],
  mips32: [2, (1 << 2) | bigEndian],
  mips32le: [2, 1 << 2],
  mips64: [2, (1 << 3) | bigEndian],
  mips64le: [2, 1 << 3],
  'x86-32': [3, 1 << 2],
  'x86-64': [3, 1 << 3],
  ppc32: [4, (1 << 2) | bigEndian],
  ppc64: [4, (1 << 3) | bigEndian],
  ppc64le: [4, 1 << 3],
  sparc64: [5, (1 << 4) | bigEndian],
  s390x: [6, bigEndian],
  riscv32: [15, (1 << 0) | (1 << 2)],
  riscv64: [15, (1 << 1) | (1 << 2)],
};
const syntaxOption = 1;
const attSyntax = 2;

let library: Promise<Capstone> | undefined;
/** One for all sessions: what the library allocates for a decoder stays in its own memory, which only grows. */
const decoders = new Map<InstructionSet, ReturnType<OpenDecoder>>();

/** Rejects with `UserError` where the library is missing. */
export async function loadDecoders(): Promise<OpenDecoder> {
  library ??= loadLibrary();
  const { Capstone } = await library;
  return (set) => {
    const known = decoders.get(set) ?? opened(Capstone, set);
    decoders.set(set, known);
    return known;
  };
}

function opened(Handle: Capstone['Capstone'], set: InstructionSet): ReturnType<OpenDecoder> {
  const [architecture, mode] = selections[set];
  const handle = new Handle(architecture, mode);
  if (set === 'x86-64' || set === 'x86-32') handle.option(syntaxOption, attSyntax);
  return {
    decode: (bytes, address, most): readonly DecodedInstruction[] => {
      if (bytes.length === 0) return [];
      try {
        return handle.disasm(bytes, address, most).map((one) => ({ size: one.size, mnemonic: one.mnemonic, operands: one.op_str }));
      } catch (error) {
        // The library throws a text, "CS_ERR_OK" in it, where the first bytes are no instruction.
        if (typeof error === 'string') return [];
        throw error;
      }
    },
  };
}

async function loadLibrary(): Promise<Capstone> {
  const load = createRequire(import.meta.url);
  const here = fileURLToPath(new URL('./capstone.cjs', import.meta.url));
  const quiet = (): void => undefined;
  try {
    const open = load(existsSync(here) ? here : '@alexaltea/capstone-js') as LoadCapstone;
    // What it would print goes to standard output, which may be a protocol's stream.
    return await open({ print: quiet, printErr: quiet });
  } catch (error) {
    library = undefined;
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw errors.notSupported(
      `the disassembler cannot be loaded (${why ?? ''}); put capstone.cjs and capstone.wasm of the same build into ${dirname(here)}`,
    );
  }
}
