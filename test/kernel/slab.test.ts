/** SLUB's slabs of ten real kernels: what the freelists reach agrees with the kernel's own counts, and every object is told. */
import { limits } from '../../debug-adapter/base/limits.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, toAddress } from '../../debug-adapter/base/address.ts';
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { headOf } from '../../debug-adapter/kernel/pages/folio.ts';
import { layoutOf } from '../../debug-adapter/kernel/layout/layout.ts';
import { optionalRead } from '../../debug-adapter/memory/optional-read.ts';
import { memoryModel, pageOfFrame } from '../../debug-adapter/kernel/pages/page-frame.ts';
import { pageTypeOf } from '../../debug-adapter/kernel/pages/page-type.ts';
import { slabOf, slabPlace } from '../../debug-adapter/kernel/slab/slab.ts';
import type { Slab } from '../../debug-adapter/kernel/slab/slab.ts';
import { tasks } from '../../debug-adapter/kernel/processes/task.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession, Session } from '../../debug-adapter/session/session.ts';
import { StructKernel } from '../builders/struct-kernel.ts';
import { absent, expandedDump } from '../support/dumps.ts';
import { debian, smallMachines } from '../support/processes.ts';

const kernels = [...smallMachines, debian];

/** Of the slabs made here. */
const slabLayout = { size: 64, members: { slab_cache: [8, 8], freelist: [32, 8], objects: [40, 2] } } as const;
const cacheMembers = { size: [0, 4], object_size: [4, 4], offset: [8, 4], inuse: [12, 4], name: [16, 8] } as const;

/** Every slab that a struct page marks as one. */
function* slabs(kernel: Kernel): Generator<Slab> {
  const offset = layoutOf(kernel).directMap?.offset ?? 0n;
  for (const { start, end } of memoryModel(kernel)?.pieces ?? []) {
    for (let frame = start; frame < end; frame++) {
      const page = pageOfFrame(kernel, frame);
      if (page === undefined) continue;
      const marked = optionalRead(() => headOf(kernel, page) === page && pageTypeOf(kernel, page).kind === 'slab');
      if (marked !== true) continue;
      const base = toAddress(BigInt.asUintN(64, offset + BigInt(frame * kernel.pageSize)));
      const slab = slabOf(kernel, page, base);
      assert.ok(slab !== undefined, `the slab at frame ${frame} is not understood`);
      yield slab;
    }
  }
}

for (const name of kernels) {
  test(`${name}: free objects are as many as the kernel counts`, { skip: absent(name) ?? false }, () => {
    const session = openSession(nodeHost(), { paths: [expandedDump(name, name.includes('debian') ? 'dump.elf' : 'vmcore.elf')] });
    assert.ok(session instanceof Session);
    const { kernel } = session;
    const shape = kernel.structs('the test').get('slab');
    let counted = 0;
    let free = 0;
    for (const slab of slabs(kernel)) {
      assert.equal(slab.problem, undefined, slab.cache.name);
      assert.equal(slab.cache.listed, true, slab.cache.name);
      free += slab.free.size;
      // Of a slab that a CPU allocates from, the kernel counts all that were ever handed to the CPU.
      if (slab.place?.startsWith('allocated from') === true) continue;
      counted++;
      assert.equal(slab.objects - slab.free.size, shape.number(slab.address, 'inuse'), `${slab.cache.name} at ${slab.base.toString(16)}`);
    }
    assert.ok(counted > 20 && free > 100, `${counted} slabs, ${free} free objects`);
    session.close();
  });

  test(`${name}: every task is an allocated task_struct`, { skip: absent(name) ?? false }, () => {
    const session = openSession(nodeHost(), { paths: [expandedDump(name, name.includes('debian') ? 'dump.elf' : 'vmcore.elf')] });
    assert.ok(session instanceof Session);
    const all = tasks(session.kernel);
    assert.ok(all.length > 20);
    for (const task of all) {
      const facts = session.identify(toAddress(task.address + 0x20n));
      const [first] = facts.details;
      assert.equal(first?.kind, 'slab-object', facts.summary);
      assert.deepEqual(
        { cache: first['cache'], offset: first['offset'], allocated: first['allocated'], pid: first['pid'], type: first['type'] },
        { cache: 'task_struct', offset: 0x20, allocated: true, pid: task.pid, type: 'struct task_struct' },
      );
    }
    session.close();
  });
}

test('parts of an object, and the end behind the last', () => {
  const cache = {
    address: toAddress(1),
    name: 'x',
    size: 128,
    objectSize: 80,
    inuse: 88,
    freePointer: 88,
    redLeftPad: 16,
    random: undefined,
    listed: true,
  };
  const base = toAddress(0xffff_8880_0000_1000n);
  const slab: Slab = { cache, address: toAddress(2), objects: 3, base, free: new Set([1]), problem: undefined, place: undefined };
  assert.deepEqual(slabPlace(slab, 0), { index: 0, object: base + 16n, offset: -16, part: 'left red zone', allocated: true });
  assert.deepEqual(slabPlace(slab, 128 + 16 + 79), { index: 1, object: base + 144n, offset: 79, part: 'object', allocated: false });
  assert.equal(slabPlace(slab, 128 + 16 + 80)?.part, 'padding');
  assert.equal(slabPlace(slab, 128 + 16 + 88)?.part, 'metadata');
  assert.equal(slabPlace(slab, 3 * 128), undefined);
  assert.equal(slabPlace({ ...slab, problem: 'it loops' }, 0)?.allocated, undefined);
  assert.equal(slabPlace({ ...slab, problem: 'it loops' }, 128)?.allocated, false);
});

/** One slab of 4 objects of 64 bytes, its free pointers stored by `encode`. */
function madeSlab(next: readonly (bigint | number)[], encode: (pointer: bigint, at: bigint) => bigint, random?: bigint): Slab | undefined {
  const made = new StructKernel({
    slab: slabLayout,
    kmem_cache: { size: 128, members: { ...cacheMembers, ...(random === undefined ? {} : { random: [24, 8] as const }) } },
  });
  const base = made.allocate(256, 4096);
  const cache = made.make('kmem_cache', { size: 64, object_size: 60, offset: 32, inuse: 60, ...(random === undefined ? {} : { random }) });
  const object = (index: bigint | number): bigint => (typeof index === 'bigint' ? index : base + BigInt(index * 64));
  next.forEach((one, index) => {
    const at = toAddress(base + BigInt(index * 64 + 32));
    made.write(at, BigInt.asUintN(64, encode(object(one), at)), 8);
  });
  const slab = made.make('slab', { slab_cache: cache, freelist: object(0), objects: 4 });
  return slabOf(made.open(), slab, base);
}

const swapped = (value: bigint): bigint =>
  BigInt(`0x${value.toString(16).padStart(16, '0').replace(/../g, '$& ').trim().split(' ').reverse().join('')}`);

test('free pointers: plain, and hardened in both ways', () => {
  const random = 0x1234_5678_9abc_def1n;
  const encodings = [
    madeSlab([2, 0n, 1], (pointer) => pointer),
    madeSlab([2, 0n, 1], (pointer, at) => pointer ^ random ^ at, random),
    madeSlab([2, 0n, 1], (pointer, at) => pointer ^ random ^ swapped(at), random),
  ];
  for (const slab of encodings) {
    assert.deepEqual([slab?.free, slab?.problem], [new Set([0, 2, 1]), undefined]);
  }
});

test('lists of free objects that loop, or lead away, are told and end', () => {
  const loop = madeSlab([1, 0], (pointer) => pointer);
  assert.deepEqual(loop?.free, new Set([0, 1]));
  assert.match(loop.problem ?? '', /comes back to object 0/);
  for (const wild of [0xdead_0000_0000_0100n, 1n]) {
    const slab = madeSlab([1, wild], (pointer) => pointer);
    assert.deepEqual(slab?.free, new Set([0, 1]));
    assert.match(slab.problem ?? '', /which is no object of the slab/);
    assert.equal(slabPlace(slab, 3 * 64)?.allocated, undefined);
  }
});

/** A slab of SLAB with 5 objects of 64 bytes, which begin 96 bytes into its page; `indexes` is its freelist from `active` on. */
function arraySlab(active: number, indexes: readonly number[], kept: readonly number[] = []): Slab | undefined {
  const made = new StructKernel({
    page: {
      size: 64,
      members: { flags: [0, 8], s_mem: [8, 8], freelist: [16, 8], slab_cache: [24, 8], active: [32, 4] },
    },
    kmem_cache: {
      size: 128,
      members: { cpu_cache: [0, 8], num: [8, 4], size: [12, 4], object_size: [16, 4], name: [24, 8], node: [32, { count: 1, size: 8 }] },
    },
    array_cache: { size: 80, members: { avail: [0, 4], entry: [16, { count: 0, size: 8 }] } },
    kmem_cache_node: { size: 64, members: { shared: [0, 8], alien: [8, 8] } },
  });
  const memory = made.allocate(4096, 4096);
  const first = memory + 96n;
  const freelist = made.allocate(8, 1);
  indexes.forEach((index, place) => {
    made.write(toAddress(freelist + BigInt(active + place)), BigInt(index), 1);
  });
  const arrays = kept.map((object) => {
    const array = made.make('array_cache', { avail: 1 });
    made.write(toAddress(array + 16n), first + BigInt(object * 64), 8);
    return array;
  });
  const node = made.make('kmem_cache_node', { shared: arrays[1] ?? 0n });
  const cache = made.make('kmem_cache', {
    cpu_cache: arrays[0] ?? made.make('array_cache'),
    num: 5,
    size: 64,
    object_size: 60,
    name: made.text('old'),
  });
  made.write(toAddress(cache + 32n), node, 8);
  const page = made.make('page', { s_mem: first, freelist, slab_cache: cache, active });
  return slabOf(made.open(), page, memory);
}

test('SLAB: objects behind the gap, free ones by the list of indexes, and by the arrays of CPUs and nodes', () => {
  const slab = arraySlab(2, [4, 0, 1], [2, 3]);
  assert.deepEqual([slab?.cache.name, slab?.objects, slab?.problem], ['old', 5, undefined]);
  // Objects 4, 0 and 1 were not handed out; a CPU keeps 2, its node 3.
  assert.deepEqual([...(slab?.free ?? [])].sort(), [0, 1, 2, 3, 4]);
  const less = arraySlab(3, [4, 0]);
  assert.ok(less !== undefined);
  assert.equal(slabPlace(less, 64)?.allocated, true);
  assert.equal(slabPlace(less, 4 * 64 + 60)?.part, 'metadata');
  assert.equal(slabPlace(less, 4 * 64)?.allocated, false);
  assert.equal(slabPlace(less, -1), undefined);
  assert.equal(slabPlace(less, 5 * 64), undefined);
});

test('SLAB: lists that name what is not there, or the same twice, are told', () => {
  assert.match(arraySlab(3, [4, 4])?.problem ?? '', /names object 4 twice/);
  assert.match(arraySlab(4, [9])?.problem ?? '', /names object 9 of 5/);
  assert.match(arraySlab(6, [])?.problem ?? '', /6 objects in use of 5/);
});

test('sheaves: free objects that CPUs and nodes keep in arrays of their own (since 6.18)', () => {
  const made = new StructKernel({
    slab: slabLayout,
    kmem_cache: { size: 128, members: { ...cacheMembers, cpu_sheaves: [24, 8], node: [32, { count: 2, size: 8 }] } },
    slub_percpu_sheaves: { size: 32, members: { main: [0, 8], spare: [8, 8], rcu_free: [16, 8] } },
    slab_sheaf: { size: 32, members: { barn_list: [0, 8], size: [16, 4], objects: [24, { count: 0, size: 8 }] } },
    kmem_cache_node: { size: 16, members: { barn: [0, 8] } },
    node_barn: { size: 32, members: { sheaves_full: [0, 8] } },
  });
  const base = made.allocate(512, 4096);
  const sheaf = (...objects: number[]): bigint => {
    const at = made.allocate(24 + 8 * objects.length);
    made.set(at, 'slab_sheaf', 'size', objects.length);
    objects.forEach((object, index) => {
      made.write(toAddress(at + 24n + BigInt(index * 8)), base + BigInt(object * 64), 8);
    });
    return at;
  };
  const barn = made.make('node_barn');
  const full = sheaf(5);
  made.write(barn, full, 8);
  made.write(toAddress(full), barn, 8);
  const cache = made.make('kmem_cache', { size: 64, object_size: 64, offset: 32, inuse: 64, name: made.text('new') });
  made.set(cache, 'kmem_cache', 'cpu_sheaves', made.make('slub_percpu_sheaves', { main: sheaf(1, 2), spare: sheaf(), rcu_free: sheaf(4) }));
  made.set(cache, 'kmem_cache', 'node[0]', made.make('kmem_cache_node', { barn }));
  const slab = slabOf(made.open(), made.make('slab', { slab_cache: cache, objects: 8 }), base);
  assert.deepEqual([slab?.problem, [...(slab?.free ?? [])].sort()], [undefined, [1, 2, 4, 5]]);
  made.set(toAddress(full), 'slab_sheaf', 'size', limits.sheafObjects + 1);
  const damaged = slabOf(made.open(), made.make('slab', { slab_cache: cache, objects: 8 }), base);
  assert.match(damaged?.problem ?? '', new RegExp(`the sheaf at ${formatAddress(toAddress(full))} claims 65537 objects`));
  assert.equal(damaged?.free.has(5), true);
});
