/**
 * How many operations a simulated machine does in a minute, each followed by a snapshot as a debugger takes one: a fixed mix
 * of mapping, touching and unmapping, on the kernel's side and on a process's.
 */
import { memoryUsage } from 'node:process';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import type { Snapshot } from '../../debug-adapter/simulator/machine.ts';
import type { Arguments, OperationValue } from '../../debug-adapter/simulator/operation.ts';
import { processorSeconds } from './processor-time.ts';

export interface OperationRate {
  /** The mix, in words. */
  readonly mix: string;
  readonly operations: number;
  /** Of the processor. */
  readonly seconds: number;
  readonly perMinute: number;
}

/** What it costs to be able to go back to each of many steps. */
export interface HistoryCost {
  readonly steps: number;
  /** Bytes of memory that the process took meanwhile, garbage and all. */
  readonly bytes: number;
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

/** Makes the calls of the mix, again and again, until `isEnough`. */
function perform(call: (name: string, given: Arguments) => OperationValue, isEnough: () => boolean): void {
  const run = (name: string, given: Arguments): bigint => call(name, given) as bigint;
  const pfn = run('alloc_pages', { count: 64n });
  const process = run('create_process', { name: 'bench' });
  const kept = run('mmap', { process, size: 64n * page });
  for (let round = 0n; !isEnough(); round++) {
    const pages = (round % 8n) + 1n;
    const blocks = [0n, 1n].map(() => run('vm_map_ram', { count: pages, pfn }));
    const area = run('vmalloc', { size: ((round % 4n) + 1n) * page });
    const mapping = run('mmap', { process, size: 4n * page });
    for (let index = 0n; index < 4n; index++) run('fault', { process, address: mapping + index * page, write: index % 2n === 0n });
    const at = kept + (round % 16n) * 4n * page;
    for (let index = 0n; index < 2n; index++) run('fault', { process, address: at + index * page, write: true });
    run('mprotect', { process, address: mapping, size: 4n * page, prot: 'PROT_READ' });
    run('madvise', { process, address: at, size: 4n * page, advice: 'MADV_DONTNEED' });
    run('munmap', { process, address: mapping, size: 4n * page });
    run('vfree', { address: area });
    for (const address of blocks) run('vm_unmap_ram', { address, count: pages });
  }
}

/** Runs the mix for about that many operations, with a snapshot after each. */
export function measureOperations(count = 200_000): OperationRate {
  const machine = Machine.create({ ram: 128 * 2 ** 20 });
  const history: Snapshot[] = [];
  const start = processorSeconds();
  perform(
    (name, given) => {
      const value = machine.run(name, given);
      history.push(machine.snapshot());
      return value;
    },
    () => history.length >= count,
  );
  const seconds = processorSeconds() - start;
  return { mix, operations: history.length, seconds, perMinute: (history.length / seconds) * 60 };
}

/** Runs the mix with a snapshot after each step, as a debugger that can step back takes one. */
export function measureHistory(steps = 100_000): HistoryCost {
  const machine = Machine.create({ ram: 128 * 2 ** 20 });
  const history: Snapshot[] = [machine.snapshot()];
  const inUse = (): number => memoryUsage().heapUsed + memoryUsage().arrayBuffers;
  const before = inUse();
  perform(
    (name, given) => {
      const run = machine.operations.get(name)?.run(machine, given);
      for (;;) {
        const next = run?.next();
        history.push(machine.snapshot());
        if (next?.done !== false) return next?.value as OperationValue;
      }
    },
    () => history.length >= steps,
  );
  return { steps: history.length, bytes: inUse() - before };
}
