/** What identify says of the places that the kernel makes for its CPUs, its boot, its firmware and its checks, on ten machines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import { layoutOf, regionOfKind } from '../../debug-adapter/kernel/layout/layout.ts';
import { kernelTableFrames } from '../../debug-adapter/kernel/processes/table-frames.ts';
import { pgdOf } from '../../debug-adapter/kernel/processes/mm.ts';
import { perCpuAddress, possibleCpus } from '../../debug-adapter/kernel/per-cpu.ts';
import { tasks } from '../../debug-adapter/kernel/processes/task.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession, Session } from '../../debug-adapter/session/session.ts';
import { absent, expandedDump } from '../support/dumps.ts';
import { debian, smallMachines } from '../support/processes.ts';

const kernels = [...smallMachines, debian];

function open(name: string): Session {
  const session = openSession(nodeHost(), { paths: [expandedDump(name, name.includes('debian') ? 'dump.elf' : 'vmcore.elf')] });
  assert.ok(session instanceof Session);
  return session;
}

for (const name of kernels) {
  test(`${name}: per-CPU variables, by name and CPU`, { skip: absent(name) ?? false }, () => {
    const session = open(name);
    const { kernel } = session;
    const symbol = kernel.needAddressOf('runqueues', 'the test');
    const cpus = possibleCpus(kernel);
    for (const cpu of cpus) {
      const facts = session.identify(toAddress(perCpuAddress(kernel, symbol, cpu) + 8n));
      const [first] = facts.details;
      assert.equal(facts.summary, `per-CPU variable runqueues+0x8 of CPU ${cpu}`);
      assert.deepEqual({ kind: first?.kind, cpu: first?.['cpu'], name: first?.['name'] }, { kind: 'per-cpu', cpu, name: 'runqueues' });
    }
    // Memory of alloc_percpu(): every cache's kmem_cache_cpu.
    const cache = kernel.structs('the test').get('kmem_cache');
    const object = cache.has('cpu_slab') ? kernel.memory.pointer(kernel.needAddressOf('kmem_cache', 'the test')) : undefined;
    for (const cpu of object === undefined ? [] : cpus) {
      const [first] = session.identify(perCpuAddress(kernel, cache.pointer(object ?? toAddress(0), 'cpu_slab'), cpu)).details;
      assert.deepEqual(
        { kind: first?.kind, cpu: first?.['cpu'], allocated: first?.['allocated'] },
        { kind: 'per-cpu', cpu, allocated: true },
      );
    }
    session.close();
  });

  test(`${name}: tables of processes and of the kernel, with their level`, { skip: absent(name) ?? false }, () => {
    const session = open(name);
    const { kernel } = session;
    const { directMap } = layoutOf(kernel);
    const own = kernelTableFrames(kernel);
    let pgds = 0;
    for (const task of tasks(kernel)) {
      if (task.mm === undefined || task.pid !== task.tgid) continue;
      const root = pgdOf(kernel, task.mm);
      if (own.has(Math.floor(root / 4096))) continue;
      const facts = session.identify(toAddress(BigInt.asUintN(kernel.memory.pointerSize * 8, BigInt(root) + (directMap?.offset ?? 0n))));
      const table = facts.details.find(({ kind }) => kind === 'page-table');
      assert.ok(table !== undefined, `${task.comm}: ${facts.kind} ${facts.summary}`);
      assert.equal(table['pid'], task.pid, facts.summary);
      pgds++;
    }
    assert.ok(pgds > 0);
    session.close();
  });
}

test('x86-64: CPU entry areas by CPU and member', { skip: absent('x86-64') ?? false }, () => {
  for (const name of ['x86-64', 'x86-64-kasan', 'x86-64-debian-6.12', 'i386-pae-pti'].filter((one) => absent(one) === undefined)) {
    const session = open(name);
    const { kernel } = session;
    const region = regionOfKind(layoutOf(kernel), 'cpu-entry-area');
    const struct = kernel.structs('the test').get('cpu_entry_area');
    const shuffled = kernel.addressOf('_cea_offset');
    assert.ok(region !== undefined);
    for (const cpu of possibleCpus(kernel)) {
      const slot = shuffled === undefined ? cpu : kernel.memory.u32(perCpuAddress(kernel, shuffled, cpu));
      const start: bigint = region.start + 4096n + BigInt(slot * struct.size);
      const [first] = session.identify(toAddress(start + BigInt(struct.offset('tss')) + 4n)).details;
      assert.deepEqual({ kind: first?.kind, cpu: first?.['cpu'] }, { kind: 'cpu-entry-area', cpu }, name);
      assert.match(String(first?.['member']), /^tss\./);
    }
    session.close();
  }
});

test('x86-64: espfix stacks by CPU, in every repetition', { skip: absent('x86-64') ?? false }, () => {
  const session = open('x86-64');
  const { kernel } = session;
  const symbol = kernel.needAddressOf('espfix_stack', 'the test');
  for (const cpu of possibleCpus(kernel)) {
    const stack = kernel.memory.word(perCpuAddress(kernel, symbol, cpu));
    for (const at of [stack, stack ^ 0x1234_0000n]) assert.equal(session.identify(toAddress(at)).summary, `espfix stack of CPU ${cpu}`);
  }
  session.close();
});

test('fixmap slots by name', { skip: absent('arm64-4k') ?? absent('x86-64') ?? absent('riscv64-sv48') ?? false }, () => {
  const x86 = open('x86-64');
  assert.equal(x86.identify(toAddress(0xffff_ffff_ff7f_d008n)).summary, 'fixmap slot 2, FIX_APIC_BASE');
  x86.close();
  const arm64 = open('arm64-4k');
  assert.equal(arm64.identify(toAddress(0xffff_ffff_ff42_c010n)).summary, 'fixmap slot 980, FIX_PGD');
  arm64.close();
  const riscv = open('riscv64-sv48');
  assert.equal(riscv.identify(toAddress(0xffff_8d7f_fefe_e000n - 0x1000n)).kind, 'fixmap');
  riscv.close();
});

test('KASAN shadow, with the memory that it tells of', { skip: absent('x86-64-kasan') ?? false }, () => {
  const session = open('x86-64-kasan');
  const { kernel } = session;
  // A free object's own bytes are poisoned, a used one's are not.
  const task = tasks(kernel)[0];
  assert.ok(task !== undefined);
  const shadow = toAddress((task.address >> 3n) + 0xdfff_fc00_0000_0000n);
  const [first] = session.identify(shadow).details;
  assert.deepEqual(
    { kind: first?.kind, shadowed: first?.['shadowed'], value: first?.['value'], bytes: first?.['bytes'] },
    { kind: 'kasan-shadow', shadowed: `0x${task.address.toString(16)}`, value: 0, bytes: 8 },
  );
  session.close();
  const plain = absent('x86-64') === undefined ? open('x86-64') : undefined;
  assert.ok(plain?.identify(shadow).details.every(({ kind }) => kind !== 'kasan-shadow') !== false);
  plain?.close();
});

test('EFI runtime services by their kind', { skip: absent('x86-64-efi') ?? false }, () => {
  const session = open('x86-64-efi');
  const { kernel } = session;
  const efi = kernel.structs('the test').get('efi');
  const at = kernel.needAddressOf('efi', 'the test');
  const map = efi.pointer(at, 'memmap.map');
  const size = efi.number(at, 'memmap.desc_size');
  let found = 0;
  for (let index = 0; index < efi.number(at, 'memmap.nr_map'); index++) {
    const one = toAddress(map + BigInt(index * size));
    const virtual = kernel.memory.u64(toAddress(one + 16n));
    if (virtual === 0n || kernel.memory.u64(toAddress(one + 32n)) >> 63n === 0n) continue;
    const [first] = session.identify(toAddress(virtual + 0x10n)).details;
    assert.equal(first?.kind, 'efi-runtime');
    assert.equal(first['physical'], `0x${(kernel.memory.u64(toAddress(one + 8n)) + 0x10n).toString(16)}`);
    found++;
  }
  assert.ok(found > 0);
  session.close();
});
