/**
 * How many operations a simulated machine does in a minute, each followed by a snapshot as a debugger takes one: a fixed mix
 * of mapping, touching and unmapping, on the kernel's side and on a process's.
 */
import { memoryUsage } from 'node:process';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import type { Snapshot } from '../../debug-adapter/simulator/machine.ts';
import type { Arguments } from '../../debug-adapter/simulator/operation.ts';

export interface OperationRate {
  /** The mix, in words. */
  readonly mix: string;
  readonly operations: number;
  readonly seconds: number;
  readonly perMinute: number;
  /** Bytes of memory that the process took for the snapshots, for each. */
  readonly historyBytes: number;
}

const page = 4096n;
const mix = [
  'vm_map_ram and vm_unmap_ram of 1 to 8 pages (4 of 16)',
  'vmalloc and vfree of 1 to 4 pages (2 of 16)',
  'mmap and munmap of 4 pages (2 of 16)',
  'fault of a page, every other one a write (6 of 16)',
  'madvise MADV_DONTNEED of 4 pages (1 of 16)',
  'mprotect of 4 pages (1 of 16)',
].join(', ');

/** Runs the mix for about that many operations, with a snapshot after each. */
export function measureOperations(count = 100_000): OperationRate {
  const machine = Machine.create({ ram: 128 * 2 ** 20 });
  const run = (name: string, given: Arguments): bigint => machine.run(name, given) as bigint;
  const pfn = run('alloc_pages', { count: 64n });
  const process = run('create_process', { name: 'bench' });
  const kept = run('mmap', { process, size: 64n * page });
  const history: Snapshot[] = [machine.snapshot()];
  let operations = 0;
  const done = <Value>(value: Value): Value => {
    operations++;
    history.push(machine.snapshot());
    return value;
  };
  const before = inUse();
  const start = performance.now();
  for (let round = 0n; operations < count; round++) {
    const pages = (round % 8n) + 1n;
    const blocks = [0n, 1n].map(() => done(run('vm_map_ram', { count: pages, pfn })));
    const area = done(run('vmalloc', { size: ((round % 4n) + 1n) * page }));
    const mapping = done(run('mmap', { process, size: 4n * page }));
    for (let index = 0n; index < 4n; index++) done(run('fault', { process, address: mapping + index * page, write: index % 2n === 0n }));
    const at = kept + (round % 16n) * 4n * page;
    for (let index = 0n; index < 2n; index++) done(run('fault', { process, address: at + index * page, write: true }));
    done(run('mprotect', { process, address: mapping, size: 4n * page, prot: 'PROT_READ' }));
    done(run('madvise', { process, address: at, size: 4n * page, advice: 'MADV_DONTNEED' }));
    done(run('munmap', { process, address: mapping, size: 4n * page }));
    done(run('vfree', { address: area }));
    for (const address of blocks) done(run('vm_unmap_ram', { address, count: pages }));
  }
  const seconds = (performance.now() - start) / 1000;
  return { mix, operations, seconds, perMinute: (operations / seconds) * 60, historyBytes: (inUse() - before) / operations };
}

function inUse(): number {
  const { heapUsed, arrayBuffers } = memoryUsage();
  return heapUsed + arrayBuffers;
}
