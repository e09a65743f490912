/** The kernel's own mappings and their rights, written by operations and read by the engine, in every paging mode. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { toAddress } from '../../debug-adapter/base/address.ts';
import type { TranslationFacts } from '../../debug-adapter/protocol/facts.ts';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import type { Arguments } from '../../debug-adapter/simulator/operation.ts';
import { pagings } from '../../debug-adapter/simulator/options.ts';
import { sessionOf } from './session-of.ts';

const page = 4096n;
const large = 2n << 20n;

function run(machine: Machine, name: string, given: Arguments): bigint {
  const value = machine.run(name, given);
  assert.equal(typeof value, 'bigint', name);
  return value as bigint;
}

function translate(machine: Machine, address: bigint, mm?: bigint): TranslationFacts {
  return sessionOf(machine).translate(toAddress(address), mm?.toString());
}

/** Whether the dump of the kernel's table says that a page can be written, and executed. */
function rights(machine: Machine, address: bigint): { readonly writes: boolean; readonly executes: boolean } {
  const regions = sessionOf(machine).ptdump({}).regions;
  const region = regions.find(({ start, end }) => BigInt(start) <= address && address < BigInt(end));
  const words = region?.attributes ?? [];
  return { writes: words.includes('RW'), executes: words.includes('x') };
}

describe('mappings of the kernel', () => {
  for (const paging of pagings) {
    it(`have the rights that set_memory_*() gave them: ${paging}`, () => {
      const machine = Machine.create({ paging, ram: 96 << 20 });
      const address = run(machine, 'vmalloc', { size: 4n * page });
      const middle = address + page;
      assert.deepEqual(rights(machine, middle), { writes: true, executes: false });
      machine.run('set_memory_ro', { address: middle });
      assert.deepEqual(rights(machine, middle), { writes: false, executes: false });
      assert.deepEqual(rights(machine, address), { writes: true, executes: false });
      machine.run('set_memory_x', { address: middle });
      assert.deepEqual(rights(machine, middle), { writes: false, executes: true });
      machine.run('set_memory_nx', { address: middle });
      machine.run('set_memory_rw', { address: middle });
      assert.deepEqual(rights(machine, middle), rights(machine, address));
      const frame = translate(machine, middle).physical;
      machine.run('set_memory_np', { address: middle });
      assert.equal(translate(machine, middle).physical, null);
      machine.run('set_memory_p', { address: middle });
      assert.equal(translate(machine, middle).physical, frame);
      assert.deepEqual(sessionOf(machine).findings({}).findings, []);
    });

    it(`are huge where they can be, and are split where a part changes: ${paging}`, () => {
      const machine = Machine.create({ paging, ram: 96 << 20 });
      const address = run(machine, 'vmalloc_huge', { size: 2n * large });
      const before = translate(machine, address + large);
      assert.equal(before.pageSize, Number(large));
      machine.run('set_memory_ro', { address: address + 5n * page });
      assert.equal(translate(machine, address).pageSize, Number(page));
      assert.deepEqual(translate(machine, address + large), before);
      const first = BigInt(translate(machine, address).physical ?? '0');
      for (const index of [0n, 5n, 511n])
        assert.equal(translate(machine, address + index * page).physical, `0x${(first + index * page).toString(16)}`);
      machine.run('vfree', { address });
      assert.equal(translate(machine, address).physical, null);
      assert.deepEqual(sessionOf(machine).findings({}).findings, []);
    });

    it(`of devices lead to them, and go with iounmap(): ${paging}`, () => {
      const machine = Machine.create({ paging, ram: 96 << 20 });
      const process = run(machine, 'create_process', {});
      const address = run(machine, 'ioremap', { phys_addr: 0xe000_0000n, size: large });
      for (const mm of [undefined, process]) {
        // On arm64 a process's table has none of the kernel's addresses.
        if (mm !== undefined && paging === 'arm64-4k') continue;
        const { physical, pageSize } = translate(machine, address, mm);
        assert.deepEqual([physical, pageSize], ['0xe0000000', Number(large)]);
      }
      machine.run('iounmap', { address });
      assert.equal(translate(machine, address).physical, null);
      assert.equal(translate(machine, address, paging === 'arm64-4k' ? undefined : process).physical, null);
    });
  }

  it('are not in the half that user mode sees under page-table isolation', () => {
    for (const paging of ['x86-64-4', 'x86-64-5', 'x86-32-pae'] as const) {
      const machine = Machine.create({ paging, ram: 96 << 20, pti: true });
      const process = run(machine, 'create_process', {});
      const own = run(machine, 'mmap', { process, size: page, flags: 'MAP_PRIVATE|MAP_POPULATE' });
      const kernel = run(machine, 'vmalloc', { size: page });
      const session = sessionOf(machine);
      const mapped = (address: bigint, user: boolean): boolean =>
        session.pageTable({ mm: String(process), user }).translate(toAddress(address)).physical !== undefined;
      assert.deepEqual([mapped(own, false), mapped(own, true)], [true, true], paging);
      assert.deepEqual([mapped(kernel, false), mapped(kernel, true)], [true, false], paging);
    }
  });
});
