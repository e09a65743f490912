/** A simulated machine saved as an ELF vmcore, which the engine and other tools open. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { toAddress } from '../../debug-adapter/base/address.ts';
import { OpenedImage } from '../../debug-adapter/session/opened-image.ts';
import { openSession, Session } from '../../debug-adapter/session/session.ts';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import { pagings } from '../../debug-adapter/simulator/options.ts';
import { memoryHost } from '../support/memory-host.ts';
import { answersOf, notQuestions } from './answers.ts';
import { sessionOf } from './session-of.ts';

/** Debian's own Python has the packages of Debian. */
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

function fileOf(machine: Machine): Uint8Array {
  return Buffer.concat([...machine.saveElf()]);
}

/** A machine in which something has happened, with a process that has memory of each kind. */
function busyMachine(paging: (typeof pagings)[number]): { machine: Machine; address: bigint } {
  const machine = Machine.create({ paging, ram: 192 << 20, cpus: 2, nodes: 2 });
  const address = machine.run('vmalloc', { size: 20_000n }) as bigint;
  machine.run('fill', { address, size: 4096n, text: 'simulated ' });
  machine.run('vm_map_ram', { count: 5n });
  machine.run('vm_map_ram', { count: 100n });
  machine.run('vfree', { address: machine.run('vmalloc', { size: 4096n }) });
  const process = machine.run('create_process', { name: 'saved' });
  machine.run('mmap', { process, size: 65_536n, flags: 'MAP_PRIVATE|MAP_POPULATE' });
  const file = machine.run('create_file', { name: 'data', size: 65_536n });
  const mapped = machine.run('mmap', { process, size: 65_536n, file, flags: 'MAP_SHARED|MAP_POPULATE' });
  machine.run('mprotect', { process, address: mapped, size: 8192n, prot: 'PROT_NONE' });
  machine.run('mmap', { process, size: 2n << 20n, flags: 'MAP_PRIVATE|MAP_HUGETLB|MAP_POPULATE' });
  const swapped = machine.run('mmap', { process, size: 32_768n, flags: 'MAP_PRIVATE|MAP_POPULATE' });
  machine.run('swap_out', { process, address: swapped, size: 16_384n });
  machine.run('fork', { process });
  return { machine, address };
}

function savedSession(machine: Machine): Session {
  return openSession(memoryHost({ vmcore: fileOf(machine) }), { paths: ['vmcore'] });
}

describe('a saved machine', () => {
  for (const paging of pagings) {
    it(`answers every question as the live one: ${paging}`, () => {
      const { machine, address } = busyMachine(paging);
      const asked = {
        addresses: [address, machine.core.symbolAddress('init_task'), machine.core.symbolAddress('vm_map_ram'), 0x1000n],
        frames: [(machine.memory.ranges.at(-1)?.end ?? 0) - 4096, machine.core.symbol('init_task')],
      };
      const live = answersOf(sessionOf(machine), asked);
      const saved = answersOf(savedSession(machine), asked);
      for (const [question, answer] of live) assert.deepEqual(saved.get(question), answer, question);
      assert.deepEqual(live.get('warnings'), []);
      // No question is forgotten: whatever a session offers is asked, or is no question.
      const offered = [Session, OpenedImage].flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype));
      assert.deepEqual(
        offered.filter((name) => !live.has(name) && !notQuestions.includes(name)),
        [],
      );
    });
  }

  /** Reads the pages whose physical addresses, and one whose virtual address, the arguments name; a digest of each a line. */
  const libkdumpfile = `
import sys, hashlib, kdumpfile
context = kdumpfile.kdumpfile(sys.argv[1])
context.attr['addrxlat.ostype'] = 'linux'
print(hashlib.sha256(context.read(kdumpfile.KDUMP_KVADDR, int(sys.argv[2], 16), 4096)).hexdigest())
for address in sys.argv[3:]:
    print(hashlib.sha256(context.read(kdumpfile.KDUMP_MACHPHYSADDR, int(address, 16), 4096)).hexdigest())
`;
  const drgn = `
import sys, hashlib, drgn
program = drgn.Program()
program.set_core_dump(sys.argv[1])
print(hashlib.sha256(program.read(int(sys.argv[2], 16), 4096)).hexdigest())
for address in sys.argv[3:]:
    print(hashlib.sha256(program.read(int(address, 16), 4096, physical=True)).hexdigest())
`;

  for (const [tool, program] of [
    ['kdumpfile', libkdumpfile],
    ['drgn', drgn],
  ] as const) {
    it(`has the same pages for ${tool}`, (t) => {
      if (spawnSync(python, ['-c', `import ${tool}`]).status !== 0) {
        t.skip(`needs python3-${tool === 'drgn' ? 'drgn' : 'libkdumpfile'}`);
        return;
      }
      const { machine, address } = busyMachine('x86-64-4');
      const folder = mkdtempSync(join(tmpdir(), 'pagewalk-saved-'));
      try {
        const path = join(folder, 'vmcore');
        writeFileSync(path, fileOf(machine));
        // Every 97th page of the RAM, and the last.
        const frames = machine.memory.ranges.flatMap(({ start, end }) =>
          Array.from({ length: Math.ceil((end - start) / 4096 / 97) }, (_, index) => start / 4096 + index * 97).concat(end / 4096 - 1),
        );
        const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
        const expected = [
          digest(sessionOf(machine).readVirtual(toAddress(address), 4096).bytes),
          ...frames.map((frame) => digest(machine.memory.frame(frame) ?? new Uint8Array(0))),
        ];
        const found = spawnSync(python, ['-c', program, path, address.toString(16), ...frames.map((frame) => (frame * 4096).toString(16))]);
        assert.deepEqual(found.stdout.toString().trim().split('\n'), expected, found.stderr.toString());
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  it('has a program header that misleads, where KCORE_REMAP is on', () => {
    const methods = (kcoreRemap: boolean): (string | undefined)[] => {
      const machine = Machine.create({ kaslrSeed: 5, features: { kcoreRemap } });
      return sessionOf(machine)
        .info()
        .evidence.filter(({ quantity }) => quantity === 'pageOffset')
        .map(({ value }) => value);
    };
    for (const on of [false, true]) assert.equal(new Set(methods(on)).size, 1, 'the sound methods agree');
  });
});
