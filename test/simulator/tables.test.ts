/** The kernel's walk over page tables, its check of rights, and keeping other roots in step with init_mm. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { toAddress } from '../../debug-adapter/base/address.ts';
import { Fault } from '../../debug-adapter/simulator/fault.ts';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import type { MachineOptions } from '../../debug-adapter/simulator/machine.ts';
import { sessionOf } from './session-of.ts';

interface Walk {
  readonly tables: bigint;
  readonly entries: bigint;
  readonly leaves: bigint;
  readonly shared: bigint;
  readonly holes: Readonly<Record<string, bigint>>;
}

function walk(machine: Machine, given: Record<string, bigint | boolean | string> = {}): Walk {
  return machine.run('ptdump_walk_pgd', given) as unknown as Walk;
}

describe('ptdump_walk_pgd', () => {
  it('reads the entries that the engine reads', () => {
    for (const options of [
      {},
      { pti: true },
      { paging: 'x86-64-5' },
      { paging: 'x86-32-pae' },
      { paging: 'arm64-4k' },
    ] as const satisfies MachineOptions[]) {
      const machine = Machine.create(options);
      const { leaves, holes } = walk(machine);
      const { regions } = sessionOf(machine).ptdump({});
      assert.ok(leaves > 0n);
      for (const [level, count] of Object.entries(holes)) {
        const shown = regions.some((region) => region.level.toLowerCase() === level && region.attributes.length === 0);
        assert.equal(count > 0n, shown, `${JSON.stringify(options)}: holes at ${level}`);
      }
    }
  });

  it('walks KASAN’s shared tables once where it knows them', () => {
    const machine = Machine.create({ features: { kasan: true } });
    const gib = { start: 0xffff_ee00_0000_0000n, end: 0xffff_ee00_4000_0000n };
    assert.deepEqual(walk(machine, gib), { tables: 1n, entries: 1n, leaves: 0n, shared: 1n, holes: { pgd: 0n, pud: 0n, pmd: 0n } });
    const blind = walk(machine, { ...gib, knows_shadow: false });
    assert.deepEqual([blind.tables, blind.leaves, blind.shared], [515n, 262_144n, 0n]);
    assert.ok(walk(machine).entries < 50_000n, 'of 15 TiB of shadow');
  });

  it('goes into the inverted entry of efi_mm where it does not ask for the present bit', () => {
    const fault = (features: MachineOptions['features']): Fault => {
      const machine = Machine.create({ features: { efi: true, ...features } });
      assert.ok(walk(machine, { space: 'efi' }).tables > 0n);
      let found: unknown;
      try {
        walk(machine, { space: 'efi', checks_present: false });
      } catch (error) {
        found = error;
      }
      assert.ok(found instanceof Fault);
      return found;
    };
    // The addresses of the report: the fault's, and the one in R12.
    const plain = fault({});
    assert.equal(plain.kind, 'general-protection');
    assert.equal(plain.address, 0x000f_887f_ee5f_f000n);
    assert.match(plain.message, /^general protection fault, probably for non-canonical address 0xf887fee5ff000$/);
    const reported = fault({ kasan: true });
    assert.equal(reported.kind, 'invalid-access');
    assert.match(reported.message, /^BUG: KASAN: wild-memory-access in ptdump_pte_entry\nRead of size 8 at addr 000f887fee5ff000 by task/);
    assert.equal(reported.level, 'pte');
  });

  it('tells what it cannot walk', () => {
    const machine = Machine.create();
    for (const given of [{ space: 'efi' }, { space: 'user' }, { space: 'elsewhere' }, { start: 8192n, end: 4096n }, { process: 99n }])
      assert.throws(() => machine.run('ptdump_walk_pgd', given), Fault, JSON.stringify(Object.keys(given)));
  });

  it('stops where a damaged entry leads outside RAM', () => {
    const machine = Machine.create();
    const address = machine.run('vmalloc', { size: 4096n }) as bigint;
    machine.run('write_entry', { address, level: 'pmd', value: 0x7000_0000_0063n });
    assert.throws(
      () => walk(machine),
      (error) => error instanceof Fault && error.kind === 'page-fault' && error.level === 'pte',
    );
  });
});

describe('ptdump_check_wx', () => {
  const check = (machine: Machine): { readonly pages: bigint; readonly log: readonly string[] } =>
    machine.run('ptdump_check_wx') as unknown as { pages: bigint; log: readonly string[] };

  it('says what the kernel would log, and counts as the engine does', () => {
    for (const options of [{}, { features: { espfix: true, kasan: true } }, { paging: 'arm64-4k' }] as const satisfies MachineOptions[]) {
      const machine = Machine.create(options);
      const prefix = 'paging' in options ? 'arm64/mm' : 'x86/mm';
      assert.deepEqual(check(machine), { pages: 0n, log: [`${prefix}: Checked W+X mappings: passed, no W+X pages found.`] });
      const address = machine.run('vmalloc', { size: 12_288n, prot: 'PAGE_KERNEL_EXEC' }) as bigint;
      const { pages, log } = check(machine);
      assert.equal(pages, 3n);
      assert.deepEqual(log, [
        `${prefix}: Found insecure W+X mapping at address 0x${address.toString(16)}`,
        `${prefix}: Checked W+X mappings: FAILED, 3 W+X pages found.`,
      ]);
      assert.equal(sessionOf(machine).findings({}).debugWx?.pages, 3);
    }
  });

  it('is blind with PAE, whose root’s entries have no RW bit', () => {
    const machine = Machine.create({ paging: 'x86-32-pae' });
    machine.run('vmalloc', { size: 4096n, prot: 'PAGE_KERNEL_EXEC' });
    assert.equal(check(machine).pages, 0n);
  });
});

describe('roots out of step', () => {
  const large = 2n << 20n;
  const scene = (): { machine: Machine; process: bigint; address: bigint } => {
    const machine = Machine.create({ paging: 'x86-32-pae', pti: true, features: { syncUnmappings: false } });
    const process = machine.run('create_process') as bigint;
    const address = machine.run('ioremap', { phys_addr: 0xe000_0000n, size: large }) as bigint;
    return { machine, process, address };
  };
  const seen = (machine: Machine, address: bigint, process: bigint): string | null =>
    sessionOf(machine).translate(toAddress(address), String(process)).physical;

  it('vmalloc_sync_all() of before 5.3 adds, and takes nothing away', () => {
    const { machine, process, address } = scene();
    assert.equal(seen(machine, address, process), null);
    machine.run('vmalloc_sync_all');
    assert.equal(seen(machine, address, process), '0xe0000000');
    machine.run('iounmap', { address });
    machine.run('vmalloc_sync_all');
    assert.equal(seen(machine, address, process), '0xe0000000');
    machine.run('arch_sync_kernel_mappings');
    assert.equal(seen(machine, address, process), null);
    assert.deepEqual(sessionOf(machine).findings({}).findings, []);
  });

  it('needs roots with PMDs of their own', () => {
    for (const paging of ['x86-64-4', 'x86-32-pae-shared', 'arm64-4k'] as const) {
      const machine = Machine.create({ paging });
      for (const name of ['vmalloc_sync_all', 'arch_sync_kernel_mappings']) assert.throws(() => machine.run(name), Fault);
    }
    const { machine } = scene();
    assert.throws(() => machine.run('arch_sync_kernel_mappings', { start: 0n }), /only addresses from/);
  });
});

describe('user halves of roots', () => {
  for (const paging of ['x86-64-4', 'x86-64-5', 'x86-32-pae'] as const) {
    it(`have a process’s memory and nothing of the kernel but its entry: ${paging}`, () => {
      const machine = Machine.create({ paging, pti: true });
      const process = machine.run('create_process') as bigint;
      const address = machine.run('mmap', { process, size: 4096n, flags: 'MAP_PRIVATE|MAP_POPULATE' }) as bigint;
      const vmalloc = machine.run('vmalloc', { size: 4096n }) as bigint;
      const session = sessionOf(machine);
      const { kernel } = session;
      const regions = (user: boolean): bigint[] => {
        const lines = session.ptdump({ mm: String(process), user }).regions;
        const holds = (at: bigint): boolean =>
          lines.some(({ start, end, attributes }) => attributes.length > 0 && BigInt(start) <= at && (BigInt(end) > at || end === '0x0'));
        return [address, vmalloc, kernel.needAddressOf('__entry_text_start', 'a test'), kernel.needAddressOf('_text', 'a test')].map(
          (at) => (holds(at) ? 1n : 0n),
        );
      };
      assert.deepEqual(regions(true), [1n, 0n, 1n, 0n]);
      assert.deepEqual(regions(false), [1n, 1n, 1n, 1n]);
      assert.deepEqual(session.findings({}).findings, []);
      const before = machine.core.pages.free;
      machine.run('exit', { process: machine.run('create_process') as bigint });
      assert.equal(machine.core.pages.free, before);
    });
  }
});

describe('modify_ldt', () => {
  for (const paging of ['x86-64-4', 'x86-64-5', 'x86-32-pae'] as const) {
    it(`maps a process’s own descriptors for user mode: ${paging}`, () => {
      const machine = Machine.create({ paging, pti: true });
      // The first LDT makes its slab cache grow, which stays.
      const earlier = machine.run('create_process') as bigint;
      machine.run('modify_ldt', { process: earlier });
      machine.run('exit', { process: earlier });
      const before = machine.core.pages.free;
      const process = machine.run('create_process') as bigint;
      const other = machine.run('create_process') as bigint;
      machine.run('modify_ldt', { process, entries: 4n });
      const from = { 'x86-64-4': '0xffff8800', 'x86-64-5': '0xff100000', 'x86-32-pae': '0xff8' }[paging];
      const mapped = (pid: bigint, user: boolean): string[] =>
        sessionOf(machine)
          .ptdumpLines({ mm: String(pid), user })
          .map(({ text }) => text)
          .filter((line) => line.startsWith(from) && line.includes(' ro '));
      for (const user of [false, true]) {
        assert.equal(mapped(process, user).length, 1, `user half: ${user}`);
        assert.equal(mapped(other, user).length, 0);
      }
      assert.deepEqual(sessionOf(machine).findings({}).findings, []);
      // A second LDT takes the other slot, and the first is gone.
      const [first] = mapped(process, false);
      machine.run('modify_ldt', { process });
      assert.notDeepEqual(mapped(process, false), [first]);
      assert.equal(mapped(process, false).length, 1);
      for (const pid of [process, other]) machine.run('exit', { process: pid });
      assert.equal(machine.core.pages.free, before);
    });
  }

  it('needs no mapping without page-table isolation, and no arm64', () => {
    const machine = Machine.create();
    const process = machine.run('create_process') as bigint;
    const lines = (): number => sessionOf(machine).ptdumpLines({ mm: String(process) }).length;
    const before = lines();
    machine.run('modify_ldt', { process });
    assert.equal(lines(), before);
    const arm = Machine.create({ paging: 'arm64-4k' });
    assert.throws(() => arm.run('modify_ldt', { process: arm.run('create_process') as bigint }), Fault);
    assert.throws(() => machine.run('modify_ldt', { process, entries: 513n }), Fault);
  });
});
