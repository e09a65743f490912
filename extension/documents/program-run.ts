/** One run of the command line as a child process: what it prints, how far it has come, and its end at any moment. */
import { spawn } from 'node:child_process';
import * as vscode from 'vscode';
import { nodeEnvironment, programPath } from '../debugging/configurations.ts';

/** Characters of output beyond which a run is ended: no answer about an image is so long. */
const mostOutput = 256 * 2 ** 20;
/** Characters of complaints that are kept. */
const mostComplaints = 65_536;

/** How a run is ended, and who hears of it. */
export interface RunOptions {
  /** Ends the process. */
  readonly signal: AbortSignal;
  /** `step`: in words. `share`: 0 to 1; null where it is not told. */
  readonly progress?: (step: string, share: number | null) => void;
}

/** Gives standard output. Rejects with the program's own sentence, or, where `signal` ended it, with an `AbortError`. */
export function runPagewalk(context: vscode.ExtensionContext, argv: readonly string[], { signal, progress }: RunOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = [programPath(context), ...argv, ...(progress === undefined ? [] : ['--progress'])];
    const child = spawn(process.execPath, asked, {
      env: { ...process.env, ...nodeEnvironment },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    const output: string[] = [];
    let length = 0;
    let complaints = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      length += text.length;
      if (length <= mostOutput) output.push(text);
      else child.kill();
    });
    linesOf(child.stderr.setEncoding('utf8'), (line) => {
      const [, step, done, total] = progressLine.exec(line) ?? [];
      if (step !== undefined) progress?.(step, done === undefined ? null : Number(done) / Number(total ?? 100));
      else if (complaints.length < mostComplaints) complaints += `${line}\n`;
    });
    child.on('error', reject);
    child.on('close', (status, ended) => {
      if (status === 0 && length <= mostOutput) resolve(output.join(''));
      else reject(new Error(sentence(complaints) ?? endWords(length > mostOutput ? 'output' : (ended ?? status))));
    });
  });
}

/** `progress: STEP: 3 of 7`, `progress: STEP: 40 %`, `progress: STEP`. */
const progressLine = /^progress: (.*?)(?:: (\d+)(?: of ([1-9]\d*)| %))?$/;

function linesOf(stream: NodeJS.ReadableStream, hear: (line: string) => void): void {
  let rest = '';
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(-mostComplaints);
    for (const line of lines) hear(line);
  });
  stream.on('end', () => {
    if (rest !== '') hear(rest);
  });
}

/** The program's complaint without its name; undefined where it made none. */
function sentence(complaints: string): string | undefined {
  const said = complaints.trim().replace(/^pagewalk: /, '');
  return said === '' ? undefined : said;
}

function endWords(end: string | number | null): string {
  if (end === 'output') return vscode.l10n.t('The process that reads the file had more to say than can be shown; ask on the command line.');
  return vscode.l10n.t('The process that reads the file ended ({0}); read it again.', String(end ?? '?'));
}
