/** Writes files that users ask for. */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { errors } from '../base/errors.ts';

/** Writes a file beside the place that it is for, and then puts it there: it is whole or it is not there. Throws `UserError`. */
export function saveFile(path: string, pieces: Iterable<Uint8Array>): void {
  const written = `${path}.${process.pid}.part`;
  try {
    const file = openSync(written, 'w');
    try {
      for (const piece of pieces) for (let done = 0; done < piece.length;) done += writeSync(file, piece, done);
    } finally {
      closeSync(file);
    }
    renameSync(written, path);
  } catch (error) {
    rmSync(written, { force: true });
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw errors.notWritable(path, error.message);
  }
}
