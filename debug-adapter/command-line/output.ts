/** Where a verb writes: standard output and standard error, with a closed pipe ending quietly. */
export interface Output {
  text(text: string): void;
  bytes(bytes: Uint8Array): void;
  /** One line to standard error. */
  complain(line: string): void;
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
  };
}

/** One JSON document. */
export function json(document: unknown): string {
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
