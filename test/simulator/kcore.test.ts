/** /proc/kcore of a simulated machine: the engine opens the file as it opens a live kernel's, and answers as it does of the machine. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { toAddress } from '../../debug-adapter/base/address.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { kcoreSegments } from '../../debug-adapter/simulator/kcore.ts';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import type { MachineOptions } from '../../debug-adapter/simulator/machine.ts';
import { pagings } from '../../debug-adapter/simulator/options.ts';
import { fileHost } from '../builders/file-host.ts';
import { sessionOf } from './session-of.ts';

function open(machine: Machine): Session {
  return openSession(fileHost({ '/proc/kcore': () => machine.kcore() }), { paths: ['/proc/kcore'] });
}

function busy(options: MachineOptions): { machine: Machine; address: bigint } {
  const machine = Machine.create({ ram: 64 << 20, ...options });
  const address = machine.run('vmalloc', { size: 20_000n }) as bigint;
  machine.run('fill', { address, size: 8192n, text: 'simulated ' });
  const process = machine.run('create_process', { name: 'reader' });
  machine.run('mmap', { process, size: 65_536n, flags: 'MAP_PRIVATE|MAP_POPULATE' });
  return { machine, address };
}

const layouts: readonly (readonly [name: string, options: MachineOptions])[] = [
  ...pagings.map((paging) => [paging, { paging }] as const),
  ['x86-64-4 with KASLR and KCORE_REMAP', { kaslrSeed: 5, features: { kcoreRemap: true } }],
  ['RAM around a PCI hole', { ram: 512 << 20, pciHole: { start: 256 << 20, end: 2 ** 32 } }],
];

describe('/proc/kcore of a machine', () => {
  for (const [name, options] of layouts) {
    it(`answers as the machine: ${name}`, () => {
      const { machine, address } = busy(options);
      const live = sessionOf(machine);
      const kcore = open(machine);
      assert.equal(kcore.info().format, '/proc/kcore');
      assert.deepEqual(kcore.ptdump({}).regions, live.ptdump({}).regions);
      assert.equal(kcore.vmallocinfoText(), live.vmallocinfoText());
      assert.deepEqual(kcore.tasks(), live.tasks());
      assert.deepEqual(kcore.readVirtual(toAddress(address), 8192), live.readVirtual(toAddress(address), 8192));
      assert.deepEqual(kcore.findings({}).findings, []);
    });
  }

  it('has the segments of the kernel whose layout it has (FACTS of a 6.12 with 512 MiB)', () => {
    const segments = kcoreSegments(Machine.create({ ram: 512 << 20 }).core);
    const shown = segments.map(({ type, virtual, physical, size }) => [
      type,
      virtual.toString(16),
      physical?.toString(16) ?? null,
      size.toString(16),
    ]);
    assert.deepEqual(shown, [
      ['text', 'ffffffff81000000', '1000000', '800000'],
      ['vmalloc', 'ffffc90000000000', null, '1fffffffffff'],
      ['modules', 'ffffffffc0000000', null, '3f000000'],
      ['ram', 'ffff888000000000', '0', '9f000'],
      ['vmemmap', 'ffffea0000000000', null, '3000'],
      ['ram', 'ffff888000100000', '100000', '1ff00000'],
      ['vmemmap', 'ffffea0000004000', null, '7fc000'],
    ]);
  });

  it('has one segment more with KCORE_REMAP, which leads a reader of the first program header astray', () => {
    const verdicts = (kcoreRemap: boolean): Record<string, boolean | null> =>
      Object.fromEntries(
        open(busy({ kaslrSeed: 3, features: { kcoreRemap } }).machine)
          .info()
          .pageOffsetMethods.map(({ method, agrees }) => [method.replace(/^the (first|last) PT_LOAD.*/, '$1'), agrees]),
      );
    const [plain, remapped] = [verdicts(false), verdicts(true)];
    assert.deepEqual([plain['first'], plain['last']], [true, true]);
    assert.deepEqual([remapped['first'], remapped['last']], [false, true]);
  });

  it('is read where vread() errs as vread() reads', () => {
    const machine = Machine.create({ ram: 64 << 20, features: { vmapRamFlags: false, usedMap: false } });
    const address = machine.run('vm_map_ram', { count: 4n }) as bigint;
    machine.run('fill', { address, size: 4096n, text: 'x' });
    const file = machine.kcore();
    const session = open(machine);
    // Through the page tables the memory is there; by way of vmalloc space the kernel gives zeros.
    assert.equal(Buffer.from(session.readVirtual(toAddress(address), 4).bytes).toString(), 'xxxx');
    // Program headers of 56 bytes from 64 on: the notes, the image, the vmalloc space. p_offset and p_vaddr come at 8 and 16.
    const header = new DataView(file.read(64 + 2 * 56, 56).buffer);
    const near = file.read(Number(header.getBigUint64(8, true) + address - header.getBigUint64(16, true)), 4);
    assert.deepEqual([...near], [0, 0, 0, 0]);
    file.close();
  });
});
