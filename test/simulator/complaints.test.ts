/** What a kernel refuses: in its own words, and with memory as it was, to the byte. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Fault, Machine } from '../../debug-adapter/simulator/machine.ts';
import type { FaultKind } from '../../debug-adapter/simulator/fault.ts';
import type { Arguments } from '../../debug-adapter/simulator/operation.ts';
import { pagings } from '../../debug-adapter/simulator/options.ts';
import { digestOf } from './digest.ts';

const page = 4096n;

function run(machine: Machine, name: string, given: Arguments = {}): bigint {
  const value = machine.run(name, given);
  assert.equal(typeof value, 'bigint', name);
  return value as bigint;
}

/** A call that must end in a fault of that kind and message, and leave no trace. */
function refused(machine: Machine, [name, given]: readonly [string, Arguments], expected: readonly [FaultKind, RegExp]): void {
  const before = digestOf(machine);
  const [kind, message] = expected;
  assert.throws(
    () => machine.run(name, given),
    (error) => error instanceof Fault && error.kind === kind && message.test(error.message),
    name,
  );
  assert.equal(digestOf(machine), before, `${name} changed memory`);
  assert.deepEqual(machine.core.calls, []);
}

describe('the kernel complains', () => {
  for (const paging of pagings) {
    it(`of what is freed twice, never was, or is no start of a page: ${paging}`, () => {
      const machine = Machine.create({ paging, ram: 64 << 20 });
      const address = run(machine, 'vmalloc', { size: page });
      refused(machine, ['vfree', { address: address + 8n }], ['warning', /^Trying to vfree\(\) bad address \(0x[0-9a-f]+\)$/]);
      machine.run('vfree', { address });
      refused(machine, ['vfree', { address }], ['warning', /^Trying to vfree\(\) nonexistent vm area \(0x[0-9a-f]+\)$/]);
      refused(machine, ['vunmap', { address }], ['warning', /^Trying to vunmap\(\) nonexistent vm area/]);
      refused(machine, ['iounmap', { address }], ['warning', /iounmap/]);
      const block = run(machine, 'vm_map_ram', { count: 4n });
      machine.run('vm_unmap_ram', { address: block, count: 4n });
      refused(machine, ['vm_unmap_ram', { address: block, count: 4n }], ['invalid-access', /double-free in vb_free/]);
      refused(machine, ['set_memory_ro', { address }], ['warning', /^CPA: called for zero pte/]);
      refused(
        machine,
        ['ioremap', { phys_addr: BigInt(machine.memory.ranges.at(-1)?.end ?? 0) - page, size: page }],
        ['warning', /^WARNING: ioremap on RAM/],
      );
    });

    it(`of memory that there is not: ${paging}`, () => {
      const machine = Machine.create({ paging, ram: 64 << 20 });
      const process = run(machine, 'create_process');
      const mapped = run(machine, 'mmap', { process, size: 64n * page, flags: 'MAP_PRIVATE|MAP_POPULATE' });
      const wanted = run(machine, 'mmap', { process, size: 4n << 20n });
      machine.run('madvise', { process, address: wanted, size: 4n << 20n, advice: 'MADV_HUGEPAGE' });
      // Large blocks first, then small ones, until few pages are left.
      for (const count of [256n, 16n, 1n]) {
        while (machine.core.pages.free >= Number(count) + 3) run(machine, 'alloc_pages', { count });
      }
      const calls: readonly (readonly [string, Arguments])[] = [
        ['vmalloc', { size: 64n * page }],
        ['vm_map_ram', { count: 100n }],
        ['mmap', { process, size: 64n * page, flags: 'MAP_PRIVATE|MAP_POPULATE' }],
        ['fork', { process }],
        ['create_file', { name: 'large', size: 64n * page }],
        ['mlock', { process, address: wanted, size: 64n * page }],
        ['userfaultfd_zeropage', { process, address: wanted, size: page }],
      ];
      for (const call of calls.slice(0, -1)) refused(machine, call, ['out-of-memory', /page allocation failure|failed to allocate pages/]);
      refused(machine, calls.at(-1) ?? ['', {}], ['errno', /not registered/]);
      machine.run('munmap', { process, address: mapped, size: 64n * page });
      // A huge page is not to be had: a small one comes instead.
      assert.equal(machine.run('fault', { process, address: wanted, write: true }), true);
      assert.ok(run(machine, 'vmalloc', { size: 8n * page }) > 0n);
    });

    it(`of ranges that cannot be: ${paging}`, () => {
      const machine = Machine.create({ paging, ram: 96 << 20 });
      const process = run(machine, 'create_process');
      const address = run(machine, 'mmap', { process, size: 8n * page });
      machine.run('fault', { process, address, write: true });
      const fixed = 'MAP_PRIVATE|MAP_FIXED_NOREPLACE';
      refused(machine, ['mmap', { process, address: address + 7n * page, size: 2n * page, flags: fixed }], ['errno', /an area covers/]);
      refused(machine, ['mmap', { process, size: 1n << 60n }], ['argument', /size/]);
      refused(machine, ['mmap', { process, address: 0n, size: page, flags: fixed }], ['errno', /no range of user addresses/]);
      refused(machine, ['mmap', { process, size: page, file: address }], ['errno', /no open file/]);
      const half = run(machine, 'mmap', { process, size: 2n << 20n, flags: 'MAP_PRIVATE|MAP_HUGETLB' });
      refused(machine, ['munmap', { process, address: half + page, size: page }], ['errno', /huge page/]);
      refused(
        machine,
        ['mprotect', { process, address: address + 4n * page, size: 8n * page, prot: 'PROT_READ' }],
        ['errno', /no area covers/],
      );
      refused(
        machine,
        ['madvise', { process, address: address - 64n * page, size: page, advice: 'MADV_FREE' }],
        ['errno', /no area covers/],
      );
      refused(
        machine,
        ['fault', { process, address: address - 64n * page }],
        ['page-fault', /^segfault at 0x[0-9a-f]+ \(no area covers it\)$/],
      );
      machine.run('mprotect', { process, address, size: page, prot: 'PROT_NONE' });
      refused(machine, ['fault', { process, address }], ['page-fault', /^segfault at/]);
      refused(machine, ['userfaultfd_writeprotect', { process, address, size: page }], ['errno', /not registered/]);
      // What is not mapped can be unmapped: nothing happens.
      const before = digestOf(machine);
      machine.run('munmap', { process, address: address + 64n * page, size: 16n * page });
      assert.equal(digestOf(machine), before);
      machine.run('exit', { process });
      refused(machine, ['fault', { process, address }], ['errno', /no process has PID/]);
    });
  }
});
