import { forTerminal } from '../base/text.ts';

/** Where a verb writes: standard output and standard error, with a closed pipe ending quietly. */
export interface Output {
  /** Writes to standard output; to a terminal without what it would obey. */
  text(text: string): void;
  /** Writes bytes to standard output, as they are. */
  bytes(bytes: Uint8Array): void;
  /** One line to standard error. */
  complain(line: string): void;
  /**
   * Replaces the progress line on a terminal's standard error; without `line` it is taken away. Absent where there is no
   * terminal, and nobody asked for lines.
   */
  readonly progress?: ((line?: string) => void) | undefined;
}

/** Milliseconds between two lines of progress. */
const pause = 100;

/** `progressLines`: progress is told as lines `progress: STEP: …` on standard error, to the program that started this one. */
export function processOutput({ progressLines = false }: { readonly progressLines?: boolean } = {}): Output {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return {
    text: (text) => {
      process.stdout.write(process.stdout.isTTY ? forTerminal(text) : text);
    },
    bytes: (bytes) => {
      process.stdout.write(bytes);
    },
    complain: (line) => {
      process.stderr.write(`${process.stderr.isTTY ? forTerminal(line) : line}\n`);
    },
    progress: progressLines ? lineByLine() : process.stderr.isTTY ? inPlace : undefined,
  };
}

function inPlace(line = ''): void {
  // Column 1, the line, and the rest of the row cleared. A terminal that knows no width says 0.
  process.stderr.write(`\r${forTerminal(line).slice(0, (process.stderr.columns || 80) - 1)}\u001B[K`);
}

function lineByLine(): (line?: string) => void {
  let told = 0;
  return (line) => {
    if (line === undefined || Date.now() - told < pause) return;
    told = Date.now();
    process.stderr.write(`progress: ${line}\n`);
  };
}

/** One JSON document. */
export function json(document: unknown): string {
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
