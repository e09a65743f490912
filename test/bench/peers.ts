/**
 * The tools that Pagewalk is measured beside, where they are installed: crash, drgn, makedumpfile. crash and drgn need the
 * kernel's vmlinux, named in PAGEWALK_VMLINUX; PAGEWALK_PEERS is put before each of their commands (a chroot of another
 * release, say, that has the same paths).
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const prefix = (process.env['PAGEWALK_PEERS'] ?? '').split(' ').filter((word) => word !== '');

export interface Peer {
  readonly name: 'crash' | 'drgn' | 'makedumpfile';
  readonly version: string;
  /** The words that start it. */
  readonly start: readonly string[];
}

export interface Peers {
  readonly crash: Peer | undefined;
  readonly drgn: Peer | undefined;
  readonly makedumpfile: Peer | undefined;
  readonly vmlinux: string | undefined;
}

function found(command: readonly string[]): string | undefined {
  const [program, ...parameters] = [...prefix, ...command];
  if (program === undefined) return undefined;
  const { status, stdout, stderr } = spawnSync(program, parameters, { encoding: 'utf8' });
  return status === 0 ? `${stdout}${stderr}` : undefined;
}

/** What is there; what is not is told with what to do. */
export function findPeers(tell: (line: string) => void): Peers {
  const named = process.env['PAGEWALK_VMLINUX'];
  const vmlinux = named !== undefined && existsSync(named) ? named : undefined;
  if (vmlinux === undefined) tell('SKIPPED crash and drgn: they need the vmlinux of the dump; name it in PAGEWALK_VMLINUX');
  const crash = vmlinux === undefined ? undefined : found(['crash', '--version']);
  if (vmlinux !== undefined && crash === undefined) tell('SKIPPED crash: not installed (Debian package crash)');
  const python =
    vmlinux === undefined ? undefined : ['/usr/bin/python3', 'python3'].find((each) => found([each, '-c', 'import drgn']) !== undefined);
  if (vmlinux !== undefined && python === undefined) tell('SKIPPED drgn: not installed (Debian package python3-drgn)');
  const makedumpfile = found(['makedumpfile', '-v']);
  if (makedumpfile === undefined) tell('SKIPPED makedumpfile: not installed (Debian package makedumpfile)');
  const version = (text: string | undefined): string => /\d+(?:\.\d+)+/.exec(text ?? '')?.[0] ?? 'of unknown version';
  return {
    vmlinux,
    crash: crash === undefined ? undefined : { name: 'crash', version: version(crash), start: [...prefix, 'crash', '-s'] },
    drgn:
      python === undefined
        ? undefined
        : {
            name: 'drgn',
            version: version(found([python, '-c', 'import drgn; print(drgn.__version__)'])),
            start: [...prefix, python, '-'],
          },
    makedumpfile:
      makedumpfile === undefined ? undefined : { name: 'makedumpfile', version: version(makedumpfile), start: [...prefix, 'makedumpfile'] },
  };
}

export const drgnScript = join(import.meta.dirname, 'drgn_tasks.py');
