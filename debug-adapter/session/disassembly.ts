/**
 * Instructions of an image, as its memory has them: what was patched is shown as it was patched. A symbol's start is always
 * an instruction's; instructions before an address are found by decoding from the start of the symbol that they lie in.
 */
import { formatAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import type { DecodedInstruction, InstructionDecoder, InstructionSet, OpenDecoder } from '../base/machine-code.ts';
import { InstructionReader, instructionShape, isNarrow, unknownSize } from '../arch/instruction.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { MemoryRead } from '../memory/hole.ts';
import type { DisassemblyFacts, InstructionFacts } from '../protocol/disassembly.ts';
import type { SymbolHit } from '../symbols/symbol-table.ts';
import type { SessionFace } from './session-face.ts';

/** Bytes decoded at once. */
const chunk = 4096;
/** Furthest that a symbol's start is looked for before an address, in bytes. */
const furthest = 256 * 1024;

/** The library; `host.loadDecoders` where the platform has it. Rejects with `UserError` where there is none. */
export async function loadDisassembler(host: Host): Promise<OpenDecoder> {
  if (host.loadDecoders === undefined)
    throw errors.notSupported('there is no disassembler on this platform; look at the bytes with: pagewalk read');
  return host.loadDecoders();
}

/** A disassembler of the image's machine. Throws `UserError` where there is none for it. */
export function openDisassembler(open: OpenDecoder, session: SessionFace, mm: string | undefined): Disassembler {
  const memory = session.memory(mm);
  const set = instructionSetOf(session, memory);
  if (set === undefined) {
    throw errors.notSupported(
      `instructions of ${session.architecture} cannot be decoded, for the capstone library does not know them; look at the bytes with: pagewalk read`,
    );
  }
  return new Disassembler(session, memory, { set, decoder: open(set) });
}

function instructionSetOf(session: SessionFace, memory: AddressSpace): InstructionSet | undefined {
  switch (session.architecture) {
    case 'mips64':
    case 'mips32':
      return memory.littleEndian ? `${session.architecture}le` : session.architecture;
    case 'arm':
      return isThumbKernel(session) ? 'thumb' : 'arm';
    case 'x86-64':
    case 'x86-32':
    case 'arm64':
    case 'riscv64':
    case 'riscv32':
    case 's390x':
    case 'ppc64':
    case 'ppc64le':
    case 'ppc32':
    case 'sparc64':
      return session.architecture;
    default:
      return undefined;
  }
}

/** ARM instructions stand at multiples of four; a kernel built of Thumb instructions (CONFIG_THUMB2_KERNEL) has functions between them. */
function isThumbKernel(session: SessionFace): boolean {
  return session.symbols.withPrefix('vfs_', 200).some(({ address, type }) => type.toLowerCase() === 't' && address % 4n === 2n);
}

/**
 * Decodes from one address space with one instruction set; a row whose bytes are missing or no instruction says so and goes on
 * behind them.
 */
export class Disassembler {
  readonly set: InstructionSet;
  readonly #session: SessionFace;
  readonly #memory: AddressSpace;
  readonly #decoder: InstructionDecoder;
  readonly #longest: number;
  readonly #unit: number;
  /** First address that does not exist. */
  readonly #top: bigint;

  constructor(session: SessionFace, memory: AddressSpace, code: { readonly set: InstructionSet; readonly decoder: InstructionDecoder }) {
    this.#session = session;
    this.#memory = memory;
    this.#decoder = code.decoder;
    this.set = code.set;
    const { longest, unit } = instructionShape(code.set);
    this.#longest = longest;
    this.#unit = unit;
    this.#top = isNarrow(code.set) ? 1n << 32n : 1n << 64n;
  }

  /**
   * `count` instructions, the first `skip` instructions behind `address`, or before it where `skip` is negative. Where there
   * are no more addresses, and for bytes that cannot be read, instructions that are not valid stand in. Throws `UserError('limit')`.
   */
  around(address: Address, on: { readonly skip: number; readonly count: number }): DisassemblyFacts {
    const { skip, count } = on;
    if (count > limits.instructions || Math.abs(skip) > limits.instructions)
      throw errors.limit(`at most ${limits.instructions} instructions are decoded at once, that far from an address; ask for fewer`);
    const before = skip < 0 ? this.#before(address, -skip) : [];
    const behind = this.#from(address, Math.max(0, count + skip)).slice(Math.max(0, skip));
    return { instructionSet: this.set, instructions: [...before, ...behind].slice(0, count) };
  }

  /** The instructions from `address` to the end of its symbol, at most `most`; 16 where no symbol covers it. What cannot be read is one. */
  function(address: Address, most: number): DisassemblyFacts {
    const hit = this.#session.symbols.resolve(address);
    if (hit === undefined || hit.symbol.size === 0) return this.around(address, { skip: 0, count: Math.min(16, most) });
    const end = hit.symbol.address + BigInt(hit.symbol.size);
    return { instructionSet: this.set, instructions: this.#decode(address, { end, most, runs: true }) };
  }

  #from(address: Address, count: number): InstructionFacts[] {
    const found = this.#decode(address, { end: this.#top, most: count });
    while (found.length < count) found.push(nowhere(toAddress(this.#top - 1n)));
    return found;
  }

  /** The last `count` instructions that end before `address` or at it. */
  #before(address: Address, count: number): InstructionFacts[] {
    const parts: InstructionFacts[][] = [];
    let missing = count;
    let end: bigint = address;
    while (missing > 0 && end > 0n) {
      const start = this.#startBefore(toAddress(end), missing);
      const part = this.#decode(toAddress(start), { end, most: limits.instructions });
      parts.push(part.slice(-missing));
      missing -= Math.min(missing, part.length);
      end = start;
    }
    const found = parts.reverse().flat();
    return [...Array.from({ length: missing }, () => nowhere(toAddress(0n))), ...found];
  }

  /** Where decoding can begin so that it ends at `end`. */
  #startBefore(end: Address, count: number): bigint {
    const hit = this.#session.symbols.resolve(toAddress(end - 1n));
    if (hit !== undefined && hit.offset < furthest) return hit.symbol.address;
    const wanted = BigInt(Math.min(count * this.#longest, chunk));
    const first = end > wanted ? end - wanted : 0n;
    if (this.#unit === this.#longest) return first;
    // Wrong starts fall into step after a few instructions: of all, the one whose instructions end at `end`, fewest bytes wasted.
    const { bytes, holes } = this.#memory.read(toAddress(first), Number(end - first));
    if (holes.length > 0) return end - BigInt(Math.min(Number(end - first), this.#unit * count));
    for (let start = 0; start < Math.min(4 * this.#longest, bytes.length); start += this.#unit) {
      const decoded = this.#decoder.decode(bytes.subarray(start), first + BigInt(start), bytes.length);
      if (start + decoded.reduce((sum, { size }) => sum + size, 0) === bytes.length) return first + BigInt(start);
    }
    return first;
  }

  /** Instructions from `start` on that end before `end` or at it, at most `most`; bytes that are none stand for themselves. */
  #decode(start: Address, to: { readonly end: bigint; readonly most: number; readonly runs?: true }): InstructionFacts[] {
    const found: InstructionFacts[] = [];
    let at: bigint = start;
    while (at < to.end && found.length < to.most) {
      const hit = this.#session.symbols.resolve(toAddress(at));
      const behind = hit === undefined || hit.symbol.size === 0 ? to.end : hit.symbol.address + BigInt(hit.symbol.size);
      const end = behind > at && behind < to.end ? behind : to.end;
      at = this.#decodePart(at, { end, most: to.most, runs: to.runs, hit, found });
    }
    return found;
  }

  /** One symbol's instructions, or a part of them; gives the address behind. */
  #decodePart(
    start: bigint,
    to: {
      readonly end: bigint;
      readonly most: number;
      readonly runs: true | undefined;
      readonly hit: SymbolHit | undefined;
      readonly found: InstructionFacts[];
    },
  ): bigint {
    const { end, most, runs, hit, found } = to;
    const reader = new InstructionReader(this.set);
    let at = start;
    while (at < end && found.length < most) {
      const length = Number(end - at < BigInt(chunk) ? end - at : BigInt(chunk));
      const read = this.#memory.read(toAddress(at), length);
      const readable = read.holes[0]?.offset ?? length;
      const decoded = this.#decoder.decode(read.bytes.subarray(0, readable), at, most - found.length);
      let done = 0;
      for (const instruction of decoded) {
        found.push(
          this.#instruction(instruction, {
            at: at + BigInt(done),
            start,
            hit,
            reader,
            bytes: read.bytes.subarray(done, done + instruction.size),
          }),
        );
        done += instruction.size;
      }
      const left = length - done;
      const isCut = readable === length && length === chunk && left < this.#longest && done > 0;
      if (found.length < most && left > 0 && !isCut)
        done += this.#unknown(found, { at: at + BigInt(done), start, hit, read, done, length, runs });
      at += BigInt(done);
    }
    return at;
  }

  #instruction(
    decoded: DecodedInstruction,
    of: {
      readonly at: bigint;
      readonly start: bigint;
      readonly hit: SymbolHit | undefined;
      readonly reader: InstructionReader;
      readonly bytes: Uint8Array;
    },
  ): InstructionFacts {
    const { text, reference } = of.reader.read(decoded, of.at);
    const named = reference === undefined ? undefined : this.#session.symbols.resolve(reference.address);
    // Numbers are addresses only where a symbol covers them.
    const told = reference === undefined || (named === undefined && !reference.branch) ? undefined : reference;
    return {
      address: formatAddress(of.at),
      bytes: hexOf(of.bytes),
      text: named === undefined ? text : `${text} <${nameOf(named)}>`,
      valid: true,
      symbol: symbolOf(of.hit, of.at - of.start),
      reference:
        told === undefined
          ? null
          : { address: formatAddress(told.address), branch: told.branch, symbol: named === undefined ? null : nameOf(named) },
    };
  }

  /** Adds one that is no instruction; gives its bytes. */
  #unknown(
    found: InstructionFacts[],
    of: {
      readonly at: bigint;
      readonly start: bigint;
      readonly hit: SymbolHit | undefined;
      readonly read: MemoryRead;
      readonly done: number;
      readonly length: number;
      readonly runs: true | undefined;
    },
  ): number {
    const { at, read, done, length } = of;
    const hole = read.holes[0];
    const symbol = symbolOf(of.hit, at - of.start);
    const rest = read.bytes.subarray(done, hole?.offset ?? length);
    if (rest.length === 0) {
      const size = Math.min(of.runs === true ? (hole?.length ?? 1) : this.#unit, length - done);
      found.push({
        address: formatAddress(at),
        bytes: '',
        text: `?? (${hole?.reason.message ?? 'it cannot be read'})`,
        valid: false,
        symbol,
        reference: null,
      });
      return size;
    }
    const size = Math.min(unknownSize(this.set, rest), rest.length);
    const text = hole !== undefined && rest.length < this.#longest ? `(cut off: ${hole.reason.message})` : '(bad)';
    found.push({ address: formatAddress(at), bytes: hexOf(rest.subarray(0, size)), text, valid: false, symbol, reference: null });
    return size;
  }
}

/** Stands in where there are no addresses. */
function nowhere(address: Address): InstructionFacts {
  return {
    address: formatAddress(address),
    bytes: '',
    text: '?? (there are no more addresses)',
    valid: false,
    symbol: null,
    reference: null,
  };
}

function symbolOf(hit: SymbolHit | undefined, behind: bigint): InstructionFacts['symbol'] {
  if (hit === undefined) return null;
  return { name: hit.symbol.name, module: hit.symbol.module ?? null, offset: hit.offset + Number(behind) };
}

/** `name`, `name+0x1a`, with ` [module]` behind. */
function nameOf({ symbol, offset }: SymbolHit): string {
  return `${symbol.name}${offset === 0 ? '' : `+0x${offset.toString(16)}`}${symbol.module === undefined ? '' : ` [${symbol.module}]`}`;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
