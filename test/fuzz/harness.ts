/** Runs fuzz targets: counts, tells failures apart by where they come from, and keeps the inputs that found them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Cancelled, UserError } from '../../debug-adapter/base/errors.ts';
import { assertSentence } from './target.ts';
import type { FuzzCase, FuzzTarget, PreparedTarget } from './target.ts';

export const artefacts = resolve(import.meta.dirname, '../../artefacts/fuzz');

/** What is called a hang: so many milliseconds of the processor, whatever else the machine does. */
const longest = 10_000;
/** Bytes of memory that no case leaves behind, beyond what there was before the target's first. */
const mostMemory = 1.5 * 2 ** 30;
/** Cases between two turns of the event loop, in which Node gives up what zlib took. */
const casesPerTurn = 8;

export interface FuzzFailure {
  /** The message and the first places of the engine's in the stack: one defect, however often it is met. */
  readonly key: string;
  readonly seed: number;
  readonly error: Error;
}

export interface FuzzReport {
  readonly name: string;
  readonly runs: number;
  /** The first of each key. */
  readonly failures: readonly FuzzFailure[];
  /** Milliseconds of the processor. */
  readonly slowest: { readonly seed: number; readonly milliseconds: number };
  /** Largest resident memory seen, in bytes. */
  readonly memory: number;
}

export interface FuzzOptions {
  readonly seeds: Iterable<number>;
  /** Asked before every case. */
  readonly enough?: () => boolean;
  /** Hears of a case before it is tried. */
  readonly trying?: (seed: number) => void;
}

export async function fuzz(target: FuzzTarget, { seeds, enough, trying }: FuzzOptions): Promise<FuzzReport> {
  const prepared = await target.prepare();
  const failures = new Map<string, FuzzFailure>();
  let runs = 0;
  let memory = 0;
  let slowest = { seed: 0, milliseconds: 0 };
  const before = process.memoryUsage.rss();
  for (const seed of seeds) {
    if (enough?.() === true) break;
    trying?.(seed);
    const { error, milliseconds, input } = await tried(prepared, seed, before);
    runs++;
    if (milliseconds > slowest.milliseconds) slowest = { seed, milliseconds };
    memory = Math.max(memory, process.memoryUsage.rss());
    if (error !== undefined) {
      const key = keyOf(error);
      if (!failures.has(key)) {
        failures.set(key, { key, seed, error });
        keep(target.name, seed, { input, error });
      }
    }
    if (runs % casesPerTurn === 0) await new Promise((resume) => setImmediate(resume));
  }
  await prepared.close?.();
  return { name: target.name, runs, failures: [...failures.values()], slowest, memory };
}

interface Tried {
  readonly error: Error | undefined;
  readonly milliseconds: number;
  readonly input: FuzzCase['input'] | undefined;
}

async function tried(prepared: PreparedTarget, seed: number, before: number): Promise<Tried> {
  const started = processorTime();
  let input: FuzzCase['input'] | undefined;
  let error: Error | undefined;
  try {
    const made = prepared.caseOf(seed);
    input = made.input;
    await made.run();
  } catch (thrown) {
    error = defectOf(thrown);
  }
  const milliseconds = processorTime() - started;
  if (milliseconds > longest) error ??= new Error(`a case takes more than ${longest} ms`);
  if (process.memoryUsage.rss() - before > mostMemory) error ??= new Error(`a case leaves more than ${mostMemory} bytes of memory`);
  return { error, milliseconds, input };
}

/** Refusals are no defects, if they are sentences. */
function defectOf(thrown: unknown): Error | undefined {
  if (thrown instanceof Cancelled) return undefined;
  if (!(thrown instanceof UserError)) return thrown instanceof Error ? thrown : new Error(`something is thrown: ${String(thrown)}`);
  try {
    assertSentence(thrown.message);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function keyOf({ message, stack }: Error): string {
  const places = [...(stack ?? '').matchAll(/debug-adapter\/([\w/-]+\.ts:\d+)/g)].slice(0, 3).map(([, place]) => place);
  const words = (message.split('\n')[0] ?? '').replace(/0x[0-9a-f]+|\d+/gi, '#').slice(0, 60);
  return [words, ...places].join(' < ');
}

function keep(
  name: string,
  seed: number,
  { input, error }: { readonly input: FuzzCase['input'] | undefined; readonly error: Error },
): void {
  mkdirSync(artefacts, { recursive: true });
  const path = join(artefacts, `${name.replace(/[^\w.-]+/g, '-')}-${seed}`);
  if (input !== undefined) writeFileSync(`${path}.input`, input);
  writeFileSync(`${path}.txt`, `${error.stack ?? error.message}\n`);
}

function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Seeds without end: those of `first`, then random ones that `seed` begins. */
export function* seedsFrom(first: readonly number[], seed: number): Generator<number> {
  yield* first;
  for (let at = seed; ; at = (at + 1) >>> 0) yield at;
}

export function* some(seeds: Iterable<number>, count: number): Generator<number> {
  let given = 0;
  for (const seed of seeds) {
    if (given++ === count) return;
    yield seed;
  }
}

export function reportLine({ name, runs, failures, slowest, memory }: FuzzReport): string {
  return [
    `${name.padEnd(30)} ${String(runs).padStart(9)} runs ${String(failures.length).padStart(3)} failures`,
    `slowest ${Math.round(slowest.milliseconds)} ms (seed ${slowest.seed})`,
    `${Math.round(memory / 2 ** 20)} MiB`,
  ].join('  ');
}
