/** NUMA nodes, CPUs and the PCI hole of a machine, as its saved vmcore tells them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import { memoryHost } from '../support/memory-host.ts';

const mib = 2 ** 20;
const gib = 2 ** 30;

describe('a machine of two nodes around a PCI hole', () => {
  const machine = Machine.create({ ram: 256 * mib, pciHole: { start: 128 * mib, end: 4 * gib }, nodes: 2, cpus: 3 });
  const areas = [0n, 1n].map((node) => machine.run('vmalloc', { size: 20_480n, node }) as bigint);
  const session = openSession(memoryHost({ vmcore: Buffer.concat([...machine.saveElf()]) }), { paths: ['vmcore'] });

  it('counts the pages of vmalloc areas by node', () => {
    const lines = session.vmallocinfoText().split('\n');
    areas.forEach((start, node) => {
      const line = lines.find((one) => one.startsWith(`0x${start.toString(16)}-`));
      assert.match(line ?? '', new RegExp(`pages=5 vmalloc N${node}=5$`));
    });
  });

  it('takes the pages of each node from its side of the hole', () => {
    const [first, second] = areas.map((start) => Number(session.translate(toAddress(start)).physical));
    assert.ok(first !== undefined && first < 128 * mib, `0x${first?.toString(16)}`);
    assert.ok(second !== undefined && second >= 4 * gib, `0x${second?.toString(16)}`);
  });

  it('has no memory in the hole, and all CPUs', () => {
    assert.equal(session.readPhysical(toPhysAddr(2 * gib), 16).holes[0]?.length, 16);
    assert.equal(session.readPhysical(toPhysAddr(4 * gib), 16).holes.length, 0);
    assert.equal(session.cpuFacts().length, 3);
  });

  it('has a struct page for each page of RAM, and none of them is told twice', () => {
    const { total, categories } = session.pageCategories({});
    const frames = machine.memory.ranges.reduce((sum, { start, end }) => sum + (end - start) / 4096, 0);
    assert.equal(total, frames);
    assert.equal(
      Object.values(categories).reduce((sum, count) => sum + count, 0),
      frames,
    );
    assert.deepEqual(session.findings({}).findings, []);
    assert.deepEqual(session.warnings(), []);
  });
});
