/**
 * Threads as the engine sees them: the platform starts one (base/host.ts), and messages of plain data (bytes may be shared)
 * go both ways. The thread runs the same program, which serves messages instead of reading a command line.
 */

/** The end that started the thread. */
export interface WorkerThread {
  /**
   * Sends plain data to the thread; bytes in shared buffers are not copied. What the thread has not taken when it is stopped is
   * lost.
   */
  post(message: unknown): void;
  /** To be called once, before the first `post`. `ended` gets the reason in words, also when `stop` ended it. */
  listen(heard: (message: unknown) => void, ended: (why: string) => void): void;
  /** Ends the thread at once, whatever it does; `ended` of `listen` is told. */
  stop(): void;
}

/** The thread's own end. */
export interface WorkerPort {
  /** Sends plain data to whoever started this thread; bytes in shared buffers are not copied. */
  post(message: unknown): void;
  /** To be called once: `heard` gets every message in the order of sending, those from before the call too. */
  listen(heard: (message: unknown) => void): void;
}
