/** Each inconsistency of the vmalloc space, made by hand in a kernel that is otherwise sound: found, once, and where it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FindingFacts } from '../../debug-adapter/protocol/facts.ts';
import { vmallocFindings } from '../../debug-adapter/kernel/vmalloc/vmap-findings.ts';
import { formatAddress } from '../../debug-adapter/base/address.ts';
import { blockBits, VmallocKernel, vmallocStart } from '../builders/vmalloc-kernel.ts';

const alloc = 2;
const ioremap = 1;

interface Made {
  readonly builder: VmallocKernel;
  /** Physical addresses of the structures. */
  readonly area: number;
  readonly ram: number;
  readonly blockArea: number;
  readonly block: number;
}

/** Two pages of vmalloc at 0, vm_map_ram at 16, a block at 64 with page 1 in use, ioremap at 32, free and lazy ranges. */
function build(more: { block?: Partial<Parameters<VmallocKernel['block']>[0]>; vm?: object } = {}): Made {
  const builder = new VmallocKernel('nodes');
  const area = builder.area({ page: 0, pages: 3, vm: { flags: alloc, frames: [0x700, 0x701], ...more.vm } });
  builder.map(0, 0x700);
  builder.map(1, 0x701);
  const ram = builder.area({ page: 16, pages: 2, flags: 1n });
  builder.map(16, 0x702);
  builder.area({ page: 32, pages: 3, vm: { flags: ioremap, phys: 0x70_5000n } });
  builder.map(32, 0x705);
  builder.map(33, 0x706);
  const blockArea = builder.area({ page: 64, pages: blockBits, flags: 3n });
  const block = builder.block({ area: blockArea, page: 64, free: 62, dirty: 1, used: 2n, ...more.block });
  builder.map(65, 0x704);
  builder.area({ page: 20, pages: 4, state: 'lazy' });
  builder.area({ page: 4, pages: 12, state: 'free' });
  return { builder, area, ram, blockArea, block };
}

function found({ builder }: Made, damage?: (made: VmallocKernel) => void): string[] {
  const kernel = builder.open();
  damage?.(builder);
  const { findings, warnings } = vmallocFindings(kernel, {});
  assert.deepEqual(warnings, []);
  for (const finding of findings) {
    assert.equal(finding.kind, 'vmalloc-inconsistent');
    assert.equal(finding.mm, 'kernel');
    assert.match(finding.entryAddress, /^0x[0-9a-f]+$/);
  }
  return findings.map(place);
}

const place = ({ virtual, reason }: FindingFacts): string => `${Number((BigInt(virtual) - vmallocStart) / 4096n)}: ${reason}`;
const name = (made: Made, structure: 'area' | 'ram' | 'blockArea' | 'block'): string =>
  formatAddress(made.builder.virtual(made[structure]));

test('a sound kernel: nothing', () => {
  assert.deepEqual(found(build()), []);
});

test('areas that overlap, in whatever state', () => {
  const made = build();
  made.builder.area({ page: 2, pages: 3, vm: { flags: alloc } });
  const [first, second, ...rest] = found(made);
  assert.match(
    first ?? '',
    /^2: the busy area 0xffffc90000002000-0xffffc90000005000 overlaps the busy area 0xffffc90000000000-0xffffc90000003000 /,
  );
  assert.match(second ?? '', /^4: the free area 0xffffc90000004000-0xffffc90000010000 overlaps the busy area 0xffffc90000002000-/);
  assert.deepEqual(rest, []);
});

test('a list without an area that the tree has', () => {
  const made = build();
  const list = 40;
  const results = found(made, (builder) => {
    // The list of node 0: area 0, the ioremap area, the block. It now leaves the second out, in both directions.
    const next = builder.ram.frame(Math.floor(made.blockArea / 4096));
    assert.ok(next !== undefined);
    builder.poke(made.area + list, builder.virtual(made.blockArea + list));
    builder.poke(made.blockArea + list + 8, builder.virtual(made.area + list));
  });
  assert.deepEqual(results, ['32: it is in the tree of busy areas of node 0, and not on their list']);
});

test('a list whose backward links disagree, a list that loops', () => {
  const made = build();
  const list = 40;
  const back = found(made, (builder) => {
    builder.poke(made.blockArea + list + 8, builder.virtual(made.area + list));
  });
  assert.equal(back.length, 1);
  assert.match(back[0] ?? '', /^64: on the list of busy areas of node 0, its prev is 0x[0-9a-f]+, not 0x/);
  const looping = build();
  const loop = found(looping, (builder) => {
    builder.poke(looping.blockArea + list, builder.virtual(looping.area + list));
  });
  assert.ok(
    loop.some((text) => /^64: the list of busy areas of node 0 is broken: the list at .* loops back/.test(text)),
    loop.join('\n'),
  );
});

test('an area in the wrong node; flags that cannot be', () => {
  const wrongNode = build();
  wrongNode.builder.area({ page: 48, pages: 2, node: 0, flags: 1n });
  assert.deepEqual(found(wrongNode), ['48: it is listed in node 0, and belongs to node 1 by its address']);
  const flags = (value: bigint, has: boolean): string[] => {
    const made = build();
    made.builder.area({ page: 48, pages: 2, flags: value, ...(has ? { vm: { flags: alloc } } : {}) });
    return found(made);
  };
  assert.deepEqual(flags(2n, false), ['48: its flags 0x2 say VMAP_BLOCK without VMAP_RAM']);
  assert.deepEqual(flags(1n, true), ['48: it is a vm_map_ram area by its flags 0x1, and has a vm_struct']);
  assert.deepEqual(flags(0x301n, false), ['48: its flags name the pool of node 2, and there are 2 nodes']);
  assert.deepEqual(flags(0x41n, false), ['48: its flags 0x41 have bits that this kernel does not know']);
  assert.deepEqual(flags(0x201n, false), []);
});

test('a vm_struct that is not its area’s', () => {
  assert.deepEqual(found(build({ vm: { addr: vmallocStart + 0x5000n } })), ['0: its vm_struct begins at 0xffffc90000005000']);
  assert.deepEqual(found(build({ vm: { size: 0x4000 } }))[0], '0: its vm_struct has 16384 bytes, and the area 12288');
  const made = build();
  const results = found(made, (builder) => {
    builder.poke(made.area + 56, 0xdead_0000_0000n);
  });
  assert.deepEqual(results, ['0: its vm_struct pointer 0xdead00000000 leads nowhere']);
});

test('pages[] against the page table', () => {
  const other = build();
  other.builder.map(1, 0x70f);
  assert.deepEqual(found(other), ['1: pages[1] is frame 0x701, and frame 0x70f is mapped there']);
  const gone = build();
  gone.builder.map(1, undefined);
  assert.deepEqual(found(gone), ['1: pages[1] is frame 0x701, and nothing is mapped there']);
  const guard = build();
  guard.builder.map(2, 0x70f);
  assert.deepEqual(found(guard), ['2: the guard page is mapped, and pages[] ends at 2 of 2']);
  assert.deepEqual(found(build({ vm: { count: 3 } })), ['0: its vm_struct has 3 pages (nr_pages), and the area room for 2']);
  assert.deepEqual(found(build({ vm: { count: 1 } })), ['1: page 1 is mapped, and pages[] ends at 1 of 2']);
  const device = build();
  device.builder.map(33, 0x709);
  assert.deepEqual(found(device), ['33: frame 0x709 is mapped there, and by phys_addr it is 0x706']);
});

test('an area under construction says nothing yet', () => {
  const made = build();
  const uninitialized = 0x22;
  made.builder.area({ page: 48, pages: 3, vm: { flags: uninitialized, frames: [0x708, 0x709] } });
  assert.deepEqual(found(made), []);
});

test('what is freed is mapped', () => {
  const lazy = build();
  lazy.builder.map(21, 0x70f);
  assert.deepEqual(found(lazy), ['21: the lazily freed area 0xffffc90000014000-0xffffc90000018000 is mapped at 0xffffc90000015000']);
  const free = build();
  free.builder.map(8, 0x70f);
  assert.deepEqual(found(free), ['8: the free range 0xffffc90000004000-0xffffc90000010000 is mapped at 0xffffc90000008000']);
  const { builder } = free;
  const told = vmallocFindings(builder.open(), {
    damaged: [{ start: Number(vmallocStart >> 12n) + 8, end: Number(vmallocStart >> 12n) + 9 }],
  });
  assert.deepEqual(told.findings, [], 'where tables are damaged, that is told already');
});

test('the largest free range below a node, and the count of lazily freed pages', () => {
  const made = build();
  const free = made.builder.area({ page: 40, pages: 2, state: 'free' });
  const largest = found(made, (builder) => {
    builder.poke(free + 56, 0x9000n);
  });
  assert.deepEqual(largest.at(-1), '40: subtree_max_size of the free area says 0x9000, and the largest below it has 0x2000');
  const counted = build();
  const kernel = counted.builder.open();
  const at = kernel.addressOf('vmap_lazy_nr') ?? 0n;
  counted.builder.poke(Number(at - counted.builder.virtual(0)), 3n);
  assert.deepEqual(vmallocFindings(kernel, {}).findings.map(place), ['20: vmap_lazy_nr counts 3 lazily freed pages, and 4 are listed']);
});

test('blocks: bitmaps, counters, arrays, areas, free lists', () => {
  const block = (more: NonNullable<Parameters<typeof build>[0]>['block']): { made: Made; results: string[] } => {
    const made = build({ block: more ?? {} });
    return { made, results: found(made).map((text) => text.replaceAll(name(made, 'block'), 'B')) };
  };
  assert.deepEqual(block({ used: 3n, dirty: 0 }).results, []);
  assert.deepEqual(block({ used: 3n }).results, [
    '64: used_map of the vmap_block B marks 2 pages, and its counters leave 1: 62 free, 1 dirty of 64',
  ]);
  assert.deepEqual(block({ used: 2n, dirty: 0 }).results, [
    '64: used_map of the vmap_block B marks 1 pages, and its counters leave 2: 62 free, 0 dirty of 64 (legal only in the moment in which pages are unmapped)',
  ]);
  assert.deepEqual(block({ used: 4n }).results.slice(0, 1), [
    '64: page 2 of the vmap_block B is marked as used, and was never handed out: 62 of 64 pages are free',
  ]);
  assert.deepEqual(block({ free: 60, dirty: 9 }).results[0], '64: the vmap_block B counts 60 free and 9 dirty pages, and has 64');
  assert.deepEqual(block({ used: 1n }).results, ['64: page 1 of the vmap_block B is mapped, and used_map says that it is not in use']);
  assert.deepEqual(block({ index: 5 }).results, ["64: the vmap_block B lies in the array at index 0x5, which is not its address's"]);
  assert.deepEqual(block({ listed: false }).results, ["64: the vmap_block B has 62 free pages, and is on no CPU's free list"]);
  assert.deepEqual(block({ free: 0, dirty: 63, listed: true }).results, [
    '64: the vmap_block B is on the free list of CPU 0, and has no free page',
  ]);

  const never = build();
  never.builder.map(70, 0x70f);
  assert.match(found(never)[0] ?? '', /^64: page 6 of the vmap_block 0x[0-9a-f]+ is mapped, and was never handed out/);

  const stranger = build();
  const other = stranger.builder.area({ page: 16 + 8, pages: 1, state: 'lazy' });
  stranger.builder.block({ area: other, page: 128, free: 63, dirty: 0, used: 1n });
  assert.match(found(stranger)[0] ?? '', /the vmap_block 0x[0-9a-f]+ belongs to the vmap_area 0x[0-9a-f]+, which is not in use$/);

  const without = build();
  without.builder.area({ page: 128, pages: blockBits, flags: 3n });
  assert.deepEqual(found(without), [], 'a block that is being made or released is in no array');
  const lost = build();
  lost.builder.area({ page: 128, pages: blockBits, flags: 3n });
  lost.builder.map(130, 0x70f);
  assert.deepEqual(found(lost), ['128: it is carved up by a vmap_block, of which there is none, and page 2 is mapped']);

  const twice = build();
  twice.builder.block({ area: twice.blockArea, page: 128, free: 62, dirty: 1, used: 2n });
  assert.ok(found(twice).some((text) => text.includes('have the same area')));
});
