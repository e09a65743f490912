/**
 * Finds the shared real dumps (../shared beside the repository, or $PAGEWALK_SHARED) and expands those asked for. Tests
 * that need one and do not find it are skipped aloud.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { parseAddress } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';

const root = resolve(import.meta.dirname, '../..');
const shared = process.env['PAGEWALK_SHARED'] ?? resolve(root, '../shared');
const expanded = process.env['PAGEWALK_DUMPS'] ?? join(tmpdir(), 'pagewalk-dumps');

const hasZstd = spawnSync('zstd', ['--version']).status === 0;

/** Milliseconds after which a lock is nobody's: expanding a folder takes a few seconds. */
const staleLock = 60_000;

/** The bundled example: a small vmcore that is always there. */
export const bundled = {
  image: join(root, 'examples/first-vmcore/mini-sym.kdump'),
  truth: (name: string): string => join(root, 'test/fixtures/first-vmcore', name),
};

/** Path of a folder of shared/dumps, or undefined where there is none, or no zstd, with which most of what it holds is packed. */
export function dumpFolder(name: string): string | undefined {
  const folder = join(shared, 'dumps', name);
  return hasZstd && existsSync(folder) ? folder : undefined;
}

/** Why a test that needs the folder `name` is skipped; undefined when it need not be. */
export function absent(name: string): string | undefined {
  if (dumpFolder(name) !== undefined) return undefined;
  return hasZstd ? `needs ${join('../shared/dumps', name)}, which is not here` : 'needs zstd, which is not installed';
}

/** Path of an expanded dump file of a shared folder. The folder must exist. */
export function expandedDump(name: string, file: string): string {
  const path = join(expanded, name, file);
  mkdirSync(expanded, { recursive: true });
  // Several test files may ask at once: one expands, the others wait. A lock that a killed run left behind is taken over.
  const lock = join(expanded, `${name}.lock`);
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch {
      const made = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
      if (made !== undefined && Date.now() - made > staleLock) rmSync(lock, { recursive: true, force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
  try {
    // Unpacked by an earlier test: under the lock it is whole.
    if (existsSync(path) && existsSync(join(expanded, name, '.whole'))) return path;
    execFileSync(join(shared, 'dumps/expand.sh'), [name], { env: { ...process.env, PAGEWALK_DUMPS: expanded } });
    writeFileSync(join(expanded, name, '.whole'), '');
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
  return path;
}

/** Text of a truth file of a shared folder. */
export function truthText(name: string, file: string): string {
  return readFileSync(join(shared, 'dumps', name, 'truth', file), 'utf8');
}

/** An address of a truth file. */
export function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

/** Lines of a JSON-lines truth file, zstd-compressed or not. */
export function jsonLines<Line>(path: string): Line[] {
  const text = path.endsWith('.zst') ? execFileSync('zstd', ['-dc', path], { maxBuffer: 1 << 28 }).toString() : readFileSync(path, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}
