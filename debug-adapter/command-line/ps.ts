/** `pagewalk ps IMAGE`: every task; and the registration of the verbs about processes. */
import type { Command } from 'commander';
import { errors } from '../base/errors.ts';
import type { PagemapScanRequest, TaskFacts } from '../protocol/facts.ts';
import type { SessionFace } from '../session/session-face.ts';
import { rangeArgument } from './arguments.ts';
import { inParts, jsonList } from './long-list.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';
import { pagemapScanStatus, pagemapScanText, pagemapText } from './pagemap.ts';

interface JsonOption {
  readonly json?: true;
}

/** What the verbs need of the program: how a verb is made, how an image is opened, where to write. */
export interface ProcessVerbs {
  readonly verb: (usage: string, description: string) => Command;
  readonly open: (image: string, options: JsonOption, use: (session: SessionFace) => void) => void;
  readonly output: Output;
  /** The exit status. */
  readonly end: (status: number) => void;
}

/** Adds `ps`, `maps`, `pagemap` and `pagemap-scan`. */
export function processVerbs({ verb, open, output, end }: ProcessVerbs): void {
  verb('ps <image>', 'tasks: processes and threads').action((image: string, options: JsonOption) => {
    open(image, options, (session) => {
      const parts = inParts((part) => session.tasks(part));
      if (options.json === true) jsonList(output, 'tasks', parts);
      else {
        output.text(taskRow(['PID', 'TGID', 'PPID', 'CPU', 'ST', 'VSZ', 'RSS', 'TASK', 'COMM']));
        for (const tasks of parts) output.text(tasksText(tasks));
      }
    });
  });

  verb('maps <image> <pid>', 'the memory areas of a process, as /proc/PID/maps').action(
    (image: string, pid: string, options: JsonOption) => {
      open(image, options, (session) => {
        const facts = session.maps(pidArgument(pid));
        output.text(options.json === true ? json(facts) : facts.areas.map(({ text }) => `${text}\n`).join(''));
      });
    },
  );

  verb('pagemap <image> <pid> [range]', 'entries of /proc/PID/pagemap, of an address range or of all memory areas').action(
    (image: string, pid: string, range: string | undefined, options: JsonOption) => {
      const asked = range === undefined ? undefined : rangeArgument(range);
      open(image, options, (session) => {
        const facts = session.pagemap(pidArgument(pid), { range: asked });
        if (options.json === true) output.text(json(facts));
        else output.text(pagemapText(facts, range === undefined ? session.maps(facts.pid) : undefined));
      });
    },
  );

  verb('pagemap-scan <image> <pid>', 'what the PAGEMAP_SCAN ioctl answers: regions of pages by category')
    .option('--start <address>', 'first address; 0 by default')
    .option('--end <address>', 'first address behind; by default all that a process can have')
    .option('--category-mask <mask>', 'categories that a page must have: names joined by |, or a number')
    .option('--category-inverted <mask>', 'categories whose sense is inverted before pages are matched')
    .option('--category-anyof-mask <mask>', 'categories of which a page must have one')
    .option('--return-mask <mask>', 'categories that are told; all by default')
    .option('--max-pages <number>', 'pages at most; 0 for no limit')
    .option('--vec-len <number>', 'regions at most; 0 tells none')
    .option('--no-vec', 'pass no buffer')
    .option('--flags <mask>', 'WP_MATCHING, CHECK_WPASYNC; what would be write-protected is told, not done')
    .option('--size <bytes>', 'of the argument structure; 96 by default')
    .action((image: string, pid: string, options: JsonOption & Omit<PagemapScanRequest, 'pid'>) => {
      open(image, options, (session) => {
        const facts = session.pagemapScan({ ...options, pid: pidArgument(pid), vec: options.vec === false ? false : undefined });
        output.text(options.json === true ? json(facts) : pagemapScanText(facts));
        if (facts.errno !== undefined) output.complain(`pagewalk: PAGEMAP_SCAN fails with ${facts.errno}: ${facts.message ?? ''}`);
        end(pagemapScanStatus(facts));
      });
    });
}

/** A PID in decimal. */
function pidArgument(text: string): number {
  if (!/^[0-9]{1,10}$/.test(text)) throw errors.badArgument(`${text} is no PID; list the processes with: pagewalk ps IMAGE`);
  return Number(text);
}

/** As `ps -eL -o pid,tgid,ppid,psr,state,vsz,rss,comm` prints them, with the task_struct. */
function tasksText(tasks: readonly TaskFacts[]): string {
  const kib = (value: number | null): string => String(value ?? 0);
  return tasks
    .map(({ pid, tgid, ppid, cpu, state, vsz, rss, task, name }) =>
      taskRow([String(pid), String(tgid), String(ppid), String(cpu ?? '-'), state, kib(vsz), kib(rss), task, name]),
    )
    .join('');
}

function taskRow(cells: readonly string[]): string {
  const widths = [7, 7, 7, 4, -2, 10, 9, -18];
  const padded = cells.map((cell, index) => {
    const width = widths[index] ?? 0;
    return width < 0 ? cell.padEnd(-width) : cell.padStart(width);
  });
  return `${padded.join(' ')}\n`;
}
