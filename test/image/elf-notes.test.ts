/** CPU notes of every architecture: against what QEMU said of the same CPUs, and built byte by byte. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CpuState, Image } from '../../debug-adapter/image/image.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { elfFile, elfNote, filled, joinBytes, noteSegment, x8664 } from '../builders/elf-file.ts';
import type { ElfSegment, ElfShape } from '../builders/elf-file.ts';
import { absent, expandedDump, truthText } from '../support/dumps.ts';
import { openBytes } from './built-image.ts';

function open(segments: readonly ElfSegment[], shape: ElfShape = x8664): Image {
  return openBytes(elfFile(segments, shape));
}

const value = (cpu: CpuState | undefined, name: string): bigint | undefined =>
  [...(cpu?.registers ?? []), ...(cpu?.control ?? [])].find((register) => register.name === name)?.value;

/** Names by which QEMU's monitor prints registers, where they are not the notes' names in capitals. */
const monitorNames: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'x86-64': { rflags: 'RFL', r8: 'R8', r9: 'R9' },
  'i386-pae-pti': { eflags: 'EFL' },
  'arm64-4k': {},
  'riscv64-sv48': {},
  s390x: { psw_mask: 'mask', psw_addr: 'addr' },
  ppc64le: { nip: 'NIP', msr: 'MSR', ctr: 'CTR', lr: 'LR', xer: 'XER' },
};

/** What QEMU printed of CPU `cpu` under `name`: `NAME=hex`, `NAME hex`, or GPRnn in rows of four. */
function printed(folder: string, text: string, name: string): bigint | undefined {
  if (folder === 'ppc64le') {
    const number = /^r(\d+)$/.exec(name)?.[1];
    if (number !== undefined) {
      const row = new RegExp(`^GPR${String(Number(number) - (Number(number) % 4)).padStart(2, '0')} (.*)$`, 'm').exec(text)?.[1];
      const word = row?.trim().split(/\s+/)[Number(number) % 4];
      return word === undefined ? undefined : BigInt(`0x${word}`);
    }
  }
  const renamed = monitorNames[folder]?.[name];
  const padded = name.replace(/^([xr])(\d)$/, '$10$2');
  for (const candidate of renamed === undefined ? [padded.toUpperCase(), name.toUpperCase(), name] : [renamed]) {
    const found = new RegExp(`(?:^|[\\s/])${candidate}\\s*[= ]\\s*([0-9a-f]{8,16})\\b`, 'm').exec(text)?.[1];
    if (found !== undefined) return BigInt(`0x${found}`);
  }
  return undefined;
}

describe('what QEMU printed of the CPUs of each machine', () => {
  for (const folder of Object.keys(monitorNames)) {
    test(folder, { skip: absent(folder) ?? false }, () => {
      const image = openImage(nodeHost(), [expandedDump(folder, 'vmcore.elf')]);
      const texts = truthText(folder, 'registers.txt')
        .split(/^CPU#\d+$/m)
        .slice(1);
      assert.ok(texts.length >= 2);
      assert.equal(image.cpus.length, texts.length);
      let compared = 0;
      texts.forEach((text, index) => {
        const cpu = image.cpus[index];
        for (const { name, value: ours } of [...(cpu?.registers ?? []), ...(cpu?.control ?? [])]) {
          const theirs = printed(folder, text, name);
          if (theirs === undefined) continue;
          assert.equal(ours.toString(16), theirs.toString(16), `${name} of CPU ${index}`);
          compared++;
        }
      });
      assert.ok(compared >= 2 * (folder === 'i386-pae-pti' ? 8 : 16), `only ${compared} registers were compared`);
      image.close();
    });
  }

  test('control registers: CR3 and IDT of x86, CR1 and CR13 of s390', { skip: absent('x86-64') ?? absent('s390x') ?? false }, () => {
    const x86 = openImage(nodeHost(), [expandedDump('x86-64', 'vmcore.elf')]);
    const text = truthText('x86-64', 'registers.txt');
    const cr3 = [...text.matchAll(/CR3=([0-9a-f]+)/g)].map((match) => BigInt(`0x${match[1]}`));
    assert.deepEqual(
      x86.cpus.map((cpu) => value(cpu, 'cr3')),
      cr3,
    );
    const idt = [...text.matchAll(/IDT=\s+([0-9a-f]+)/g)].map((match) => BigInt(`0x${match[1]}`));
    assert.deepEqual(
      x86.cpus.map((cpu) => value(cpu, 'idt_base')),
      idt,
    );
    x86.close();
    const s390 = openImage(nodeHost(), [expandedDump('s390x', 'vmcore.elf')]);
    for (const number of [1, 7, 13]) {
      const told = [...truthText('s390x', 'registers.txt').matchAll(new RegExp(`C${String(number).padStart(2, '0')}=([0-9a-f]+)`, 'g'))];
      assert.deepEqual(
        s390.cpus.map((cpu) => value(cpu, `cr${number}`)),
        told.map((match) => BigInt(`0x${match[1]}`)),
      );
    }
    s390.close();
  });
});

/** struct elf_prstatus: pr_pid behind two words of signals, pr_reg at `offset`; register n holds `base` + n. */
function prstatus(shape: ElfShape, of: { pid: number; registers: number; word: 4 | 8; base: number }): Uint8Array {
  const offset = of.word === 8 ? 112 : 72;
  const bytes = new Uint8Array(offset + of.registers * of.word + 8);
  const view = new DataView(bytes.buffer);
  view.setInt32(of.word === 8 ? 32 : 24, of.pid, shape.littleEndian);
  for (let index = 0; index < of.registers; index++) {
    if (of.word === 8) view.setBigUint64(offset + index * 8, BigInt(of.base + index), shape.littleEndian);
    else view.setUint32(offset + index * 4, of.base + index, shape.littleEndian);
  }
  return elfNote({ name: 'CORE', type: 1, description: bytes }, shape.littleEndian);
}

describe('NT_PRSTATUS', () => {
  // Where some registers stand in elf_gregset_t: arch/*/include/uapi/asm/ptrace.h and elf.h of the kernel.
  for (const [what, shape, word, registers, places] of [
    ['x86-64', x8664, 8, 27, { r15: 0, rip: 16, rsp: 19, gs: 26 }],
    ['x86-32', { wide: false, littleEndian: true, machine: 3 }, 4, 17, { ebx: 0, eip: 12, esp: 15, ss: 16 }],
    ['x86-32 in a 64-bit file', { wide: true, littleEndian: true, machine: 3 }, 4, 17, { ebx: 0, eip: 12, esp: 15, ss: 16 }],
    ['arm64', { wide: true, littleEndian: true, machine: 183 }, 8, 34, { x0: 0, x30: 30, sp: 31, pc: 32, pstate: 33 }],
    ['arm', { wide: false, littleEndian: true, machine: 40 }, 4, 18, { r0: 0, sp: 13, lr: 14, pc: 15, cpsr: 16 }],
    ['riscv64', { wide: true, littleEndian: true, machine: 243 }, 8, 32, { pc: 0, ra: 1, sp: 2, t6: 31 }],
    ['s390x', { wide: true, littleEndian: false, machine: 22 }, 8, 27, { psw_mask: 0, psw_addr: 1, r0: 2, r15: 17 }],
    ['ppc64', { wide: true, littleEndian: false, machine: 21 }, 8, 48, { r0: 0, r31: 31, nip: 32, msr: 33, lr: 36 }],
    ['ppc64le', { wide: true, littleEndian: true, machine: 21 }, 8, 48, { r0: 0, r31: 31, nip: 32, msr: 33, lr: 36 }],
    ['ppc32', { wide: false, littleEndian: false, machine: 20 }, 4, 48, { r0: 0, r31: 31, nip: 32, lr: 36 }],
    ['mips64', { wide: true, littleEndian: false, machine: 8 }, 8, 45, { r0: 0, r31: 31, lo: 32, epc: 34, cause: 37 }],
    ['loongarch64', { wide: true, littleEndian: true, machine: 258 }, 8, 45, { r0: 0, r31: 31, era: 33, badv: 34 }],
  ] as const) {
    test(what, () => {
      const image = open(
        [
          noteSegment([
            prstatus(shape, { pid: 77, registers, word, base: 0x1000 }),
            prstatus(shape, { pid: 78, registers, word, base: 0x2000 }),
          ]),
        ],
        shape,
      );
      assert.deepEqual(
        image.cpus.map(({ index, pid }) => [index, pid]),
        [
          [0, 77],
          [1, 78],
        ],
      );
      for (const [name, place] of Object.entries(places)) {
        assert.equal(value(image.cpus[0], name), BigInt(0x1000 + place), name);
        assert.equal(value(image.cpus[1], name), BigInt(0x2000 + place), name);
      }
      assert.deepEqual(image.warnings, []);
    });
  }

  test('one NOTE segment a CPU, VMCOREINFO in another', () => {
    const cpu = (base: number): ElfSegment => noteSegment([prstatus(x8664, { pid: base, registers: 27, word: 8, base })]);
    const info = elfNote({ name: 'VMCOREINFO', type: 0, description: new TextEncoder().encode('OSRELEASE=6.6.6\nPAGESIZE=4096\n') }, true);
    const image = open([cpu(1), cpu(2), noteSegment([info]), cpu(3)]);
    assert.deepEqual(
      image.cpus.map(({ pid }) => pid),
      [1, 2, 3],
    );
    assert.equal(image.vmcoreinfo?.text, 'OSRELEASE=6.6.6\nPAGESIZE=4096\n');
  });

  test('what makedumpfile erased', () => {
    const note = elfNote({ name: 'ERASEINFO', type: 0, description: new TextEncoder().encode('erase jprobe 1\n\0') }, true);
    assert.equal(open([noteSegment([note])]).eraseInfo, 'erase jprobe 1\n');
  });

  test("zeros between notes: the kernel's buffers of the CPUs, put one after the other", () => {
    const one = prstatus(x8664, { pid: 5, registers: 27, word: 8, base: 1 });
    const image = open([noteSegment([one, new Uint8Array(100), one, new Uint8Array(12)])]);
    assert.equal(image.cpus.length, 2);
    assert.deepEqual(image.warnings, []);
  });

  test('a note that is too short is left out, the next one is read', () => {
    const short = elfNote({ name: 'CORE', type: 1, description: filled(20, 0) }, true);
    const image = open([noteSegment([short, prstatus(x8664, { pid: 9, registers: 27, word: 8, base: 1 })])]);
    assert.deepEqual(
      image.cpus.map(({ pid }) => pid),
      [9],
    );
    assert.match(image.warnings.join('\n'), /the notes are damaged: .*NT_PRSTATUS/);
  });

  test('a note that claims more than its segment has, and a segment behind the end of the file', () => {
    const cut = prstatus(x8664, { pid: 9, registers: 27, word: 8, base: 1 });
    const beyond: ElfSegment = { type: 4, offset: 1n << 62n, fileSize: 4096n };
    const image = open([noteSegment([prstatus(x8664, { pid: 3, registers: 27, word: 8, base: 1 }), cut.subarray(0, 60)]), beyond]);
    assert.deepEqual(
      image.cpus.map(({ pid }) => pid),
      [3],
    );
    assert.match(image.warnings.join('\n'), /the notes are damaged/);
    assert.match(image.warnings.join('\n'), /note segment lies behind the end of the file/);
  });
});

/** QEMU's X86CPUState note (target/i386/arch_dump.c): version, size, 18 registers, 10 segments of 24 bytes, cr0 to cr4, GS base. */
function qemuNote(base: number): Uint8Array {
  const bytes = new Uint8Array(8 + 18 * 8 + 10 * 24 + 5 * 8 + 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 1, true);
  view.setUint32(4, bytes.length, true);
  for (let index = 0; index < 18; index++) view.setBigUint64(8 + index * 8, BigInt(base + index), true);
  for (let index = 0; index < 10; index++) view.setBigUint64(152 + index * 24 + 16, BigInt(base + 0x100 + index), true);
  for (let index = 0; index < 5; index++) view.setBigUint64(392 + index * 8, BigInt(base + 0x200 + index), true);
  view.setBigUint64(432, BigInt(base + 0x300), true);
  return elfNote({ name: 'QEMU', type: 0, description: bytes }, true);
}

describe("QEMU's and s390's notes", () => {
  test('control registers go to the CPUs in their order, over all NOTE segments', () => {
    const cpu = (pid: number): Uint8Array => prstatus(x8664, { pid, registers: 27, word: 8, base: 0x10 * pid });
    const image = open([noteSegment([cpu(1), cpu(2), qemuNote(0x1000)]), noteSegment([qemuNote(0x2000)])]);
    assert.deepEqual(
      image.cpus.map((one) => [one.pid, value(one, 'cr3'), value(one, 'idt_base'), value(one, 'gdt_base'), value(one, 'kernel_gs_base')]),
      [
        [1, 0x1203n, 0x1109n, 0x1108n, 0x1300n],
        [2, 0x2203n, 0x2109n, 0x2108n, 0x2300n],
      ],
    );
    assert.equal(value(image.cpus[0], 'rip'), 0x20n, 'general registers stay those of NT_PRSTATUS');
  });

  test('without NT_PRSTATUS the general registers are those of the note', () => {
    const image = open([noteSegment([qemuNote(0x1000)])]);
    assert.equal(value(image.cpus[0], 'rax'), 0x1000n);
    assert.equal(value(image.cpus[0], 'rip'), 0x1010n);
    assert.equal(value(image.cpus[0], 'cr4'), 0x1204n);
  });

  test('s390: each LINUX note belongs to the CPU before it', () => {
    const shape: ElfShape = { wide: true, littleEndian: false, machine: 22 };
    const words = (count: number, size: 4 | 8, base: number): Uint8Array => {
      const bytes = new Uint8Array(count * size);
      const view = new DataView(bytes.buffer);
      for (let index = 0; index < count; index++) {
        if (size === 8) view.setBigUint64(index * 8, BigInt(base + index), false);
        else view.setUint32(index * 4, base + index, false);
      }
      return bytes;
    };
    const cpu = (pid: number): Uint8Array =>
      joinBytes([
        prstatus(shape, { pid, registers: 27, word: 8, base: pid }),
        elfNote({ name: 'CORE', type: 2, description: filled(136, 1) }, false),
        elfNote({ name: 'LINUX', type: 0x301, description: words(1, 8, pid * 0x100) }, false),
        elfNote({ name: 'LINUX', type: 0x303, description: words(1, 4, pid * 0x200) }, false),
        elfNote({ name: 'LINUX', type: 0x304, description: words(16, 8, pid * 0x1000) }, false),
        elfNote({ name: 'LINUX', type: 0x305, description: words(1, 4, pid * 0x300) }, false),
        elfNote({ name: 'LINUX', type: 0x309, description: filled(128, 7) }, false),
      ]);
    const image = open([noteSegment([cpu(1), cpu(2)])], shape);
    assert.deepEqual(
      image.cpus.map((one) => ['timer', 'todpreg', 'cr0', 'cr1', 'cr15', 'prefix'].map((name) => value(one, name))),
      [
        [0x100n, 0x200n, 0x1000n, 0x1001n, 0x100fn, 0x300n],
        [0x200n, 0x400n, 0x2000n, 0x2001n, 0x200fn, 0x600n],
      ],
    );
  });
});
