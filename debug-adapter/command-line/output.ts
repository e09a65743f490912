/** Where a verb writes: standard output and standard error, with a closed pipe ending quietly. */
export interface Output {
  text(text: string): void;
  bytes(bytes: Uint8Array): void;
  /** One line to standard error. */
  complain(line: string): void;
  /** Replaces the progress line on a terminal's standard error; without `line` it is taken away. Absent where there is no terminal. */
  readonly progress?: ((line?: string) => void) | undefined;
}

export function processOutput(): Output {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return {
    text: (text) => {
      process.stdout.write(text);
    },
    bytes: (bytes) => {
      process.stdout.write(bytes);
    },
    complain: (line) => {
      process.stderr.write(`${line}\n`);
    },
    progress: process.stderr.isTTY
      ? (line = '') => {
          // Column 1, the line, and the rest of the row cleared. A terminal that knows no width says 0.
          process.stderr.write(`\r${line.slice(0, (process.stderr.columns || 80) - 1)}\u001B[K`);
        }
      : undefined,
  };
}

/** One JSON document. */
export function json(document: unknown): string {
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
