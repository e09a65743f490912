/** Processes of a simulated machine as the engine reads them, and kernel PMDs that are not shared. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { toAddress } from '../../debug-adapter/base/address.ts';
import { Fault, Machine } from '../../debug-adapter/simulator/machine.ts';
import { pagings } from '../../debug-adapter/simulator/options.ts';
import { run } from './run-operation.ts';
import { sessionOf } from './session-of.ts';

const page = 4096n;

describe('processes', () => {
  for (const paging of pagings) {
    it(`map, fault, fork, swap and end: ${paging}`, () => {
      const machine = Machine.create({ paging });
      const free = machine.core.pages.free;
      const parent = run(machine, 'create_process', { name: 'parent' });
      const address = run(machine, 'mmap', { process: parent, size: 8n * page });
      for (const index of [0n, 1n, 2n]) machine.run('fault', { process: parent, address: address + index * page, write: true });
      machine.run('fault', { process: parent, address: address + 3n * page });
      machine.run('fill', { process: parent, address, size: 8n, text: 'original' });
      const child = run(machine, 'fork', { process: parent });
      const mm = { parent: String(parent), child: String(child) };
      const frame = (pid: string, at: bigint): string | null => sessionOf(machine).translate(toAddress(at), pid).physical;
      assert.equal(frame(mm.parent, address), frame(mm.child, address));
      machine.run('fault', { process: child, address, write: true });
      assert.notEqual(frame(mm.parent, address), frame(mm.child, address));
      assert.equal(run(machine, 'read', { process: child, address }), run(machine, 'read', { process: parent, address }));
      const shared = frame(mm.parent, address);
      machine.run('fault', { process: parent, address, write: true });
      assert.equal(frame(mm.parent, address), shared, 'the last user keeps the page');
      assert.equal(run(machine, 'swap_out', { process: parent, address, size: page }), 1n);
      assert.equal(frame(mm.parent, address), null);
      const session = sessionOf(machine);
      assert.deepEqual(session.findings({}).findings, []);
      assert.deepEqual(
        session.tasks().map(({ pid, comm }) => [BigInt(pid), comm]),
        [
          [1n, 'init'],
          [2n, 'kthreadd'],
          [parent, 'parent'],
          [child, 'child'],
        ],
      );
      assert.deepEqual(session.warnings(), []);
      assert.equal(session.identify(toAddress(address + page), mm.parent).kind, 'user-vma');
      machine.run('fault', { process: parent, address });
      assert.equal(run(machine, 'read', { process: parent, address, size: 1n }), BigInt('o'.charCodeAt(0)));
      machine.run('mprotect', { process: parent, address: address + page, size: 2n * page, prot: 'PROT_NONE' });
      assert.throws(() => machine.run('fault', { process: parent, address: address + page }), /segfault/);
      machine.run('mprotect', { process: parent, address: address + page, size: page, prot: 'PROT_READ|PROT_WRITE' });
      machine.run('fault', { process: parent, address: address + page, write: true });
      const maps = sessionOf(machine).maps(Number(parent));
      assert.equal(maps.areas.length, 4);
      machine.run('munmap', { process: parent, address: address + 2n * page, size: 2n * page });
      assert.throws(() => machine.run('fault', { process: parent, address: address + 2n * page }), /no area covers/);
      assert.deepEqual(sessionOf(machine).findings({}).findings, []);
      machine.run('exit', { process: child });
      machine.run('exit', { process: parent });
      const after = sessionOf(machine);
      assert.deepEqual(after.findings({}).findings, []);
      assert.equal(after.tasks().length, 2);
      // Slabs that are kept empty are all that is missing.
      assert.ok(free - machine.core.pages.free < 60, `${free - machine.core.pages.free} pages are lost`);
    });
  }

  it('have large pages, which are split where a part changes', () => {
    const machine = Machine.create();
    const process = run(machine, 'create_process');
    const size = 2n << 21n;
    const address = run(machine, 'mmap', { process, size });
    machine.run('madvise_hugepage', { process, address, size });
    machine.run('fault', { process, address: address + 12_345n, write: true });
    const huge = sessionOf(machine).translate(toAddress(address), String(process));
    assert.equal(huge.pageSize, 2 << 20);
    machine.run('munmap', { process, address: address + page, size: page });
    const session = sessionOf(machine);
    assert.equal(session.translate(toAddress(address), String(process)).pageSize, 4096);
    assert.equal(session.translate(toAddress(address), String(process)).physical, huge.physical);
    assert.equal(session.translate(toAddress(address + page), String(process)).physical, null);
    assert.deepEqual(session.findings({}).findings, []);
    assert.deepEqual(session.warnings(), []);
    machine.run('exit', { process });
  });

  it('have many areas in a maple tree of more than one node', () => {
    const machine = Machine.create();
    const process = run(machine, 'create_process');
    const start = 0x10_0000n;
    for (let index = 0n; index < 300n; index++) {
      machine.run('mmap', {
        process,
        size: page,
        address: start + ((index * 7n) % 300n) * 2n * page,
        flags: 'MAP_PRIVATE|MAP_FIXED_NOREPLACE',
      });
    }
    const { areas } = sessionOf(machine).maps(Number(process));
    assert.equal(areas.length, 300);
    areas.forEach(({ start: at }, index) => {
      assert.equal(BigInt(at), start + BigInt(index) * 2n * page);
    });
    assert.throws(() => machine.run('mmap', { process, size: page, address: start }), Fault);
    machine.run('exit', { process });
  });

  it('tell written pages by soft-dirty bits and by userfaultfd', () => {
    const machine = Machine.create();
    const process = run(machine, 'create_process');
    const address = run(machine, 'mmap', { process, size: 4n * page, flags: 'MAP_PRIVATE|MAP_POPULATE' });
    const flags = (index: bigint): readonly string[] =>
      sessionOf(machine)
        .translate(toAddress(address + index * page), String(process))
        .levels.at(-1)?.flags ?? [];
    assert.ok(flags(0n).includes('SOFT_DIRTY'));
    machine.run('clear_soft_dirty', { process });
    machine.run('fault', { process, address: address + page, write: true });
    assert.deepEqual(
      [0n, 1n, 2n].map((index) => flags(index).includes('SOFT_DIRTY')),
      [false, true, false],
    );
    machine.run('userfaultfd_register', { process, address, size: 4n * page });
    machine.run('userfaultfd_writeprotect', { process, address, size: 4n * page });
    machine.run('fault', { process, address: address + 2n * page, write: true });
    assert.deepEqual(
      [0n, 1n, 2n].map((index) => flags(index).includes('UFFD_WP')),
      [true, true, false],
    );
  });

  it('are refused what does not exist', () => {
    const machine = Machine.create();
    assert.throws(() => machine.run('mmap', { process: 99n, size: page }), /no process has PID 99/);
    assert.throws(() => machine.run('mmap', { process: 2n, size: page }), /kernel thread/);
    const process = run(machine, 'create_process');
    assert.throws(() => machine.run('mmap', { process, size: 1n << 47n }), Fault);
    assert.throws(() => machine.run('munmap', { process, address: 1n, size: page }), /multiple of a page/);
    assert.throws(() => machine.run('mprotect', { process, address: 0x20_0000n, size: page, prot: 'PROT_READ' }), /no area covers/);
  });
});

describe('kernel PMDs with PAE', () => {
  const scene = (
    paging: 'x86-32-pae' | 'x86-32-pae-shared',
    syncUnmappings: boolean,
  ): { machine: Machine; process: bigint; address: bigint } => {
    const machine = Machine.create({ paging, features: { syncUnmappings } });
    const process = run(machine, 'create_process');
    const address = run(machine, 'ioremap', { phys_addr: 0xe000_0000n, size: 2n << 20n });
    // Without syncs the process gets the entry when it faults.
    if (!syncUnmappings) machine.run('vmalloc_fault', { process, address });
    assert.deepEqual(sessionOf(machine).findings({}).findings, []);
    return { machine, process, address };
  };

  it('are stale in a process where an unmapping is not synced, and the engine finds that', () => {
    const { machine, process, address } = scene('x86-32-pae', false);
    machine.run('iounmap', { address });
    const session = sessionOf(machine);
    assert.equal(session.translate(toAddress(address)).physical, null);
    assert.equal(session.translate(toAddress(address), String(process)).physical, '0xe0000000');
    const found = session.findings({}).findings;
    assert.ok(
      found.some(({ kind, mm }) => kind === 'root-out-of-sync' && mm === String(process)),
      JSON.stringify(found),
    );
    machine.run('vmalloc_fault', { process, address });
    assert.deepEqual(sessionOf(machine).findings({}).findings, []);
  });

  it('lead elsewhere when the address is used again, where the kernel stops', () => {
    const { machine, process, address } = scene('x86-32-pae', false);
    machine.run('iounmap', { address });
    machine.run('purge_vmap_area_lazy', { full: true });
    assert.throws(
      () => {
        for (let index = 0; index < 600; index++) machine.run('vmalloc', { size: page });
        machine.run('vmalloc_fault', { process, address });
      },
      (error) => error instanceof Fault && /kernel BUG at arch\/x86\/mm\/fault.c/.test(error.message),
    );
  });

  it('are in step with syncs, and where they are shared', () => {
    for (const paging of ['x86-32-pae', 'x86-32-pae-shared'] as const) {
      const { machine, process, address } = scene(paging, true);
      machine.run('iounmap', { address });
      const session = sessionOf(machine);
      assert.equal(session.translate(toAddress(address), String(process)).physical, null);
      assert.deepEqual(session.findings({}).findings, []);
    }
  });
});

describe('rights and damage', () => {
  it('set_memory_*() splits large leaves, and the engine counts what is writable and executable', () => {
    const machine = Machine.create();
    const pfn = run(machine, 'alloc_pages');
    const address = run(machine, 'direct_map', { pfn });
    assert.equal(sessionOf(machine).translate(toAddress(address)).pageSize, 2 << 20);
    machine.run('set_memory_x', { address });
    const session = sessionOf(machine);
    assert.equal(session.translate(toAddress(address)).pageSize, 4096);
    const facts = session.findings({});
    assert.equal(facts.debugWx?.pages, 1);
    assert.deepEqual(
      facts.findings.map(({ kind, virtual }) => [kind, BigInt(virtual)]),
      [['writable-executable', address]],
    );
    machine.run('set_memory_nx', { address });
    assert.deepEqual(sessionOf(machine).findings({}).findings, []);
    machine.run('set_memory_np', { address });
    assert.throws(
      () => machine.run('read', { address }),
      (error) => error instanceof Fault && error.kind === 'page-fault' && error.level === 'pte',
    );
    machine.run('set_memory_p', { address });
    assert.equal(run(machine, 'read', { address }), 0n);
    assert.throws(() => machine.run('read', { address: 0x1234_5678_9abc_def0n }), /general protection/);
  });

  it('an entry that leads out of RAM is found', () => {
    const machine = Machine.create();
    const address = run(machine, 'vmalloc', { size: page });
    machine.run('write_entry', { address, level: 'pmd', value: 0x7f_ffff_f067n });
    const { findings } = sessionOf(machine).findings({});
    assert.ok(
      findings.some(({ kind }) => kind === 'wild-table'),
      JSON.stringify(findings),
    );
  });
});
