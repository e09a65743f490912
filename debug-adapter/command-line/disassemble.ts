/** `pagewalk disassemble IMAGE ADDR|SYMBOL [COUNT]`: instructions as the dump has them. */
import { limits } from '../base/limits.ts';
import type { Command } from 'commander';
import { errors } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import type { DisassemblyFacts, InstructionFacts } from '../protocol/disassembly.ts';
import { loadDisassembler, openDisassembler } from '../session/disassembly.ts';
import type { Session } from '../session/session.ts';
import { addressArgument, exitStatus } from './arguments.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

interface DisassembleOptions {
  readonly json?: true;
  readonly mm?: string;
  readonly before?: string;
}

/** Adds `disassemble`. `open` opens an image; `exit` hears the exit status: 1 when nothing there is an instruction. */
export function disassembleVerb(on: {
  readonly verb: (usage: string, description: string) => Command;
  readonly open: (image: string, options: DisassembleOptions, use: (session: Session) => void) => void;
  readonly host: Host;
  readonly output: Output;
  readonly exit: (status: number) => void;
}): void {
  on.verb(
    'disassemble <image> <address-or-symbol> [count]',
    'instructions as the dump has them: of a function, or so many from an address on',
  )
    .option('--mm <space>', 'kernel, efi, a PID, or the physical address of a root table (0x…)')
    .option('--before <count>', 'as many instructions before the address too')
    .action(async (image: string, at: string, count: string | undefined, options: DisassembleOptions) => {
      const most = count === undefined ? undefined : countArgument(count);
      const before = options.before === undefined ? 0 : countArgument(options.before);
      const decoders = await loadDisassembler(on.host);
      on.open(image, options, (session) => {
        const address = addressArgument(at, session);
        const disassembler = openDisassembler(decoders, session, options.mm);
        const facts =
          most === undefined && before === 0
            ? disassembler.function(address, limits.functionInstructions)
            : disassembler.around(address, { skip: -before, count: before + (most ?? 1) });
        on.output.text(options.json === true ? json(facts) : disassemblyText(facts));
        if (most === undefined && facts.instructions.length === limits.functionInstructions)
          on.output.complain(`pagewalk: these are the first ${limits.functionInstructions} instructions; write a count to have more`);
        if (!facts.instructions.some(({ valid }) => valid)) on.exit(exitStatus.notFound);
      });
    });
}

function countArgument(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw errors.badArgument(`${text} is no number of instructions; write digits`);
  return Number(text);
}

/** A line an instruction: address, byte in the symbol, bytes, text. */
export function disassemblyText({ instructions }: DisassemblyFacts): string {
  const wide = Math.max(0, ...instructions.map((one) => placeOf(one).length));
  const bytesWide = Math.max(0, ...instructions.map(({ bytes }) => bytes.length));
  return instructions
    .map((one) => `${one.address.padEnd(18)} ${placeOf(one).padEnd(wide)}  ${one.bytes.padEnd(bytesWide)}  ${one.text}\n`)
    .join('');
}

function placeOf({ symbol }: InstructionFacts): string {
  if (symbol === null) return '';
  return `<${symbol.name}+0x${symbol.offset.toString(16)}${symbol.module === null ? '' : ` [${symbol.module}]`}>`;
}
