/** What the vmalloc view marks, on the machine of a scenario before and after its operations. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openKernel } from '../../debug-adapter/kernel/opening/open-kernel.ts';
import type { VmallocFacts } from '../../debug-adapter/protocol/vmalloc.ts';
import { Session } from '../../debug-adapter/session/session.ts';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import { changesBetween } from '../../extension/views/vmalloc-changes.ts';

function vmallocOf({ image }: Machine): VmallocFacts {
  return new Session(image, openKernel(image, { symbols: undefined, types: undefined })).vmalloc();
}

function machineWith(): { machine: Machine; area: string; block: bigint } {
  const machine = Machine.create({ ram: 64 * 2 ** 20 });
  const area = machine.run('vmalloc', { size: 8192n });
  const block = machine.run('vm_map_ram', { count: 4n });
  assert.ok(typeof area === 'bigint' && typeof block === 'bigint');
  return { machine, area: `0x${area.toString(16)}`, block };
}

describe('changes of the vmalloc space', () => {
  test('nothing is marked where nothing changed', () => {
    const facts = vmallocOf(machineWith().machine);
    const { areas, gone } = changesBetween(facts, vmallocOf(machineWith().machine));
    assert.deepEqual([areas.size, gone.length], [0, 0]);
    assert.ok(facts.areas.length >= 2);
  });

  test('pages of a block that are used, an area that is freed, and one that is new', () => {
    const { machine, area, block } = machineWith();
    const before = vmallocOf(machine);
    machine.run('vm_map_ram', { count: 2n });
    machine.run('vfree', { address: BigInt(area) });
    const now = vmallocOf(machine);
    const marked = [...changesBetween(before, now).areas];
    const blockChange = marked.find(([key]) => key.startsWith(`0x${(block & ~0xfffffn).toString(16)}`))?.[1];
    assert.equal(blockChange?.kind, 'changed');
    assert.ok(blockChange.details.some(({ name, before: then, now: left }) => name === 'free' && Number(then) > Number(left)));
    assert.ok(blockChange.details.some(({ name, before: then, now: used }) => name === 'used' && then === '0-3' && used !== then));
    const freed = marked.find(([key]) => key.startsWith(`${area}-`))?.[1];
    assert.deepEqual([freed?.kind, freed?.details[0]], ['changed', { name: 'list', before: 'areas', now: 'lazy' }]);
    assert.equal(marked.length, 2);

    machine.run('vmalloc', { size: 4096n });
    const then = [...changesBetween(now, vmallocOf(machine)).areas.values()].map(({ kind }) => kind);
    assert.deepEqual(then, ['new']);
  });

  test('an area that is on no list any more is gone', () => {
    const { machine } = machineWith();
    // Larger than what the kernel keeps by size (MAX_VA_SIZE_PAGES).
    const large = machine.run('vmalloc', { size: 2n ** 21n });
    assert.ok(typeof large === 'bigint');
    const before = vmallocOf(machine);
    machine.run('vfree', { address: large });
    machine.run('purge_vmap_area_lazy');
    const { gone } = changesBetween(before, vmallocOf(machine));
    assert.deepEqual(
      gone.map(({ start }) => start),
      [`0x${large.toString(16)}`],
    );
  });
});
