/** The adapter that is soaked: the built program in a process of its own, whose memory and files can be counted. */
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const program = resolve(import.meta.dirname, '../../dist/pagewalk.js');
/** Bytes that a garbage collector may keep; more is an adapter that grows. */
const heapMegabytes = 1024;

/** Of a process whose garbage was just collected. Sizes are in bytes. */
export interface Quiet {
  /** What its objects and their buffers take. */
  readonly held: number;
  readonly resident: number;
  readonly descriptors: number;
  readonly threads: number;
}

export interface SoakedAdapter {
  readonly port: number;
  /** Resident bytes now. */
  resident(): number;
  quiet(): Promise<Quiet>;
  /** Why it ended, where it did so by itself. */
  ended(): string | undefined;
  /** What it complained of. */
  complaints(): readonly string[];
  end(): Promise<void>;
}

export function startAdapter(): Promise<SoakedAdapter> {
  const child = spawn(
    process.execPath,
    [
      `--max-old-space-size=${heapMegabytes}`,
      '--expose-gc',
      '--import',
      join(import.meta.dirname, 'memory-report.mjs'),
      program,
      'dap',
      '--port',
      '0',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const place = `/proc/${child.pid ?? 0}`;
  const complaints: string[] = [];
  let ended: string | undefined;
  let heardMemory: ((bytes: { heapUsed: number; external: number }) => void) | undefined;
  const over = new Promise<void>((gone) => {
    child.on('exit', (status, signal) => {
      ended = `exit status ${status}, signal ${signal}`;
      gone();
    });
  });
  const resident = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`${place}/status`, 'utf8'))?.[1]) * 1024;
  return new Promise((found, failed) => {
    child.on('error', failed);
    let text = '';
    child.stderr.on('data', (bytes: Buffer) => {
      const lines = (text + bytes.toString()).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const port = /listens on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
        if (line.startsWith('memory ')) heardMemory?.(JSON.parse(line.slice('memory '.length)) as { heapUsed: number; external: number });
        else if (port === undefined) complaints.push(line);
        else
          found({
            port: Number(port),
            resident,
            quiet: async () => {
              const { heapUsed, external } = await new Promise<{ heapUsed: number; external: number }>((heard, fallen) => {
                heardMemory = heard;
                void over.then(() => {
                  fallen(new Error(`the adapter ended: ${ended ?? ''}`));
                });
                child.kill('SIGUSR2');
              });
              return {
                held: heapUsed + external,
                resident: resident(),
                descriptors: readdirSync(`${place}/fd`).length,
                threads: readdirSync(`${place}/task`).length,
              };
            },
            ended: () => ended,
            complaints: () => complaints,
            end: () => {
              child.kill();
              return over;
            },
          });
      }
    });
  });
}
