/** Where CPUs have their variables: kernels of several processors that do not name __per_cpu_offset are not read as uniprocessors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { perCpuAddress } from '../../debug-adapter/kernel/per-cpu.ts';
import { mmUsage } from '../../debug-adapter/kernel/processes/mm-usage.ts';
import { cpuSlabs } from '../../debug-adapter/kernel/slab/slab-cpu.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';

const base = 0xffff_8000_0000_0000n;
const offsets = toAddress(base + 0x1000n);
const variable = toAddress(base + 0x2000n);
const mm = toAddress(base + 0x3000n);
const cache = toAddress(base + 0x4000n);
/** What lies at the variable's own place, and what at CPU 0's. */
const [elsewhere, own] = [toAddress(base + 0x5000n), toAddress(base + 0x6000n)];

type Named = readonly [name: string, address: bigint];
const smp: Named = ['smp_call_function_many', base];

function plain(symbols: readonly Named[]): PlainKernel {
  const kernel = new PlainKernel({ architecture: 'arm64', base }).room(base, 0x10_0000);
  kernel.struct('percpu_counter', 24, { count: [0, 8], counters: [16, 8] });
  kernel.struct('kmem_cache', 64, { cpu_slab: [0, 8] });
  kernel.struct('kmem_cache_cpu', 32, { freelist: [0, 8], slab: [16, 8] });
  kernel.write(offsets, 0x8000n).write(cache, variable);
  kernel.words(variable, [0x77n, 0n, elsewhere]).words(variable + 0x8000n, [0x99n, 0n, own]);
  for (const [name, address] of symbols) kernel.symbol(name, address);
  return kernel;
}

const kernelWith = (...symbols: readonly Named[]): Kernel => plain(symbols).open();

test('a per-CPU address, where symbols tell, where there is one CPU, and where nothing tells', () => {
  const told = kernelWith(smp, ['__per_cpu_offset', offsets]);
  const single = kernelWith(['schedule', base]);
  const untold = kernelWith(smp);
  assert.equal(perCpuAddress(told, variable, 0), variable + 0x8000n);
  assert.equal(perCpuAddress(single, variable, 0), variable);
  assert.throws(() => perCpuAddress(untold, variable, 0), { code: 'memory-fault', message: /0xffff800000002000: .*__per_cpu_offset/ });

  assert.deepEqual([...cpuSlabs(told, cache).active.keys()], [own]);
  assert.deepEqual([...cpuSlabs(single, cache).active.keys()], [elsewhere]);
  const unknown = cpuSlabs(untold, cache);
  assert.deepEqual([...unknown.active.keys()], []);
  assert.match(unknown.problem ?? '', /^what CPUs keep of the cache cannot be read: .*__per_cpu_offset/);
});

test('resident pages: the counters alone where the parts of the CPUs are not known, as the kernel itself shows them', () => {
  const resident = (...symbols: readonly Named[]): number => {
    const kernel = plain(symbols).struct('mm_struct', 128, { total_vm: [0, 8], rss_stat: [8, 'percpu_counter', 4] });
    // Pages of files, anonymous ones, swapped ones, which do not count, and shared memory.
    [50, 7, 1000, 200].forEach((count, index) => kernel.words(mm + 8n + BigInt(index * 24), [count, 0, variable]));
    return mmUsage(kernel.open(), mm).residentPages;
  };
  assert.equal(resident(smp), 257);
  assert.equal(resident(smp, ['__per_cpu_offset', offsets]), 257 + 3 * 0x99);
  assert.equal(resident(['schedule', base]), 257 + 3 * 0x77);
});
