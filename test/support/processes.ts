/** The real dumps with what their processes read of themselves in /proc. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { dumpFolder, expandedDump } from './dumps.ts';

/** Machines whose processes printed maps-PID.txt and pagemap-PID.txt. */
export const smallMachines = [
  'x86-64',
  'x86-64-efi',
  'x86-64-kasan',
  'i386-pae-pti',
  'arm64-4k',
  'arm64-64k',
  'riscv64-sv48',
  's390x',
  'ppc64le',
] as const;

export const debian = 'x86-64-debian-6.12';

/** One call of truth/guest/scan.jsonl: the arguments of the PAGEMAP_SCAN ioctl, and what the kernel answered. */
export interface RecordedScan {
  readonly scan: string;
  readonly tag: string;
  readonly size: number;
  readonly flags: number;
  readonly start: string;
  readonly end: string;
  readonly vec: boolean;
  readonly vec_len: number;
  readonly max_pages: number;
  readonly category_inverted: number;
  readonly category_mask: number;
  readonly category_anyof_mask: number;
  readonly return_mask: number;
  readonly rc: number;
  readonly errno: number;
  readonly walk_end: string | null;
  readonly regions: readonly (readonly [string, string, number])[];
}

export function openMachine(name: string): Session {
  return openSession(nodeHost(), { paths: [expandedDump(name, name === debian ? 'dump.elf' : 'vmcore.elf')] });
}

/** PIDs with a truth file `PREFIX-PID.txt`, ascending. */
export function pidsWith(name: string, prefix: 'maps' | 'pagemap'): number[] {
  return readdirSync(join(dumpFolder(name) ?? '', 'truth'))
    .map((file) => new RegExp(`^${prefix}-(\\d+)\\.txt$`).exec(file)?.[1])
    .filter((pid) => pid !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

export function truthText(name: string, file: string): string {
  return readFileSync(join(dumpFolder(name) ?? '', 'truth', file), 'utf8');
}
