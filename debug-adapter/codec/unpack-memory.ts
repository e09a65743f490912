/**
 * Memory that threads share to unpack pages together. One posts jobs of a few pages; whoever is free, the posting one too, takes
 * the next. Nobody waits for who did not take a job, so that a thread that starts slowly or ended delays nothing.
 */
import type { CodecName } from './codec.ts';
import type { PackedPage, Unpacker } from './unpacker.ts';

/** Jobs that may be posted at once (a power of two), and bytes of pages in one: some 100 µs of work. */
const jobs = 64;
const jobBytes = 32 * 1024;
const codecs: readonly CodecName[] = ['zlib', 'lzo', 'snappy', 'zstd'];

/** The words at the start: numbers of jobs posted and taken, which count on; then of each job whether it is done, and its pages. */
const postedWord = 0;
const takenWord = 1;
const doneWords = 2;
const countWords = doneWords + jobs;
const pageWords = countWords + jobs;
/** Words of each page: its codec, the length of its data, and whether it was unpacked. */
const wordsPerPage = 3;

/** What a thread is sent when it starts. */
export interface UnpackTask {
  readonly memory: SharedArrayBuffer;
  /** Bytes of a page; a divisor or a multiple of 4096. */
  readonly pageSize: number;
}

/** One thread's view of the memory. Numbers of jobs are those of their places, below `capacity`. */
export class UnpackMemory {
  /** Pages in one job, and jobs in the memory. */
  readonly pagesPerJob: number;
  readonly capacity = jobs;
  readonly #pageSize: number;
  readonly #words: Int32Array;
  readonly #packed: Uint8Array;
  readonly #unpacked: Uint8Array;

  constructor({ memory, pageSize }: UnpackTask) {
    this.#pageSize = pageSize;
    this.pagesPerJob = pagesPerJob(pageSize);
    const pages = jobs * this.pagesPerJob;
    const words = pageWords + pages * wordsPerPage;
    this.#words = new Int32Array(memory, 0, words);
    this.#packed = new Uint8Array(memory, words * 4, pages * pageSize);
    this.#unpacked = new Uint8Array(memory, words * 4 + pages * pageSize, pages * pageSize);
  }

  /** Memory for pages of `pageSize` bytes: 4 MiB and a little, more for pages larger than a job. */
  static make(pageSize: number): UnpackTask {
    const pages = jobs * pagesPerJob(pageSize);
    return { memory: new SharedArrayBuffer((pageWords + pages * wordsPerPage) * 4 + 2 * pages * pageSize), pageSize };
  }

  /** Posts pages, `pagesPerJob` at most; at most `capacity` jobs may be posted of which `isDone` was not seen. Gives the job. */
  post(pages: readonly PackedPage[]): number {
    const words = this.#words;
    const posted = Atomics.load(words, postedWord);
    const job = posted & (jobs - 1);
    const first = job * this.pagesPerJob;
    pages.forEach(({ codec, data }, index) => {
      const at = pageWords + (first + index) * wordsPerPage;
      words[at] = codecs.indexOf(codec);
      words[at + 1] = data.length;
      this.#packed.set(data, (first + index) * this.#pageSize);
    });
    words[countWords + job] = pages.length;
    Atomics.store(words, doneWords + job, 0);
    Atomics.store(words, postedWord, (posted + 1) | 0);
    Atomics.notify(words, postedWord);
    return job;
  }

  /** Unpacks jobs that nobody took until there are none. */
  work(unpacker: Unpacker): void {
    for (let job = this.#take(); job !== undefined; job = this.#take()) this.#unpack(job, unpacker);
  }

  /** Sleeps until a job is there that nobody took. */
  waitForJobs(): void {
    const words = this.#words;
    const taken = Atomics.load(words, takenWord);
    if (taken === Atomics.load(words, postedWord)) Atomics.wait(words, postedWord, taken);
  }

  /** Whether the job is done, if need be after `milliseconds`. */
  isDone(job: number, milliseconds: number): boolean {
    const words = this.#words;
    if (Atomics.load(words, doneWords + job) === 0) Atomics.wait(words, doneWords + job, 0, milliseconds);
    return Atomics.load(words, doneWords + job) === 1;
  }

  /** A page of a job that is done, borrowed until the job's place is posted to again; undefined where its data is no page's. */
  page(job: number, index: number): Uint8Array | undefined {
    const page = job * this.pagesPerJob + index;
    return this.#words[pageWords + page * wordsPerPage + 2] === 1 ? this.#pageOf(this.#unpacked, page) : undefined;
  }

  #take(): number | undefined {
    const words = this.#words;
    for (;;) {
      const taken = Atomics.load(words, takenWord);
      if (taken === Atomics.load(words, postedWord)) return undefined;
      if (Atomics.compareExchange(words, takenWord, taken, (taken + 1) | 0) === taken) return taken & (jobs - 1);
    }
  }

  #unpack(job: number, unpacker: Unpacker): void {
    const words = this.#words;
    const first = job * this.pagesPerJob;
    const end = first + (words[countWords + job] ?? 0);
    for (let page = first; page < end; page++) {
      const at = pageWords + page * wordsPerPage;
      const data = this.#pageOf(this.#packed, page).subarray(0, words[at + 1]);
      const bytes = unpacker.whole({ codec: codecs[words[at] ?? 0] ?? 'zlib', data });
      if (bytes !== undefined) this.#pageOf(this.#unpacked, page).set(bytes);
      words[at + 2] = bytes === undefined ? 0 : 1;
    }
    Atomics.store(words, doneWords + job, 1);
    Atomics.notify(words, doneWords + job);
  }

  #pageOf(bytes: Uint8Array, page: number): Uint8Array {
    return bytes.subarray(page * this.#pageSize, (page + 1) * this.#pageSize);
  }
}

function pagesPerJob(pageSize: number): number {
  return Math.max(1, Math.floor(jobBytes / pageSize));
}
