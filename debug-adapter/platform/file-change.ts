/**
 * What became of an open file. Who writes to it changes its size or the time of its last modification, as finely as the file
 * system's clock goes (some milliseconds). That is asked where answers are given (session/open-files.ts): asked before each
 * read, it would cost half as much as the read.
 */
import { fstatSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import type { FileChange } from '../base/host.ts';

/** Whether the file is meant to change: a device, or the kernel's own files of the running machine. */
export function isLive(path: string, opened: Stats): boolean {
  return !opened.isFile() || /^\/(?:proc|sys)\//.test(path);
}

/** `opened`: the file's status when it was opened. */
export function changeSince(opened: Stats, file: { readonly name: string; readonly descriptor: number }): FileChange | undefined {
  const how = alteration(opened, file.descriptor);
  if (how !== undefined) return { kind: 'altered', how };
  try {
    const named = statSync(file.name, { throwIfNoEntry: false });
    if (named === undefined) return { kind: 'removed' };
    return named.ino === opened.ino && named.dev === opened.dev ? undefined : { kind: 'replaced' };
  } catch {
    // Its folder cannot be looked into any more; the file itself is open.
    return undefined;
  }
}

function alteration({ size, mtimeMs }: Stats, descriptor: number): string | undefined {
  let now: Stats;
  try {
    now = fstatSync(descriptor);
  } catch (error) {
    // A network file system lost it.
    return `it cannot be asked about: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (now.size < size) return `it had ${size} bytes and was cut to ${now.size}`;
  if (now.size > size) return `it had ${size} bytes and grew to ${now.size}`;
  return now.mtimeMs === mtimeMs ? undefined : `it was written to at ${now.mtime.toISOString()}`;
}
