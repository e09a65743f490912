/** The command line in the process of the test: what it says is kept, not printed. */
import { runProgram } from '../../debug-adapter/command-line/program.ts';
import type { Host } from '../../debug-adapter/base/host.ts';

export interface Said {
  readonly status: number;
  /** What was printed, bytes as Latin-1. */
  readonly text: string;
  /** The same as it was printed, one write after the other. */
  readonly written: readonly string[];
  /** Lines on the error output. */
  readonly complaints: readonly string[];
  /** Progress lines; undefined where the line was taken away. */
  readonly progress: readonly (string | undefined)[];
}

/** Runs `pagewalk ARGV` to its end. */
export async function runInProcess(host: Host, ...argv: string[]): Promise<Said> {
  const written: string[] = [];
  const complaints: string[] = [];
  const progress: (string | undefined)[] = [];
  const output = {
    text: (more: string) => {
      written.push(more);
    },
    bytes: (bytes: Uint8Array) => {
      written.push(Buffer.from(bytes).toString('latin1'));
    },
    complain: (line: string) => {
      complaints.push(line);
    },
    progress: (line?: string) => {
      progress.push(line);
    },
  };
  const servers = { dap: () => Promise.reject(new Error('not here')) };
  const status = await runProgram(host, { argv, output, servers, version: 'test' });
  return { status, text: written.join(''), written, complaints, progress };
}
