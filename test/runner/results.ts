/** What a run of test files gave: counts, skips with their reasons, and the failures of each file. */
import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import type { EventData } from 'node:test';

export interface Failure {
  readonly title: string;
  readonly reason: string;
}

/** Results of one file. A file that gave none broke off, or tests nothing: that is a failure too. */
export class FileResults {
  passed = 0;
  readonly failures: Failure[] = [];
  readonly skips: string[] = [];
  /** The names of the tests that are open, outermost first. */
  readonly #open: string[] = [];
  /** At which depths tests have been seen inside the open one. */
  readonly #inside = new Set<number>();
  #heard = 0;
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  started({ nesting, name }: EventData.TestStart): void {
    this.#open[nesting] = name;
  }

  ended(test: EventData.TestPass | EventData.TestFail, error?: Error): void {
    const frame = this.#isFrame(test.nesting) || test.details.type === 'suite';
    this.#open.length = test.nesting;
    const title = [relative(process.cwd(), this.#file), ...this.#open, test.name].join(' › ');
    // Node stands in for a file that gave nothing with a test of the file's name.
    const isFile = test.nesting === 0 && resolve(test.name) === this.#file;
    if (!isFile) this.#heard++;
    if (test.skip !== undefined && test.skip !== false) {
      this.skips.push(`${title}: ${test.skip === true ? 'no reason given' : test.skip}`);
    } else if (error !== undefined) {
      if (frame && (error as { failureType?: string }).failureType === 'subtestsFailed') return;
      if (isFile) this.#heard = 1;
      this.#fail(title, error.cause ?? error);
    } else if (!frame && !isFile) this.passed++;
  }

  finish(): void {
    if (this.#heard === 0) this.#fail(relative(process.cwd(), this.#file), 'it reported no test: it is empty, or its process ended early');
  }

  #fail(title: string, reason: unknown): void {
    this.failures.push({ title, reason: reason instanceof Error ? (reason.stack ?? reason.message) : String(reason) });
  }

  /** Whether tests were inside the one that ends now: then they are counted, and it is only their frame. */
  #isFrame(nesting: number): boolean {
    const framed = this.#inside.delete(nesting + 1);
    this.#inside.add(nesting);
    return framed;
  }
}

/** Runs a test file in a process of its own. */
export async function runFile(path: string): Promise<FileResults> {
  const results = new FileResults(path);
  const sayFailures = (change: () => void): void => {
    const before = results.failures.length;
    change();
    for (const { title, reason } of results.failures.slice(before)) console.log(`FAILED ${title}\n${reason}\n`);
  };
  const stream = run({ files: [path], concurrency: 1 });
  stream.on('test:start', (test) => {
    results.started(test);
  });
  stream.on('test:pass', (test) => {
    results.ended(test);
  });
  stream.on('test:fail', (test) => {
    sayFailures(() => {
      results.ended(test, test.details.error);
    });
  });
  stream.on('test:stderr', ({ message }) => {
    process.stderr.write(message);
  });
  await new Promise((done) => stream.on('end', done).resume());
  sayFailures(() => {
    results.finish();
  });
  return results;
}
