/** Files that a scenario holds open, and those that only a mapping knows. */
import { toAddress } from '../base/address.ts';
import type { Core } from './core.ts';
import { Fault } from './fault.ts';
import { createFile } from './file.ts';
import type { MmapRequest } from './user-mapping.ts';

/** The struct file at an address that create_file() gave. Throws `Fault`. */
export function openFile(core: Core, address: bigint): number {
  const { memory, caches, types } = core;
  const at = memory.physical(toAddress(address));
  if (at === undefined || !caches.filp.holds(at) || memory.word(at + types.offset('file', 'f_count.counter')) === 0) {
    throw new Fault('errno', `there is no open file at 0x${address.toString(16)}`, { errno: 'EBADF', address: toAddress(address) });
  }
  return at;
}

/** What shared anonymous memory, or huge pages, are of: a file that nobody else can open. */
export function newSharedMemory(core: Core, { pages, kind }: MmapRequest): number {
  return kind === 'hugetlb'
    ? createFile(core, { name: 'anon_hugepage', pages, kind: 'hugetlb' })
    : createFile(core, { name: 'dev/zero', pages, kind: 'shmem' });
}
