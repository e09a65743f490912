/** `pagewalk VERB …`: the command line. */
import { Command, CommanderError } from 'commander';
import { UserError } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { exitStatus } from './arguments.ts';
import { everyVerb } from './every-verb.ts';
import type { Output } from './output.ts';
import type { Scenarios } from './run.ts';
import { Run } from './verb.ts';

/** A face that runs until its client leaves: started by the entry point, which has the protocol code. */
export interface Servers {
  /** Serves on standard input and output, or on a port of the loopback; ends with the client. */
  dap(options: { readonly port: number | undefined; readonly token: string | undefined }): Promise<void>;
  readonly lsp?: (() => Promise<void>) | undefined;
}

/** What one run of the command line is given by its entry point. */
export interface ProgramParts {
  readonly argv: readonly string[];
  readonly output: Output;
  readonly servers: Servers;
  /** The language of scenarios; absent where it is not at hand. */
  readonly scenarios?: Scenarios | undefined;
  readonly version: string;
}

/** Runs one command line and gives the exit status. */
export async function runProgram(host: Host, from: ProgramParts): Promise<number> {
  const run = new Run(host, from.output);
  const program = makeProgram(run, from);
  everyVerb(program, run, from);
  try {
    await program.parseAsync([...from.argv], { from: 'user' });
    return run.status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.fine : exitStatus.unusable;
    if (!(error instanceof UserError)) throw error;
    from.output.complain(`pagewalk: ${error.message}`);
    return error.code === 'unknown-symbol' || error.code === 'unknown-process' || error.code === 'unknown-type'
      ? exitStatus.notFound
      : exitStatus.unusable;
  }
}

function makeProgram(run: Run, from: ProgramParts): Command {
  const program = new Command('pagewalk');
  return program
    .description('Debug kernel memory: what a vmcore holds, and what every address in it is.')
    .version(from.version)
    .exitOverride()
    .hook('preAction', (_, verb) => run.prepare(verb))
    .configureOutput({
      outputError: (text) => {
        const [verb = ''] = from.argv;
        const known = program.commands.some((command) => command.name() === verb) ? ` ${verb}` : '';
        const what = text
          .trim()
          .replace(/^error: /, '')
          .replaceAll(/\s*\n\s*/g, ' ');
        from.output.complain(`pagewalk: ${what}; see what there is with: pagewalk${known} --help`);
      },
      writeErr: (text) => {
        from.output.complain(text.trimEnd());
      },
      writeOut: (text) => {
        from.output.text(text);
      },
    });
}
