/**
 * What the engine needs of the machine it runs on. The engine itself knows neither Node nor a browser; the entry points
 * hand these in (see debug-adapter/platform).
 */

import type { CancellationToken } from './cancellation.ts';
import type { OpenDecoder } from './machine-code.ts';
import type { WorkerThread } from './worker.ts';

/** What became of a file since it was opened. */
export type FileChange =
  /** It was written to, cut or extended, `how` in words: what is read of it may be of another moment than what was read before. */
  | { readonly kind: 'altered'; readonly how: string }
  /** Nothing has its name any more, or another file has. The opened one is as it was, and can be read on. */
  | { readonly kind: 'removed' | 'replaced' };

/** Random access to the bytes of one file. Owned by whoever opened it; `close` ends its use. */
export interface ByteSource {
  /** What to call the file in messages. */
  readonly name: string;
  /** Bytes in the file; a safe integer. /proc files report what their format says. */
  readonly size: number;
  /** The end of what was written is missing, and parts that were to be filled in later may be zeros. */
  readonly incomplete?: boolean | undefined;
  /**
   * Up to `length` bytes from `offset`: fewer at the end of the file, none past it. The caller owns the result.
   * Throws `UserError('not-readable')` on an I/O error.
   */
  read(offset: number, length: number): Uint8Array;
  /**
   * Where the file can do so without a copy: fills `bytes` from `offset` on, and gives how many of them the file had.
   * Throws as `read` does; what `bytes` then holds means nothing.
   */
  readInto?(offset: number, bytes: Uint8Array): number;
  /**
   * What became of the file since it was opened; undefined while it is as it was, and once it is closed. Absent where the
   * bytes are nobody else's to change, or where they are meant to (the memory of a running machine).
   */
  change?(): FileChange | undefined;
  /** Gives the file back: to be called once, and nothing may be read after it. */
  close(): void;
}

/** What a scenario leaves: its machine, as a vmcore, or why it has none. Nothing is thrown: the language may have error classes of its own. */
export type ScenarioOutcome =
  | { readonly kind: 'machine'; readonly vmcore: ByteSource }
  /** `message` has the place: `file:line:column: …`. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'cancelled' };

/**
 * Decompressors that the platform has natively. Each throws on corrupt input and never gives more than `size` bytes. The result
 * may lie in `room`, where that is given: `size + 1` bytes or more.
 */
export interface PlatformCodecs {
  /** zlib stream (RFC 1950). */
  inflate(input: Uint8Array, size: number, room?: Uint8Array): Uint8Array;
  /** One zstd frame (RFC 8878), or absent where the platform has none. */
  readonly zstd?: ((input: Uint8Array, size: number, room?: Uint8Array) => Uint8Array) | undefined;
}

/** Threads that unpack pages of dumps (codec/unpack-thread.ts). */
export interface UnpackThreadHost {
  /** How many may run beside the one that reads; 1 or more. */
  readonly most: number;
  /** Starts one. It does not keep the program running. */
  start(): WorkerThread;
}

/** What the engine needs of the platform; debug-adapter/platform provides it for Node, tests provide it in memory. */
export interface Host {
  /** Opens a file; throws `UserError` (`not-found`, `is-directory`, `not-readable`, `empty-file`). */
  openFile(path: string): ByteSource;
  /** Names of the files beside `path`, for offering the other members of a split set. */
  siblings(path: string): readonly string[];
  readonly codecs: PlatformCodecs;
  /** Where `text` begins in `bytes`, from byte `from` on; -1 where it does not. Absent where nothing is faster than a loop. */
  readonly findBytes?: ((bytes: Uint8Array, text: Uint8Array, from: number) => number) | undefined;
  /** Loads the library that decodes instructions; absent where there is none. Rejects with `UserError`. */
  readonly loadDecoders?: (() => Promise<OpenDecoder>) | undefined;
  /** Runs the text of a scenario to its end; absent where there is no language of scenarios, which is loaded when it is first needed. */
  readonly runScenario?:
    ((scenario: { readonly name: string; readonly text: string }, token: CancellationToken) => Promise<ScenarioOutcome>) | undefined;
  /** Starts a thread that serves jobs (session/job-worker.ts); absent where there are no threads. */
  readonly startWorker?: (() => WorkerThread) | undefined;
  /** Absent where there are no threads, or no second processor. */
  readonly unpackThreads?: UnpackThreadHost | undefined;
}
