/** A vmalloc space of a million areas: a part of the list costs what the part costs, and a look-up costs a descent. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { json } from '../../debug-adapter/command-line/output.ts';
import type { Output } from '../../debug-adapter/command-line/output.ts';
import { vmallocVerb } from '../../debug-adapter/command-line/vmalloc.ts';
import { formatAddress } from '../../debug-adapter/base/address.ts';
import { areaAddress, manyAreas } from '../builders/million-areas.ts';
import type { AreaKeeping } from '../builders/million-areas.ts';

const million = 1_000_000;
const keepings: readonly AreaKeeping[] = ['nodes', 'one list'];

/** Areas that a tree of a million may be descended through, and as many again where the vmap nodes before have to be asked. */
const descent = 20;

const starts = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => formatAddress(areaAddress(first + index)));

for (const keeping of keepings) {
  describe(`a million vmap_areas, ${keeping}`, () => {
    test('the first page is told from the first areas, and the next from the next, by address', () => {
      const { session, read } = manyAreas(million, keeping);
      const part = (start: number, count: number): string[] =>
        session.vmallocPart({ list: 'areas', start, count }).areas.map((area) => area.start);
      assert.deepEqual(part(0, 100), starts(0, 100));
      // One more of each list, to know which comes next.
      assert.ok(read.size <= 100 + 5, `${read.size} vmap_areas were read`);
      assert.deepEqual(part(100, 3), starts(100, 3));
      assert.ok(read.size <= 103 + 5, `${read.size} vmap_areas were read`);
      // Every 17th of the first areas is a block.
      const [block] = session.vmallocPart({ list: 'areas', start: 16, count: 1 }).areas;
      assert.deepEqual(block?.block?.used, keeping === 'nodes' ? [[0, 2]] : null);
    });

    test('an address is told what it is by a descent of the tree', () => {
      const { session, read } = manyAreas(million, keeping);
      const facts = session.identify(areaAddress(765_432, 0x1008));
      assert.match(JSON.stringify(facts), /byte 0x1008 of the vmalloc area .* of module_alloc\+0x1a\/0x94/);
      assert.ok(read.size <= descent, `${read.size} vmap_areas were read`);
      const before = read.size;
      assert.match(JSON.stringify(session.identify(areaAddress(234_567, 0x2000))), /guard page of the ioremap area .* of pci_iomap_range/);
      assert.ok(read.size - before <= descent, `${read.size - before} vmap_areas were read`);
      assert.equal(session.vmallocArea(areaAddress(99))?.caller, 'pci_iomap_range+0x1a/0x94');
    });

    test('an address between areas costs a descent of each tree, and its page nothing when it is asked for again', (t) => {
      const { kernel, session, read } = manyAreas(million, keeping);
      const free = areaAddress(345_678, 0x4000);
      assert.doesNotMatch(JSON.stringify(session.identify(free)), /vmalloc area/);
      assert.ok(read.size <= 4 * descent, `${read.size} vmap_areas were read`);
      for (const address of [areaAddress(million - 1, 0x4000), areaAddress(0, 0x3000)])
        assert.equal(session.vmallocArea(address), undefined);
      assert.ok(read.size <= 12 * descent, `${read.size} vmap_areas were read`);
      const words = t.mock.method(kernel.memory, 'u64');
      for (const offset of [0x4000, 0x4008, 0x4fff]) assert.equal(session.vmallocArea(areaAddress(345_678, offset)), undefined);
      assert.equal(words.mock.callCount(), 0);
    });

    test('an address that lies elsewhere costs as little', () => {
      const { session, read } = manyAreas(million, keeping);
      assert.doesNotMatch(JSON.stringify(session.identify(areaAddress(-0x10_0000))), /vmalloc area/);
      assert.ok(read.size <= 4 * descent, `${read.size} vmap_areas were read`);
    });
  });

  describe(`some thousand vmap_areas, ${keeping}`, () => {
    test('the parts are the whole', () => {
      const { session } = manyAreas(2500, keeping);
      const { areas } = session.vmalloc();
      const parts = [0, 1000, 2000].map((start) => session.vmallocPart({ list: 'areas', start, count: 1000 }));
      assert.deepEqual(
        parts.map(({ more }) => more),
        [true, true, false],
      );
      const byAddress = [...areas].sort((one, other) => (BigInt(one.start) < BigInt(other.start) ? -1 : 1));
      assert.deepEqual(
        parts.flatMap((part) => part.areas),
        byAddress,
      );
      // Addresses are dealt out to vmap nodes by MiB.
      if (keeping === 'nodes')
        assert.deepEqual(
          [areas[15], areas[16]].map((area) => area?.start),
          [...starts(15, 1), ...starts(64, 1)],
        );
    });

    test('are counted by kind, and each kind has parts of its own', () => {
      const { session } = manyAreas(2500, keeping);
      const { areas } = session.vmalloc();
      const { kinds, areas: total } = session.vmallocCount();
      assert.equal(total, 2500);
      const isOf = (flag: string) => (area: (typeof areas)[number]) => area.vmFlags.includes(flag);
      const expected = {
        'vm_map_ram block': areas.filter(({ block }) => block !== null),
        vmalloc: areas.filter(isOf('VM_ALLOC')),
        vmap: areas.filter(isOf('VM_MAP')),
        ioremap: areas.filter(isOf('VM_IOREMAP')),
      };
      assert.deepEqual(
        Object.fromEntries(kinds.map(({ kind, count, bytes }) => [kind, [count, bytes]])),
        Object.fromEntries(Object.entries(expected).map(([kind, of]) => [kind, [of.length, of.reduce((sum, { size }) => sum + size, 0)]])),
      );
      const ordered = expected.vmap.map(({ start }) => start).sort();
      const part = session.vmallocPart({ list: 'areas', kind: 'vmap', start: 100, count: 7 });
      assert.deepEqual([part.areas.map(({ start }) => start), part.more], [ordered.slice(100, 107), true]);
      assert.deepEqual(session.vmallocPart({ list: 'areas', kind: 'vm_map_ram', start: 0, count: 1 }), {
        areas: [],
        free: [],
        more: false,
      });
    });

    test('an area that a list has and no tree, as while it is taken off, is told too', () => {
      for (const offTree of [0, 1000, 2499]) {
        const { session } = manyAreas(2500, keeping, { offTree });
        assert.equal(session.vmallocArea(areaAddress(offTree, 0x3000)), undefined);
        assert.equal(session.vmallocArea(areaAddress(offTree, 0x2000))?.start, formatAddress(areaAddress(offTree)));
      }
    });

    test('are looked up alike by the tree and by the lists', () => {
      const { session } = manyAreas(2500, keeping);
      const places = [0, 15, 16, 17, 1000, 2498, 2499].flatMap((area) => [0, 0x2fff, 0x3000].map((offset) => areaAddress(area, offset)));
      const byTree = places.slice(0, -1).map((address) => session.vmallocArea(address));
      assert.equal(byTree.filter((area) => area === undefined).length, 5);
      session.vmalloc();
      assert.deepEqual(
        places.slice(0, -1).map((address) => session.vmallocArea(address)),
        byTree,
      );
    });
  });
}

test('the whole is written while it is made: text and one JSON document', () => {
  for (const count of [0, 1, 999, 1000, 2500]) {
    const { session } = manyAreas(count, 'nodes');
    const run = (options: Parameters<typeof vmallocVerb>[2]): string[] => {
      const written: string[] = [];
      const output: Output = {
        text: (text) => {
          written.push(text);
        },
        bytes: () => assert.fail('text only'),
        complain: (line) => assert.fail(line),
      };
      vmallocVerb(session, output, options);
      return written;
    };
    const document = run({ json: true });
    assert.equal(document.join(''), json(session.vmalloc()));
    const text = run({});
    assert.equal(text.join(''), session.vmallocinfoText());
    assert.equal(text.join('').split('\n').length - 1, count);
    for (const written of [document, text, run({ all: true })]) {
      assert.ok(written.length >= count / 1000);
      assert.ok(written.every((part) => part.length < 2 ** 20));
    }
  }
});
