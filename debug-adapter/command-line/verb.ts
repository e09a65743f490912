/** What every verb has: its images, the options of all, its output and its exit status. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Host } from '../base/host.ts';
import { hostWithScenarios } from '../session/scenario-image.ts';
import { openSession } from '../session/session.ts';
import type { Session } from '../session/session.ts';
import { exitStatus, pageCacheArgument } from './arguments.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

/** Options that every verb of an image has. */
export interface CommonOptions {
  readonly json?: true;
  readonly symbols?: string;
  readonly types?: string;
  readonly vmlinux?: string;
  readonly base?: string;
  readonly pageCache?: number;
}

/** With the address space that is meant. */
export interface MmOptions extends CommonOptions {
  readonly mm?: string;
}

/** One run of a verb: its host, what it prints and the exit status. */
export class Run {
  host: Host;
  readonly output: Output;
  status: number = exitStatus.fine;

  constructor(host: Host, output: Output) {
    this.host = host;
    this.output = output;
  }

  /** Runs the scenarios among a verb's images, so that they open as their machines. */
  async prepare(verb: Command): Promise<void> {
    const images = verb.registeredArguments.flatMap((argument, index) =>
      imageArguments.has(argument.name()) ? [verb.args[index] ?? ''] : [],
    );
    this.host = await hostWithScenarios(
      this.host,
      images.flatMap((image) => image.split(',')),
    );
  }

  /** Opens the image, lets `use` print, tells warnings on standard error, closes. */
  withSession(image: string, options: CommonOptions, use: (session: Session) => void): void {
    const session = this.#open(image, options);
    try {
      use(session);
      if (options.json === undefined) for (const warning of session.warnings()) this.output.complain(`pagewalk: warning: ${warning}`);
    } finally {
      try {
        // What was printed, or the failure, may come of a file that was written to meanwhile: then that is what is told.
        session.files.check();
      } finally {
        session.close();
      }
    }
  }

  /** Tells progress where there is a terminal: raw memory is read as a whole. */
  #open(image: string, options: CommonOptions): Session {
    const tell = this.output.progress;
    try {
      return openSession(this.host, {
        paths: image.split(','),
        symbols: options.symbols,
        types: options.types,
        vmlinux: options.vmlinux,
        base: options.base,
        cacheBytes: options.pageCache === undefined ? undefined : options.pageCache * 2 ** 20,
        progress:
          tell === undefined
            ? undefined
            : (step, done, total) => {
                tell(total > 1 ? `${step}: ${Math.floor((100 * done) / total)} %` : step);
              },
      });
    } finally {
      tell?.();
    }
  }

  /** Prints one of the two, as `--json` asks; the other is not made. */
  print(options: CommonOptions, document: () => unknown, text: () => string): void {
    this.output.text(options.json === true ? json(document()) : text());
  }
}

/** Names of arguments that are images. */
const imageArguments: ReadonlySet<string> = new Set(['image', 'a', 'b']);

/** A verb of `program` with the options that all have. */
export function addVerb(program: Command, usage: string, description: string): Command {
  return program
    .command(usage)
    .description(description)
    .option('--json', 'print one JSON document')
    .option('--symbols <file>', 'System.map or a copy of /proc/kallsyms')
    .option('--types <file>', "the kernel's BTF")
    .option('--vmlinux <file>', 'vmlinux of this kernel')
    .option(
      '--base <ranges>',
      'the image is raw memory from this physical address on (0x80000000), or of these ranges (0x0-0xc0000000,0x100000000)',
    )
    .option('--progress', 'tell progress as lines on standard error')
    .option('--page-cache <MiB>', 'most memory for decompressed pages (32)', pageCacheArgument);
}

/** `--mm`, of the verbs that can be asked about another address space than the kernel's. */
export function mmOption(): Option {
  return new Option('--mm <space>', 'kernel, efi, a PID, or the physical address of a root table (0x…)');
}
