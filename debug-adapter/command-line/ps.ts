/** `pagewalk ps IMAGE`: every task; and the registration of the verbs about processes. */
import type { Command } from 'commander';
import { errors } from '../base/errors.ts';
import type { TaskFacts } from '../protocol/facts.ts';
import type { SessionFace } from '../session/session-face.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

interface JsonOption {
  readonly json?: true;
}

/** What the verbs need of the program: how a verb is made, how an image is opened, where to write. */
export interface ProcessVerbs {
  readonly verb: (usage: string, description: string) => Command;
  readonly open: (image: string, options: JsonOption, use: (session: SessionFace) => void) => void;
  readonly output: Output;
}

/** Adds `ps` and `maps`. */
export function processVerbs({ verb, open, output }: ProcessVerbs): void {
  verb('ps <image>', 'tasks: processes and threads').action((image: string, options: JsonOption) => {
    open(image, options, (session) => {
      const tasks = session.tasks();
      output.text(options.json === true ? json({ tasks }) : tasksText(tasks));
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
}

/** A PID in decimal. */
function pidArgument(text: string): number {
  if (!/^[0-9]{1,10}$/.test(text)) throw errors.badArgument(`${text} is no PID; list the processes with: pagewalk ps IMAGE`);
  return Number(text);
}

/** As `ps -eL -o pid,tgid,ppid,psr,state,vsz,rss,comm` prints them, with the task_struct. */
function tasksText(tasks: readonly TaskFacts[]): string {
  const widths = [7, 7, 7, 4, -2, 10, 9, -18];
  const row = (cells: readonly string[]): string =>
    `${cells.map((cell, index) => ((widths[index] ?? 0) < 0 ? cell.padEnd(-(widths[index] ?? 0)) : cell.padStart(widths[index] ?? 0))).join(' ')}\n`;
  const kib = (value: number | null): string => String(value ?? 0);
  return [
    row(['PID', 'TGID', 'PPID', 'CPU', 'ST', 'VSZ', 'RSS', 'TASK', 'COMM']),
    ...tasks.map(({ pid, tgid, ppid, cpu, state, vsz, rss, task, name }) =>
      row([String(pid), String(tgid), String(ppid), String(cpu ?? '-'), state, kib(vsz), kib(rss), task, name]),
    ),
  ].join('');
}
