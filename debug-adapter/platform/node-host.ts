/** What the engine needs of Node: files, decompression and threads. */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { errors, UserError } from '../base/errors.ts';
import type { ByteSource, FileChange, Host } from '../base/host.ts';
import { loadDecoders } from './capstone.ts';
import { changeSince, isLive } from './file-change.ts';
import { startWorker, unpackThreads } from './node-worker.ts';
import { platformCodecs } from './platform-codecs.ts';

/** `program`: the entry that serves jobs when it runs in a thread, with `unpack-thread.js` beside it; without it there are no threads. */
export function nodeHost(program?: URL): Host {
  return {
    openFile,
    siblings,
    codecs: platformCodecs(),
    findBytes: (bytes, text, from) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(text, from),
    loadDecoders,
    startWorker: program === undefined ? undefined : () => startWorker(program),
    unpackThreads: program === undefined ? undefined : unpackThreads(program),
  };
}

function openFile(path: string): ByteSource {
  let descriptor: number;
  try {
    // Opening a pipe would wait for who writes it.
    if (statSync(path).isFIFO()) throw errors.isPipe(path);
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw openError(path, error);
  }
  const status = fstatSync(descriptor);
  if (status.isDirectory()) {
    closeSync(descriptor);
    throw errors.isDirectory(path);
  }
  if (status.isFile() && status.size === 0 && !path.startsWith('/proc/')) {
    closeSync(descriptor);
    throw errors.emptyFile(path);
  }
  // Files of /proc may tell no size and hold much (kcore in a container): reads end where they end.
  const size = status.isFile() && status.size === 0 ? Number.MAX_SAFE_INTEGER : Math.min(status.size, Number.MAX_SAFE_INTEGER);
  return new FileSource(path, descriptor, { size, opened: status });
}

function openError(path: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return errors.notFound(path);
  if (code === 'EACCES' || code === 'EPERM') return errors.notReadable(path, 'permission denied');
  return errors.notReadable(path, code);
}

class FileSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #descriptor: number;
  /** The file as it was opened; undefined where nothing that becomes of it matters (any more). */
  #opened: Stats | undefined;

  constructor(name: string, descriptor: number, { size, opened }: { readonly size: number; readonly opened: Stats }) {
    this.name = name;
    this.#descriptor = descriptor;
    this.size = size;
    this.#opened = isLive(name, opened) ? undefined : opened;
  }

  read(offset: number, length: number): Uint8Array {
    const available = Math.max(0, Math.min(length, this.size - offset));
    // Not cleared: every byte that is given is read. Not from the pool: the chunks are kept, and would keep all of it.
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(available).buffer);
    const done = this.readInto(offset, bytes);
    return done === available ? bytes : bytes.subarray(0, done);
  }

  readInto(offset: number, bytes: Uint8Array): number {
    let done = 0;
    try {
      while (done < bytes.length) {
        const got = readSync(this.#descriptor, bytes, done, bytes.length - done, offset + done);
        if (got === 0) break;
        done += got;
      }
    } catch (error) {
      throw openError(this.name, error);
    }
    return done;
  }

  change(): FileChange | undefined {
    return this.#opened === undefined ? undefined : changeSince(this.#opened, { name: this.name, descriptor: this.#descriptor });
  }

  close(): void {
    this.#opened = undefined;
    closeSync(this.#descriptor);
  }
}

function siblings(path: string): string[] {
  const folder = dirname(path);
  try {
    // Opening a pipe would wait for who writes it.
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => join(folder, name));
  } catch {
    // A folder that cannot be listed has no siblings to offer; the file itself was opened by name.
    return [];
  }
}
