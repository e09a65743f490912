/** The vmalloc space of real dumps: every area in every state, blocks and their queues, frames, and counters. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { VmallocFacts } from '../../debug-adapter/protocol/vmalloc.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { absent, addressOf, bundled, dumpFolder, expandedDump, jsonLines, truthText } from '../support/dumps.ts';

const debian = 'x86-64-debian-6.12';

interface DrgnArea {
  readonly where: string;
  readonly va_start: string;
  readonly va_end: string;
  readonly ptr: string;
  readonly vm?: { readonly size: number; readonly flags: string; readonly page_order: number } | null;
}

/** vm_struct.flags as a number (include/linux/vmalloc.h). */
const vmFlagBits = [
  'VM_IOREMAP',
  'VM_ALLOC',
  'VM_MAP',
  'VM_USERMAP',
  'VM_DMA_COHERENT',
  'VM_UNINITIALIZED',
  'VM_NO_GUARD',
  'VM_KASAN',
  'VM_FLUSH_RESET_PERMS',
  'VM_MAP_PUT_PAGES',
  'VM_ALLOW_HUGE_VMAP',
  'VM_DEFER_KMEMLEAK',
  'VM_SPARSE',
];
const flagsWord = (names: readonly string[]): number => names.reduce((sum, name) => sum | (1 << vmFlagBits.indexOf(name)), 0);

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

  test('vm_structs have the size, flags and order that drgn reads', () => {
    const drgn = jsonLines<DrgnArea>(join(folder, 'truth/drgn/vmap_areas.jsonl')).filter(({ where }) => where === 'busy');
    const ours = new Map(facts.areas.map((area) => [area.address, area]));
    assert.ok(drgn.some(({ vm }) => vm?.page_order === 9));
    for (const { ptr, va_start, va_end, vm } of drgn) {
      const area = ours.get(ptr);
      const word = vm === undefined || vm === null ? null : [Number(vm.flags), vm.page_order];
      assert.deepEqual(area === undefined || area.vm === null ? null : [flagsWord(area.vmFlags), area.pageOrder], word, va_start);
      if (vm !== undefined && vm !== null) assert.equal(Number(BigInt(va_end) - BigInt(va_start)), vm.size);
    }
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
      for (const [, node, start, , , vm, size, flags, pages, physical] of text.matchAll(
        /^busy node=(\d+) (0x[0-9a-f]+)-(0x[0-9a-f]+) flags=(\S+)( vm addr=\S+ size=(\S+) flags=(\S+) nr_pages=(\d+) phys=(\S+))?/gm,
      )) {
        const area = facts.areas.find((one) => one.start === start);
        assert.deepEqual(area && [String(area.node), area.vm !== null, area.pages ?? 0, flagsWord(area.vmFlags), area.physical ?? '0x0'], [
          node,
          vm !== undefined,
          Number(pages ?? 0),
          Number(flags ?? 0),
          physical ?? '0x0',
        ]);
        if (size !== undefined) assert.equal(area?.size, Number(size));
      }
      const blocks = [...text.matchAll(/^block cpu=(\d+) vb=(\S+) va=(\S+) free=(\d+) dirty=(\d+)/gm)];
      for (const [, start, least, most, onList, used, map] of text.matchAll(
        /^block .* va=(\S+) .* dirty_min=(\d+) dirty_max=(\d+) on_free_list=(\d) used_pages=(\d+) used_map=0x([0-9a-f]+)$/gm,
      )) {
        const { block } = facts.areas.find((area) => area.start === start) ?? {};
        // The script looked for a block on the free list of the CPU in whose array it is; it may be on another CPU's.
        const listed = block?.freeListCpu !== null && block?.freeListCpu === block?.arrayCpu;
        assert.deepEqual([block?.dirtyMin, block?.dirtyMax, listed], [Number(least), Number(most), onList === '1']);
        const bits = (block?.used ?? []).reduce((sum, [first, count]) => sum | (((1n << BigInt(count)) - 1n) << BigInt(first)), 0n);
        assert.equal(bits, BigInt(`0x${map ?? ''}`));
        assert.equal(
          (block?.used ?? []).reduce((sum, [, count]) => sum + count, 0),
          Number(used),
        );
      }
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
