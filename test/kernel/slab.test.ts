/** SLUB's slabs of ten real kernels: what the freelists reach agrees with the kernel's own counts, and every object is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { headOf } from '../../debug-adapter/kernel/identify-frame.ts';
import { layoutOf } from '../../debug-adapter/kernel/layout.ts';
import { optionalRead } from '../../debug-adapter/kernel/optional-read.ts';
import { memoryModel, pageOfFrame } from '../../debug-adapter/kernel/page-frame.ts';
import { pageTypeOf } from '../../debug-adapter/kernel/page-type.ts';
import { slabOf, slabPlace } from '../../debug-adapter/kernel/slab.ts';
import type { Slab } from '../../debug-adapter/kernel/slab.ts';
import { tasks } from '../../debug-adapter/kernel/task.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { Session } from '../../debug-adapter/session/session.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { absent, expandedDump } from '../support/dumps.ts';

const kernels = [
  'x86-64',
  'x86-64-efi',
  'x86-64-kasan',
  'x86-64-debian-6.12',
  'i386-pae-pti',
  'arm64-4k',
  'arm64-64k',
  'riscv64-sv48',
  's390x',
  'ppc64le',
];

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
