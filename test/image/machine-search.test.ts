/** Which machine memory is of, where no header tells. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CancellationSource } from '../../debug-adapter/base/cancellation.ts';
import { Cancelled } from '../../debug-adapter/base/errors.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { Landmarks } from '../../debug-adapter/kernel/opening/landmarks.ts';
import { likelyMachines } from '../../debug-adapter/kernel/opening/machine-search.ts';
import { findVmcoreinfo } from '../../debug-adapter/kernel/opening/vmcoreinfo-search.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { Vmcoreinfo } from '../../debug-adapter/symbols/vmcoreinfo.ts';
import { filled } from '../builders/elf-file.ts';
import { bytesFile, dumpRuns, fileHost, pieceOf, pieceOfFile, sparseFile } from '../builders/file-host.ts';
import { limeRecord, recordHeader } from '../builders/lime-file.ts';
import { absent, expandedDump, truthText } from '../support/dumps.ts';
import { underLimits } from '../support/lowered-limits.ts';

/** struct new_utsname: sysname, nodename, release, version, machine, domainname, 65 bytes each. */
function utsname(machine: string, version = '#1 SMP'): Uint8Array {
  const bytes = new Uint8Array(6 * 65);
  ['Linux', 'host', '6.1.0', version, machine, '(none)'].forEach((text, index) => {
    bytes.set(new TextEncoder().encode(text), index * 65);
  });
  return bytes;
}

function machinesIn(names: readonly (readonly [at: number, name: Uint8Array])[], notes?: string): string[] {
  const bytes = filled(0x10000, 0x4c);
  for (const [at, name] of names) bytes.set(name, at);
  const { memory } = openImage(fileHost({ lime: bytesFile(limeRecord(0x100000, bytes)) }), ['lime']);
  const info = notes === undefined ? undefined : new Vmcoreinfo(notes, 'test');
  return [...likelyMachines(new Landmarks(memory), info)].map(
    ({ machine, vmcoreinfo }) =>
      `${machine.architecture} ${machine.littleEndian ? 'little' : 'big'} ${machine.pointerSize}${info !== undefined && vmcoreinfo === undefined ? ' without notes' : ''}`,
  );
}

describe('the machine by utsname', () => {
  for (const [name, expected] of [
    ['x86_64', ['x86-64 little 8']],
    ['i686', ['x86-32 little 4']],
    ['aarch64', ['arm64 little 8']],
    ['armv7l', ['arm little 4']],
    ['armv5tejl', ['arm little 4']],
    ['riscv64', ['riscv64 little 8']],
    ['s390x', ['s390x big 8']],
    ['ppc64le', ['ppc64le little 8']],
    ['ppc64', ['ppc64 big 8']],
    ['mips64', ['mips64 little 8', 'mips64 big 8']],
    ['loongarch64', ['loongarch64 little 8']],
    ['vax', []],
  ] as const) {
    test(name, () => {
      assert.deepEqual(machinesIn([[0x123, utsname(name)]]), expected);
    });
  }

  test('over the end of a frame', () => {
    for (let at = 0x1000 - 6 * 65; at <= 0x1000 - 6; at++) assert.deepEqual(machinesIn([[at, utsname('s390x')]]), ['s390x big 8']);
  });

  test('what only begins like one', () => {
    assert.deepEqual(machinesIn([[0x100, utsname('x86_64', 'no number')]]), []);
  });

  test('several: the one with the most copies first', () => {
    const names = [utsname('aarch64'), utsname('riscv64'), utsname('riscv64')].map((name, index) => [index * 0x800, name] as const);
    assert.deepEqual(machinesIn(names), ['riscv64 little 8', 'arm64 little 8']);
  });
});

describe('the machine by VMCOREINFO', () => {
  for (const [key, expected] of [
    ['NUMBER(pgtable_l5_enabled)=0', 'x86-64 little 8'],
    ['SYMBOL(init_level4_pgt)=ffffffff81c10000', 'x86-64 little 8'],
    ['CONFIG_X86_PAE=y', 'x86-32 little 4'],
    ['NUMBER(kimage_voffset)=0xffff800070000000', 'arm64 little 8'],
    ['NUMBER(phys_ram_base)=0x80000000', 'riscv64 little 8'],
    ['SYMBOL(lowcore_ptr)=1234', 's390x big 8'],
    ['CONFIG_ARM_LPAE=y', 'arm little 4'],
  ] as const) {
    test(key, () => {
      assert.deepEqual(machinesIn([], `OSRELEASE=6.1\n${key}\n`), [expected]);
    });
  }

  test("another kernel's name beside it: tried without the notes, which are not its own", () => {
    const names = [[0, utsname('aarch64')] as const, [0x800, utsname('x86_64')] as const];
    assert.deepEqual(machinesIn(names, 'NUMBER(pgtable_l5_enabled)=0\n'), ['x86-64 little 8', 'arm64 little 8 without notes']);
  });

  test('notes that tell no architecture', () => {
    assert.deepEqual(machinesIn([[0, utsname('i686')]], 'OSRELEASE=6.1\n'), ['x86-32 little 4']);
  });
});

/** A session on the memory of a riscv64 machine, with the names of 64 guests of another kind from `guests` on. */
function openWithGuests(guests: number): Session {
  const path = expandedDump('riscv64-sv48', 'vmcore.elf');
  const run = dumpRuns(path).at(-1);
  assert.ok(run);
  const names = filled(0x10000, 0);
  for (let at = 0; at < 0x10000; at += 0x400) names.set(utsname('s390x'), at);
  const head = recordHeader('EMiL', { start: BigInt(run.physical), last: BigInt(run.physical + run.size - 1) });
  const last = limeRecord(guests, names);
  const pieces = [pieceOf(0, head), pieceOfFile(32, { path, start: run.offset, size: run.size }), pieceOf(32 + run.size, last)];
  return openSession(fileHost({ lime: sparseFile(pieces, 32 + run.size + last.length).open }), { paths: ['lime'] });
}

describe('a machine that runs virtual machines of another kind', { skip: absent('riscv64-sv48') ?? false }, () => {
  test('is the one that is found', () => {
    const session = openWithGuests(0x1_0000_0000);
    assert.equal(session.info().architecture, 'riscv64');
    assert.equal(session.vmallocinfoText(), truthText('riscv64-sv48', 'vmallocinfo.txt'));
    session.close();
  });

  test('more guests than are looked at are told', async () => {
    const warnings = (): readonly string[] => {
      const session = openWithGuests(0x10_0000);
      assert.equal(session.info().architecture, 'riscv64');
      const told = session.warnings().filter((text) => text.includes('places of memory'));
      session.close();
      return told;
    };
    assert.deepEqual(warnings(), []);
    assert.deepEqual(await underLimits({ scannedPlaces: 63 }, warnings), [
      "more than 63 places of memory look like a kernel's utsname; the kernel was not looked for at the others",
    ]);
  });
});

test('the search for VMCOREINFO tells how far it is, and can be cancelled', () => {
  const { open } = sparseFile([pieceOf(0, recordHeader('EMiL', { start: 0n, last: 2n ** 28n - 1n }))], 2 ** 28 + 32);
  const { memory } = openImage(fileHost({ lime: open }), ['lime']);
  const source = new CancellationSource();
  const told: number[] = [];
  const progress = (_step: string, done: number, total: number): void => {
    assert.equal(total, 2 ** 28);
    told.push(done);
    if (done >= 2 ** 27) source.cancel();
  };
  assert.throws(() => findVmcoreinfo(new Landmarks(memory, { token: source, progress })), Cancelled);
  assert.deepEqual(told, [0, 2 ** 26, 2 ** 27]);
});

describe("the machine's own VMCOREINFO", () => {
  const size = 2 ** 24;
  const note = (release: string, physBase: number, more = ''): Uint8Array =>
    new TextEncoder().encode(
      `OSRELEASE=${release}\nPAGESIZE=4096\nSYMBOL(init_uts_ns)=ffffffff82000000\nOFFSET(uts_namespace.name)=4\nSYMBOL(_stext)=ffffffff81000000\n` +
        `NUMBER(phys_base)=${physBase}\nNUMBER(pgtable_l5_enabled)=0\nSIZE(page)=64\nSIZE(list_head)=16\n${more}`,
    );
  /** struct uts_namespace until 5.10: a kref before the name. */
  const name = (release: string): Uint8Array => {
    const bytes = new Uint8Array(4 + 6 * 65);
    bytes.set(utsname('x86_64'), 4);
    bytes.fill(0, 4 + 130, 4 + 195);
    bytes.set(new TextEncoder().encode(release), 4 + 130);
    return bytes;
  };
  const found = (pieces: readonly (readonly [at: number, bytes: Uint8Array])[]): { release: string | undefined; farthest: number } => {
    const file = sparseFile(
      pieces.map(([at, bytes]) => pieceOf(at, bytes)),
      size,
    );
    const { memory } = openImage(fileHost({ raw: file.open }), ['raw'], { rawRanges: [{ start: 0, end: undefined }] });
    return { release: findVmcoreinfo(new Landmarks(memory))?.osRelease, farthest: file.farthest };
  };
  // 0x82000000 - 0x80000000 + phys_base.
  const physBase = -0x0180_0000;
  const own = [0x80_0000, name('6.1.0')] as const;

  test('ends the search', () => {
    const { release, farthest } = found([[0x1000, note('6.1.0', physBase)], own]);
    assert.equal(release, '6.1.0');
    assert.ok(farthest < 0x90_0000, `${farthest} bytes were read`);
  });

  test('is told from that of a virtual machine, which stands before it and is longer', () => {
    const guest = note('6.6.6', physBase, 'SIZE(nodemask_t)=128\n'.repeat(20));
    assert.equal(found([[0x1000, guest], [0x10_0000, note('6.1.0', physBase)], own]).release, '6.1.0');
    // One whose addresses lead nowhere.
    assert.equal(found([[0x1000, note('6.6.6', 0x7000_0000_0000)], [0x10_0000, note('6.1.0', physBase)], own]).release, '6.1.0');
  });

  test('where none can be made sure of, the longest is taken', () => {
    const longer = note('6.6.6', physBase, 'SIZE(nodemask_t)=128\n');
    assert.equal(
      found([
        [0x1000, note('6.1.0', physBase)],
        [0x10_0000, longer],
      ]).release,
      '6.6.6',
    );
  });
});
