/** A machine that has just started: the engine opens it as it opens a dump, and finds nothing wrong. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { toAddress } from '../../debug-adapter/base/address.ts';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import { Fault } from '../../debug-adapter/simulator/fault.ts';
import { pagings } from '../../debug-adapter/simulator/options.ts';
import type { MachineOptions } from '../../debug-adapter/simulator/machine.ts';
import { sessionOf } from './session-of.ts';

const machines: readonly (readonly [name: string, options: MachineOptions])[] = [
  ...pagings.map((paging) => [paging, { paging }] as const),
  ['x86-64-4 with KASLR', { kaslrSeed: 77 }],
  ['x86-64-5 with KASLR', { paging: 'x86-64-5', kaslrSeed: 9 }],
  ['arm64 with KASLR', { paging: 'arm64-4k', kaslrSeed: 3 }],
  ['x86-64-4 with PTI', { pti: true }],
  ['a PCI hole and four nodes', { ram: 512 * 2 ** 20, pciHole: { start: 256 * 2 ** 20, end: 2 ** 32 }, nodes: 4, cpus: 4 }],
  ['a kernel before vmap flags', { features: { vmapRamFlags: false, usedMap: false } }],
];

describe('a machine that has started', () => {
  for (const [name, options] of machines) {
    it(`opens: ${name}`, () => {
      const machine = Machine.create(options);
      const session = sessionOf(machine);
      const info = session.info();
      assert.deepEqual(info.warnings, []);
      assert.ok(info.symbols.count > 100);
      assert.equal(info.types.source, 'BTF in the dump');
      const tasks = session.tasks();
      assert.deepEqual(
        tasks.map(({ pid, comm }) => [pid, comm]),
        [
          [1, 'init'],
          [2, 'kthreadd'],
        ],
      );
      const facts = session.findings({});
      assert.deepEqual(facts.findings, []);
      assert.deepEqual(facts.warnings, []);
      assert.ok(facts.debugWx === null || facts.debugWx.pages === 0);
      const text = session.ptdump({}).regions;
      assert.ok(text.length > 5);
      const { kernel } = session;
      for (const symbol of ['init_task', 'vm_map_ram', 'linux_banner']) {
        const found = session.identify(kernel.needAddressOf(symbol, 'a test'));
        assert.equal(found.kind, 'symbol', found.summary);
        assert.ok(found.summary.startsWith(symbol), found.summary);
      }
      assert.equal(kernel.memory.cString(kernel.needAddressOf('linux_banner', 'a test')).slice(0, 14), 'Linux version ');
      assert.deepEqual([...kernel.warnings], []);
    });
  }

  it('puts KASLR where its seed says', () => {
    const places = [1, 1, 2].map((kaslrSeed) =>
      sessionOf(Machine.create({ kaslrSeed }))
        .info()
        .evidence.map(({ value }) => value)
        .join(),
    );
    assert.equal(places[0], places[1]);
    assert.notEqual(places[0], places[2]);
  });

  it('counts its pages', () => {
    const machine = Machine.create({ nodes: 2, ram: 256 * 2 ** 20 });
    const { pages } = machine.core;
    const before = pages.free;
    const frames = Array.from({ length: 1000 }, () => pages.take());
    assert.equal(new Set(frames).size, 1000);
    assert.equal(pages.free, before - 1000);
    for (const frame of frames) assert.ok(!pages.isFree(frame));
    for (const frame of frames) pages.give(frame);
    assert.equal(pages.free, before);
    assert.throws(() => {
      pages.give(frames[0] ?? 0);
    }, Fault);
  });

  it('identifies free pages, struct pages and slab objects', () => {
    const machine = Machine.create();
    const session = sessionOf(machine);
    const { pages, memory, caches } = machine.core;
    const frame = pages.take();
    pages.give(frame);
    assert.equal(session.identify(memory.virtual(frame * 4096)).kind, 'free-page');
    const area = caches.vmap_area.take();
    const found = sessionOf(machine).identify(memory.virtual(area));
    assert.equal(found.kind, 'slab-object', found.summary);
    assert.match(found.summary, /vmap_area/);
    assert.equal(session.identify(toAddress(0xffff_ea00_0000_0000n + 64n * BigInt(frame))).kind, 'struct-page');
  });

  it('names the CPU entry area also where a kernel has no type for it', () => {
    const { kind, summary } = sessionOf(Machine.create()).identify(toAddress(0xffff_fe00_0000_2010n));
    assert.equal(kind, 'cpu-entry-area');
    assert.match(summary, /^CPU entry area, byte 0x2010 \(.*struct cpu_entry_area\)$/);
  });

  it('refuses what no machine has', () => {
    for (const options of [{ ram: 1 }, { cpus: 0 }, { nodes: 9 }, { blockPages: 100 }, { kaslrSeed: -1 }, { ram: 2 ** 40 }] as const) {
      assert.throws(() => Machine.create(options), Fault, JSON.stringify(options));
    }
  });
});
