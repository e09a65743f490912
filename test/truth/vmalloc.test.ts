/** The vmalloc space of real dumps: every area in every state, blocks and their queues, frames, and counters. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { VmallocFacts } from '../../debug-adapter/protocol/facts.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { absent, addressOf, bundled, dumpFolder, expandedDump, jsonLines, truthText } from '../support/dumps.ts';

const debian = 'x86-64-debian-6.12';

interface DrgnArea {
  readonly where: string;
  readonly va_start: string;
  readonly va_end: string;
  readonly ptr: string;
}

interface FxPages {
  readonly name: string;
  readonly addr: string;
  readonly first: number;
  readonly pfns: readonly number[];
}

/** All states as `busy 0x…-0x…`, by address. */
function statesOf(facts: VmallocFacts): string[] {
  const rows = (areas: readonly { start: string; end: string }[], state: string): string[] =>
    areas.map(({ start, end }) => `${state} ${start}-${end}`);
  return [
    ...rows(facts.areas, 'busy'),
    ...rows(facts.lazy, 'lazy'),
    ...rows(facts.pooled, 'pooled'),
    ...rows(facts.purging, 'purging'),
    ...rows(facts.free, 'free'),
  ].sort();
}

/** The areas of all states follow each other without a gap from 1 to the end of the address space (vmap_init_free_space). */
function checkWhole(facts: VmallocFacts, bits: number): void {
  const all = [...facts.areas, ...facts.lazy, ...facts.pooled, ...facts.purging, ...facts.free]
    .map(({ start, end }) => ({ start: addressOf(start), end: addressOf(end) }))
    .sort((a, b) => (a.start < b.start ? -1 : 1));
  let next = 1n;
  for (const { start, end } of all) {
    assert.equal(start, next);
    next = end;
  }
  assert.equal(next, (1n << BigInt(bits)) - 1n);
}

describe('the Debian kernel', { skip: absent(debian) ?? false }, () => {
  const folder = dumpFolder(debian) ?? '';
  let session: Session;
  let facts: VmallocFacts;
  before(() => {
    session = openSession(nodeHost(), { paths: [expandedDump(debian, 'dump.elf')] });
    facts = session.vmalloc();
  });
  after(() => {
    session.close();
  });

  test('areas in every state are those that drgn finds', () => {
    const drgn = jsonLines<DrgnArea>(join(folder, 'truth/drgn/vmap_areas.jsonl'));
    assert.ok(drgn.filter(({ where }) => where === 'free').length > 100);
    assert.deepEqual(statesOf(facts), drgn.map(({ where, va_start, va_end }) => `${where} ${va_start}-${va_end}`).sort());
    assert.deepEqual(
      facts.free.map(({ address }) => address).sort(),
      drgn.flatMap(({ where, ptr }) => (where === 'free' ? [ptr] : [])).sort(),
    );
    checkWhole(facts, 64);
  });

  test('each block lies in the array, under the index and on the free list where drgn finds it', () => {
    const lines = jsonLines<{ ptr?: string; queue_cpu?: number; index?: string; cpu?: number; free_lists?: Record<string, string[]> }>(
      join(folder, 'truth/drgn/vmap_blocks.jsonl'),
    );
    const lists = lines.find(({ free_lists }) => free_lists !== undefined)?.free_lists ?? {};
    const blocks = facts.areas.flatMap(({ block }) => (block === null ? [] : [block]));
    const told = lines.filter(({ ptr }) => ptr !== undefined);
    assert.equal(blocks.length, told.length);
    for (const { ptr, queue_cpu, index, cpu } of told) {
      const block = blocks.find(({ address }) => address === ptr);
      const list = Object.entries(lists).find(([, members]) => members.includes(ptr ?? ''))?.[0];
      assert.deepEqual(
        [block?.arrayCpu, block?.index, block?.cpu, block?.freeListCpu],
        [queue_cpu, index, cpu, list === undefined ? null : Number(list)],
      );
    }
    assert.deepEqual(Object.fromEntries(facts.queues.map(({ cpu, free }) => [cpu, free])), lists);
  });

  test('counters: all lazily freed pages are on lists', () => {
    assert.equal(facts.purge.lazyPages, facts.purge.listedPages);
    assert.ok(facts.purge.listedPages > 0);
    // Four CPUs: three bits of 32 MiB each.
    assert.equal(facts.purge.threshold, 3 * 8192);
    assert.equal(facts.purge.zoneSize, 65536);
    assert.deepEqual(
      facts.purge.nodes.map(({ busy, lazy }) => busy + lazy).reduce((sum, count) => sum + count),
      facts.areas.length + facts.lazy.length,
    );
  });

  test('frames of each vmalloc, vmap and vm_map_ram area are those that the test module was given', () => {
    const lines = truthText(debian, 'guest/fxvm.txt').split('\n');
    const json = <Line>(tag: string): Line[] =>
      lines.flatMap((line) => (line.startsWith(`${tag} `) ? [JSON.parse(line.slice(5)) as Line] : []));
    const kinds = new Map(json<{ name: string; kind: string; state: string }>('FXVM').map(({ name, ...rest }) => [name, rest]));
    let compared = 0;
    for (const { name, addr, first, pfns } of json<FxPages>('FXPG')) {
      const { kind, state } = kinds.get(name) ?? {};
      if (state !== 'live' || kind === 'vm_map_ram_block' || kind === 'sparse' || kind === 'percpu') continue;
      const { runs } = session.vmallocPages(addressOf(addr));
      const frames = new Map(
        runs.flatMap(({ page, count, physical }) => Array.from({ length: count }, (_, i) => [page + i, Number(physical) / 4096 + i])),
      );
      pfns.forEach((pfn, index) => {
        assert.equal(frames.get(first + index), pfn, `${name} page ${first + index}`);
        compared++;
      });
    }
    assert.ok(compared > 1500, String(compared));
    const huge = session.vmallocPages(addressOf('0xffffd4bf80c00000'));
    assert.deepEqual(
      [huge.source, huge.pageOrder, huge.total, huge.runs.map(({ count, node }) => `${count} N${node}`)],
      ['pages', 9, 1536, ['512 N0', '512 N0', '512 N0']],
    );
  });

  test('an address that no area holds is refused with a way on', () => {
    assert.throws(() => session.vmallocPages(addressOf('0xffffd4bf80007000')), /no vmap_area in use holds .*pagewalk vmalloc/);
  });
});

for (const name of ['x86-64', 'x86-64-efi', 'x86-64-kasan', 'arm64-4k', 'arm64-64k']) {
  test(`${name}: areas in every state and blocks are those that drgn finds`, { skip: absent(name) ?? false }, () => {
    const session = openSession(nodeHost(), { paths: [expandedDump(name, 'vmcore.elf')] });
    try {
      const facts = session.vmalloc();
      const text = truthText(name, 'vmap-drgn.txt');
      const told = [...text.matchAll(/^(busy|lazy|free|pool\w*)\b.*?(0x[0-9a-f]+-0x[0-9a-f]+)/gm)].map(
        ([, state = '', range = '']) => `${state} ${range}`,
      );
      assert.ok(told.length > 50);
      assert.deepEqual(statesOf(facts), told.sort());
      checkWhole(facts, 64);
      const blocks = [...text.matchAll(/^block cpu=(\d+) vb=(\S+) va=(\S+) free=(\d+) dirty=(\d+)/gm)];
      assert.equal(blocks.length, 2);
      for (const [, cpu, address, start, free, dirty] of blocks) {
        const { block } = facts.areas.find((area) => area.start === start) ?? {};
        assert.deepEqual([String(block?.cpu), block?.address, String(block?.free), String(block?.dirty)], [cpu, address, free, dirty]);
        // What has pages left is on one list, and nothing else.
        assert.equal(block?.freeListCpu !== null, block?.free !== 0);
      }
    } finally {
      session.close();
    }
  });
}

for (const name of ['i386-pae-pti', 'riscv64-sv48', 's390x', 'ppc64le']) {
  test(`${name}: areas of all states cover the address space without gap or overlap`, { skip: absent(name) ?? false }, () => {
    const session = openSession(nodeHost(), { paths: [expandedDump(name, 'vmcore.elf')] });
    try {
      checkWhole(session.vmalloc(), name.startsWith('i386') ? 32 : 64);
    } finally {
      session.close();
    }
  });
}

/** Dumps of machines that worked: nothing may be found in their vmalloc space. */
const healthy = ['x86-64', 'x86-64-efi', 'x86-64-kasan', 'i386-pae-pti', 'arm64-4k', 'arm64-64k', 'riscv64-sv48', 's390x', 'ppc64le'];
for (const name of [...healthy, debian, 'the bundled vmcore']) {
  const skip = name.startsWith('the ') ? false : (absent(name) ?? false);
  test(`${name}: nothing is inconsistent`, { skip }, () => {
    const path =
      name === debian ? expandedDump(name, 'dump.elf') : name.startsWith('the ') ? bundled.image : expandedDump(name, 'vmcore.elf');
    const session = openSession(nodeHost(), { paths: [path] });
    try {
      const { findings, warnings } = session.findings({ mm: 'kernel' });
      assert.deepEqual(
        findings.filter(({ kind }) => kind === 'vmalloc-inconsistent'),
        [],
      );
      assert.deepEqual(
        warnings.filter((warning) => warning.includes('vmalloc')),
        [],
      );
    } finally {
      session.close();
    }
  });
}
