/** The vmalloc space of a simulated machine: what the engine reads of it, the recorded calls replayed, and random calls. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { join } from 'node:path';

import { toAddress } from '../../debug-adapter/base/address.ts';
import { usedRuns, vmapBlockList } from '../../debug-adapter/kernel/vmalloc/vmap-block.ts';
import { vmapAreas } from '../../debug-adapter/kernel/vmalloc/vmap-area.ts';
import { freeAreas } from '../../debug-adapter/kernel/vmalloc/vmap-free.ts';
import { purgeState } from '../../debug-adapter/kernel/vmalloc/vmap-purge.ts';
import { Fault, Machine } from '../../debug-adapter/simulator/machine.ts';
import type { Arguments } from '../../debug-adapter/simulator/operation.ts';
import { pagings } from '../../debug-adapter/simulator/options.ts';
import type { DrgnBlock } from '../support/drgn-block.ts';
import { absent, dumpFolder } from '../support/dumps.ts';
import { fc } from '../support/properties.ts';
import { digestOf } from './digest.ts';
import { replayBlocks } from './recorded-blocks.ts';
import { run } from './run-operation.ts';
import { sessionOf } from './session-of.ts';

describe('vmalloc', () => {
  for (const paging of pagings) {
    it(`lists what it allocates: ${paging}`, () => {
      const machine = Machine.create({ paging });
      const four = run(machine, 'vmalloc', { size: 16384n });
      const odd = run(machine, 'vmalloc', { size: 5000n });
      const large = run(machine, 'vmalloc', { size: 3n << 20n });
      const huge = run(machine, 'vmalloc_huge', { size: 5n << 20n });
      const io = run(machine, 'ioremap', { phys_addr: 0xfed0_0010n, size: 32n });
      const mapped = run(machine, 'vmap', { count: 3n, prot: 'PAGE_KERNEL_RO' });
      const ram = run(machine, 'vm_map_ram', { count: 100n });
      const block = run(machine, 'vm_map_ram', { count: 3n });
      const session = sessionOf(machine);
      const text = session.vmallocinfoText();
      assert.match(text, /20480 vmalloc_noprof\+0x3c\/0x100 pages=4 vmalloc( N0=4)?\n/);
      assert.match(text, /12288 vmalloc_noprof\+0x3c\/0x100 pages=2 vmalloc( N0=2)?\n/);
      assert.match(text, /pages=1536 vmalloc vpages( N0=1536)?\n/);
      assert.match(text, /8192 ioremap\+0x3c\/0x100 phys=0x00000000fed00000 ioremap\n/);
      assert.match(text, /16384 vmap\+0x3c\/0x100 vmap\n/);
      assert.match(text, /409600 vm_map_ram\n/);
      assert.equal(io & 0xfffn, 0x10n);
      assert.equal(session.translate(toAddress(huge)).pageSize, 2 << 20);
      assert.equal(session.identify(toAddress(odd)).kind, 'vmalloc');
      assert.equal(session.identify(toAddress(mapped)).kind, 'vmap');
      assert.equal(session.identify(toAddress(ram)).kind, 'vm-map-ram');
      assert.equal(session.identify(toAddress(io)).kind, 'ioremap');
      assert.match(session.identify(toAddress(block)).kind, /vmap-block|vm-map-ram/);
      assert.deepEqual(session.findings({}).findings, []);
      assert.deepEqual(session.warnings(), []);
      for (const address of [four, odd, large, huge]) machine.run('vfree', { address });
      machine.run('iounmap', { address: io });
      machine.run('vunmap', { address: mapped });
      machine.run('vm_unmap_ram', { address: ram, count: 100n });
      machine.run('vm_unmap_ram', { address: block, count: 3n });
      const after = sessionOf(machine);
      assert.deepEqual(after.findings({}).findings, []);
      for (const address of [four, large, huge, ram]) assert.equal(after.translate(toAddress(address)).physical, null);
      const lazy = vmapAreas(after.kernel).lazy.length;
      assert.ok(lazy >= 6);
      const state = purgeState(after.kernel);
      assert.equal(state.lazyPages, state.listedPages);
      assert.equal(state.vmallocPages, 0);
      machine.run('purge_vmap_area_lazy', { full: true });
      const purged = sessionOf(machine);
      assert.equal(vmapAreas(purged.kernel).lazy.length, 0);
      assert.equal(purgeState(purged.kernel).lazyPages, 0);
    });
  }

  it('yields a step before each entry, with the calls as frames', () => {
    const machine = Machine.create();
    const operation = machine.operations.get('vm_map_ram');
    assert.ok(operation !== undefined);
    const names = new Set<string>();
    const entries: string[] = [];
    for (const step of operation.run(machine, { count: 5n })) {
      names.add(step.frames.map(({ name }) => name).join(' > '));
      assert.equal(step.depth, step.frames.length - 1);
      if (step.what.startsWith('write pte')) entries.push(step.what);
    }
    assert.ok(names.has('vm_map_ram > vb_alloc > new_vmap_block > alloc_vmap_area'), [...names].join('\n'));
    assert.equal(entries.length, 5);
    assert.deepEqual(machine.core.calls, []);
  });

  it('complains as the kernel does, and changes nothing', () => {
    const machine = Machine.create({ ram: 64 << 20 });
    const address = run(machine, 'vmalloc', { size: 4096n });
    machine.run('vfree', { address });
    const before = digestOf(machine);
    const kinds: readonly (readonly [string, Arguments, RegExp])[] = [
      ['vfree', { address }, /Trying to vfree\(\) nonexistent vm area/],
      ['vunmap', { address }, /nonexistent vm area/],
      ['vm_unmap_ram', { address, count: 3n }, /NULL pointer dereference/],
      ['vm_unmap_ram', { address: 0xffff_8880_0000_0000n, count: 3n }, /BUG/],
      ['vmalloc', { size: 1n << 30n }, /failed to allocate pages/],
      ['vm_map_ram', { count: 100_000n }, /page allocation failure/],
      ['ioremap', { phys_addr: 0x10_0000n, size: 4096n }, /ioremap on RAM/],
      ['vmalloc', {}, /size is missing/],
      ['vmalloc', { size: 1n, colour: 1n }, /no argument colour/],
    ];
    for (const [name, given, message] of kinds) {
      assert.throws(
        () => machine.run(name, given),
        (error) => error instanceof Fault && message.test(error.message),
        name,
      );
      assert.deepEqual(machine.core.calls, []);
      assert.equal(digestOf(machine), before, `${name} changed memory`);
    }
    const block = run(machine, 'vm_map_ram', { count: 4n });
    machine.run('vm_unmap_ram', { address: block, count: 4n });
    assert.throws(() => machine.run('vm_unmap_ram', { address: block, count: 4n }), /double-free/);
  });
});

describe('vm_map_ram calls that a kernel made', () => {
  const dump = 'x86-64-debian-6.12';
  it('give the same blocks when they are replayed', { skip: absent(dump) ?? false }, () => {
    const recorded = readFileSync(join(dumpFolder(dump) ?? '', 'truth/drgn/vmap_blocks.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('va_start'))
      .map((line) => JSON.parse(line) as DrgnBlock);
    const { machine, blocks } = replayBlocks();
    const { kernel } = sessionOf(machine);
    const areas = vmapAreas(kernel).busy;
    const found = new Map(
      vmapBlockList(kernel).map((block) => [areas.find(({ address }) => address === block.area)?.start as bigint, block]),
    );
    assert.equal(found.size, 8);
    assert.equal(recorded.length, 8);
    for (const { va_start: start, used_map: used, ...counts } of recorded) {
      const block = found.get(blocks.get(BigInt(start)) ?? 0n);
      assert.ok(block !== undefined, start);
      const { free, dirty, dirtyMin, dirtyMax, cpu } = block;
      assert.deepEqual(
        { free, dirty, dirty_min: dirtyMin, dirty_max: dirtyMax, cpu },
        { free: counts.free, dirty: counts.dirty, dirty_min: counts.dirty_min, dirty_max: counts.dirty_max, cpu: counts.cpu },
        start,
      );
      assert.deepEqual(
        usedRuns(block, 256)?.map(([first, count]) => [first, first + count]),
        used.runs,
        start,
      );
    }
  });
});

type Call =
  | { readonly kind: 'vmalloc' | 'huge' | 'map' | 'purge' | 'aliases'; readonly pages: number; readonly cpu: number }
  | { readonly kind: 'free'; readonly which: number };

const call: fc.Arbitrary<Call> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('vmalloc' as const, 'map' as const, 'map' as const, 'huge' as const, 'purge' as const, 'aliases' as const),
    pages: fc.integer({ min: 1, max: 90 }),
    cpu: fc.integer({ min: 0, max: 2 }),
  }),
  fc.record({ kind: fc.constant('free' as const), which: fc.nat(1000) }),
);

/** What a test knows of an allocation. */
interface Known {
  readonly address: bigint;
  readonly pages: number;
  readonly map: boolean;
}

describe('random calls', () => {
  for (const paging of ['x86-64-4', 'x86-32-pae', 'arm64-4k'] as const) {
    it(`keep tables, lists and counts as they must be, and can be undone: ${paging}`, () => {
      const machine = Machine.create({ paging, cpus: 3, ram: 64 << 20, blockPages: 128 });
      const pfn = run(machine, 'alloc_pages', { count: 128n });
      const start = machine.snapshot();
      const before = digestOf(machine);
      fc.assert(
        fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
          machine.restore(start);
          const known: Known[] = [];
          for (const one of calls) perform(machine, { call: one, known, pfn });
          checkModel(machine, known);
          machine.restore(start);
          assert.equal(digestOf(machine), before, 'memory is not what it was');
        }),
        { numRuns: 25 },
      );
    });
  }
});

function perform(machine: Machine, of: { call: Call; known: Known[]; pfn: bigint }): void {
  const { call: one, known, pfn } = of;
  if (one.kind === 'free') {
    const [freed] = known.splice(one.which % Math.max(1, known.length), 1);
    if (freed === undefined) return;
    if (freed.map) machine.run('vm_unmap_ram', { address: freed.address, count: BigInt(freed.pages) });
    else machine.run('vfree', { address: freed.address });
    return;
  }
  machine.run('set_cpu', { cpu: BigInt(one.cpu) });
  if (one.kind === 'purge') machine.run('purge_vmap_area_lazy', { full: one.pages > 45 });
  else if (one.kind === 'aliases') machine.run('vm_unmap_aliases');
  else if (one.kind === 'map') {
    known.push({ address: run(machine, 'vm_map_ram', { count: BigInt(one.pages), pfn }), pages: one.pages, map: true });
  } else {
    const pages = one.kind === 'huge' ? one.pages * 8 : one.pages;
    try {
      known.push({
        address: run(machine, one.kind === 'huge' ? 'vmalloc_huge' : 'vmalloc', { size: BigInt(pages * 4096) }),
        pages,
        map: false,
      });
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== 'out-of-memory') throw error;
    }
  }
}

function checkModel(machine: Machine, known: readonly Known[]): void {
  const session = sessionOf(machine);
  const { kernel } = session;
  assert.deepEqual(session.findings({}).findings, []);
  for (const { address, pages } of known) {
    for (const page of [0, pages - 1]) {
      assert.notEqual(session.translate(toAddress(address + BigInt(page * 4096))).physical, null);
    }
  }
  const { busy, lazy } = vmapAreas(kernel);
  const blocks = vmapBlockList(kernel);
  const inBlocks = known.filter(({ map, pages }) => map && pages <= kernel.memory.pointerSize * 8);
  let used = 0;
  for (const block of blocks) {
    const count = (usedRuns(block, 128) ?? []).reduce((sum, [, length]) => sum + length, 0);
    assert.equal(count + block.dirty + block.free, 128);
    used += count;
  }
  assert.equal(
    used,
    inBlocks.reduce((sum, { pages }) => sum + 2 ** Math.ceil(Math.log2(pages)), 0),
  );
  const state = purgeState(kernel);
  assert.equal(state.lazyPages, state.listedPages);
  // Free, busy, lazy and pooled areas fill the space without overlap.
  const all = [...busy, ...lazy, ...freeAreas(kernel).areas].sort((a, b) => (a.start < b.start ? -1 : 1));
  for (let index = 1; index < all.length; index++) assert.ok((all[index - 1]?.end ?? 0n) <= (all[index]?.start ?? 0n));
  assert.deepEqual(session.warnings(), []);
}
