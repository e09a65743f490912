/**
 * Threads as the engine sees them: the platform starts one (base/host.ts), and messages of plain data (bytes may be shared)
 * go both ways. The thread runs the same program, which serves messages instead of reading a command line.
 */

/** The end that started the thread. */
export interface WorkerThread {
  post(message: unknown): void;
  /** To be called once, before the first `post`. `ended` gets the reason in words, also when `stop` ended it. */
  listen(heard: (message: unknown) => void, ended: (why: string) => void): void;
  stop(): void;
}

/** The thread's own end. */
export interface WorkerPort {
  post(message: unknown): void;
  listen(heard: (message: unknown) => void): void;
}
