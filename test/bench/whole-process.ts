/**
 * Whole processes, from start to end: wall and processor seconds and peak memory, as GNU time tells them. The commands of a
 * comparison take turns, so that what else the machine does meets all of them.
 */
import { spawnSync } from 'node:child_process';

export interface Command {
  readonly name: string;
  readonly command: readonly string[];
  /** Standard input. */
  readonly input?: string | undefined;
}

export interface Measured {
  readonly name: string;
  /** Medians. */
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** The largest of all runs. */
  readonly peakMiB: number;
}

/** One of the commands failed: what it said. */
export class CommandFailed extends Error {}

interface Run {
  readonly wall: number;
  readonly cpu: number;
  readonly peak: number;
}

function runOnce({ name, command, input }: Command): Run {
  const start = process.hrtime.bigint();
  const result = spawnSync('/usr/bin/time', ['-f', '\nmeasured %U %S %M', ...command], {
    input: input ?? '',
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (result.error !== undefined) throw new CommandFailed(`${name}: ${result.error.message}`);
  const wall = Number(process.hrtime.bigint() - start) / 1e9;
  const figures = /\nmeasured ([\d.]+) ([\d.]+) (\d+)/.exec(result.stderr);
  if (result.status !== 0 || figures === null)
    throw new CommandFailed(`${name}: exit status ${result.status}; ${lastWords(result.stderr, result.stdout)}`);
  return { wall, cpu: Number(figures[1]) + Number(figures[2]), peak: Number(figures[3]) / 1024 };
}

function lastWords(...texts: readonly string[]): string {
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line.trim() !== '' && !/^(measured|Command exited)/.test(line));
  return lines.find((line) => /error|cannot|fail|no such/i.test(line)) ?? lines.at(-1) ?? 'it said nothing';
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** `runs` counted runs of each command after one that warms the file cache. A command that fails is left out, and told. */
export function compare(commands: readonly Command[], runs: number, tell: (line: string) => void): Measured[] {
  const kept = new Map<Command, Run[]>(commands.map((command) => [command, []]));
  for (let run = 0; run <= runs; run++) {
    for (const [command, done] of kept) {
      try {
        const figures = runOnce(command);
        if (run > 0) done.push(figures);
      } catch (error) {
        if (!(error instanceof CommandFailed)) throw error;
        tell(`SKIPPED ${error.message}`);
        kept.delete(command);
      }
    }
  }
  return [...kept].map(([{ name }, done]) => ({
    name,
    wallSeconds: median(done.map(({ wall }) => wall)),
    cpuSeconds: median(done.map(({ cpu }) => cpu)),
    peakMiB: Math.max(...done.map(({ peak }) => peak)),
  }));
}
