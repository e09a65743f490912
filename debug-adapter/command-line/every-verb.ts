/** Every verb: one command each, whose names are fixed. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Session } from '../session/session.ts';
import { addressArgument, exitStatus, physicalArgument, rangeArgument } from './arguments.ts';
import { btVerb } from './bt.ts';
import type { BtOptions } from './bt.ts';
import { checkVerb } from './check.ts';
import type { CheckOptions } from './check.ts';
import { diffVerb } from './diff.ts';
import { disassembleVerb } from './disassemble.ts';
import { evalFacts, evalText, structFacts, structText } from './eval.ts';
import type { DiffOptions } from './diff.ts';
import { logVerb } from './log.ts';
import type { LogOptions } from './log.ts';
import { pagesVerb } from './pages.ts';
import type { PagesOptions } from './pages.ts';
import { processVerbs } from './ps.ts';
import { ptovVerb } from './ptov.ts';
import type { PtovOptions } from './ptov.ts';
import { readVerb } from './read.ts';
import type { ReadOptions } from './read.ts';
import { runVerb } from './run.ts';
import type { RunOptions } from './run.ts';
import { searchVerb } from './search.ts';
import { identifyText, infoText, symbolText } from './text.ts';
import type { ProgramParts } from './program.ts';
import { addVerb, mmOption } from './verb.ts';
import type { CommonOptions, MmOptions, Run } from './verb.ts';
import { vmallocVerb } from './vmalloc.ts';
import type { VmallocOptions } from './vmalloc.ts';
import { vtopVerb } from './vtop.ts';

/** Adds all verbs to `program`, in the order in which the help lists them. */
export function everyVerb(program: Command, run: Run, from: ProgramParts): void {
  const verb = (usage: string, description: string): Command => addVerb(program, usage, description);
  const withSession = (image: string, options: CommonOptions, use: (session: Session) => void): void => {
    run.withSession(image, options, use);
  };

  verb('info <image>', 'what the image is, and how each fact was found').action((image: string, options: CommonOptions) => {
    withSession(image, options, (session) => {
      const info = session.info();
      run.print(
        options,
        () => info,
        () => infoText(info),
      );
    });
  });

  vtopVerb(program, run);

  verb('ptov <image> <physical...>', 'virtual addresses that map physical ones')
    .option('--all', 'search every page table: the kernel, the firmware, all processes')
    .action((image: string, physical: string[], options: CommonOptions & PtovOptions) => {
      const addresses = physical.map(physicalArgument);
      withSession(image, options, (session) => {
        run.status = ptovVerb(session, run.output, { addresses, options });
      });
    });

  verb('ptdump <image>', "the kernel's own page-table dump")
    .addOption(mmOption())
    .option('--user', 'the half that user mode sees')
    .option('--range <start-end>', 'only lines that overlap the range')
    .option('--holes', 'keep lines of unmapped ranges where the architecture leaves them out')
    .action((image: string, options: MmOptions & { user?: true; holes?: true; range?: string }) => {
      withSession(image, options, (session) => {
        const what = {
          mm: options.mm,
          user: options.user === true,
          holes: options.holes === true,
          range: options.range === undefined ? undefined : rangeArgument(options.range),
        };
        run.print(
          options,
          () => session.ptdump(what),
          () =>
            session
              .ptdumpLines(what)
              .map(({ text }) => `${text}\n`)
              .join(''),
        );
      });
    });

  verb('check <image>', 'findings: writable and executable memory, wild or looping table pointers, reserved bits')
    .addOption(mmOption())
    .action((image: string, options: CommonOptions & CheckOptions) => {
      withSession(image, options, (session) => {
        run.status = checkVerb(session, run.output, options);
      });
    });

  verb('pages <image>', "how many pages are zero, cache, user, free and kernel data: makedumpfile's table").action(
    (image: string, options: CommonOptions & PagesOptions) => {
      withSession(image, options, (session) => {
        run.status = pagesVerb(session, run.output, options);
      });
    },
  );

  verb('diff <a> <b>', 'what differs between the page-table dumps of two images, or of two text files')
    .addOption(mmOption())
    .option('--mm-b <space>', 'the address space of the second, where it is another')
    .option('--user', 'the half that user mode sees')
    .option('--user-b', 'the half that user mode sees of the second alone')
    .option('--range <start-end>', 'only what lies in the range')
    .action((a: string, b: string, options: DiffOptions) => {
      run.status = diffVerb(run.host, run.output, { a, b, options });
    });

  verb('vmalloc <image>', 'every vmap_area, as /proc/vmallocinfo')
    .option('--all', 'by address, with what is free, pooled or being purged, the blocks, their queues and the purge counters')
    .option('--pages <address>', 'the frames and NUMA nodes behind the area that holds the address')
    .action((image: string, options: VmallocOptions) => {
      withSession(image, options, (session) => {
        vmallocVerb(session, run.output, options);
      });
    });

  verb('identify <image> <address...>', 'what an address is')
    .addOption(mmOption())
    .option('--physical', 'the addresses are physical')
    .action((image: string, addresses: string[], options: MmOptions & { physical?: true }) => {
      withSession(image, options, (session) => {
        const results = addresses.map((text) =>
          options.physical === true
            ? session.identifyPhysical(physicalArgument(text))
            : session.identify(addressArgument(text, session), options.mm),
        );
        run.print(
          options,
          () => ({ results }),
          () => results.map(identifyText).join(''),
        );
      });
    });

  verb('read <image> <address> <length>', 'hex dump of memory, through the page tables')
    .addOption(mmOption())
    .option('--physical', 'the address is physical')
    .option('--raw', 'write the bytes as they are')
    .option('--as-kcore', "what this kernel's own /proc/kcore would have returned")
    .action((image: string, address: string, length: string, options: ReadOptions) => {
      withSession(image, options, (session) => {
        const status = readVerb(session, run.output, { address, length, options });
        if (status !== undefined) run.status = status;
      });
    });

  verb('sym <image> <name-or-address>', 'symbols by name, prefix* or address').action(
    (image: string, name: string, options: CommonOptions) => {
      withSession(image, options, (session) => {
        const isAddress = /^0x[0-9a-f]+$|^[0-9a-f]{16}$/i.test(name);
        const hit = isAddress ? session.resolveSymbol(addressArgument(name, session)) : undefined;
        const results = isAddress ? (hit === undefined ? [] : [hit]) : session.findSymbols(name, limits.foundSymbols + 1);
        if (results.length === 0) {
          if (!isAddress) throw errors.unknownSymbol(name);
          run.status = exitStatus.notFound;
          run.output.complain(`pagewalk: no symbol covers ${name}; see what it is with: pagewalk identify ${image} ${name}`);
        }
        if (results.length > limits.foundSymbols)
          run.output.complain(`pagewalk: there are more than ${limits.foundSymbols} symbols ${name}; write more of the name`);
        const told = results.slice(0, limits.foundSymbols);
        run.print(
          options,
          () => ({ results: told }),
          () => told.map(symbolText).join(''),
        );
      });
    },
  );

  verb('eval <image> <expression>', 'a typed value: C operators, members, casts, and functions such as list(), per_cpu() and pid()')
    .addOption(mmOption())
    .option('--cpu <number>', 'whose per-CPU variables are meant (default: 0)')
    .action((image: string, expression: string, options: MmOptions & { cpu?: string }) => {
      withSession(image, options, (session) => {
        const place = { mm: options.mm, cpu: Number(options.cpu ?? 0) };
        run.print(
          options,
          () => evalFacts(session, expression, place),
          () => evalText(session, expression, place),
        );
      });
    });

  verb('struct <image> <type> [address]', 'the layout of a type, or the value of that type at an address').action(
    (image: string, type: string, address: string | undefined, options: CommonOptions) => {
      withSession(image, options, (session) => {
        run.print(
          options,
          () => structFacts(session, type, address),
          () => structText(session, type, address),
        );
      });
    },
  );

  verb('vmcoreinfo <image>', 'the VMCOREINFO note').action((image: string, options: CommonOptions) => {
    withSession(image, options, (session) => {
      const text = session.vmcoreinfoText();
      run.print(
        options,
        () => ({ text, source: session.kernel.vmcoreinfo?.source ?? null }),
        () => text,
      );
    });
  });

  disassembleVerb({
    verb,
    open: (image, options, use) => {
      withSession(image, options, use);
    },
    host: run.host,
    output: run.output,
    exit: (status) => {
      run.status = status;
    },
  });

  searchVerb({
    verb,
    open: (image, options, use) => {
      withSession(image, options, use);
    },
    output: run.output,
    exit: (status) => {
      run.status = status;
    },
  });

  processVerbs({
    verb,
    open: (image, options, use) => {
      withSession(image, options, use);
    },
    output: run.output,
    end: (status) => {
      run.status = status;
    },
  });

  verb('bt <image> [pid]', 'kernel stacks: of each CPU, of a task, or of all')
    .option('--cpu <number>', 'what this CPU ran')
    .option('--all', 'every task, the idle ones first')
    .action((image: string, pid: string | undefined, options: CommonOptions & BtOptions) => {
      withSession(image, options, (session) => {
        btVerb(session, run.output, { pid, options });
      });
    });

  verb('log <image>', 'the kernel log')
    .option('--raw', 'each line with its level, as dmesg -r prints it')
    .action((image: string, options: CommonOptions & LogOptions) => {
      withSession(image, options, (session) => {
        logVerb(session, run.output, options);
      });
    });

  program
    .command('run <scenario>')
    .description('run a scenario (.kmm) and print what it prints; exit status 1 where an expect does not hold')
    .option('--json', 'print one JSON document')
    .option('--save <file>', "write the machine's memory at the end as an ELF vmcore")
    .action(async (scenario: string, options: RunOptions) => {
      if (from.scenarios === undefined) throw errors.notSupported('there is no language of scenarios here');
      run.status = await runVerb(run.host, run.output, { scenario, options, scenarios: from.scenarios });
    });

  program
    .command('dap')
    .description('serve the Debug Adapter Protocol on standard input and output, or on a loopback port')
    .option('--port <number>', 'listen on this port of 127.0.0.1 (0 chooses one and prints it)')
    .addOption(
      new Option('--token <text>', 'answer only clients of the port that give this token in the arguments of launch or initialize').env(
        'PAGEWALK_DAP_TOKEN',
      ),
    )
    .action(async (options: { port?: string; token?: string }) => {
      const port = options.port === undefined ? undefined : Number(options.port);
      if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65_536)) {
        throw errors.badArgument(`--port ${options.port ?? ''} is no port; write a number from 0 to 65535`);
      }
      await from.servers.dap({ port, token: options.token === '' ? undefined : options.token });
    });

  program
    .command('lsp')
    .description('serve the Language Server Protocol (for scenarios) on standard input and output')
    .option('--stdio', 'as editors ask for it; there is no other way')
    .action(async () => {
      if (from.servers.lsp === undefined) throw errors.notSupported('there is no language server here');
      await from.servers.lsp();
    });
}
