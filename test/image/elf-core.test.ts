/** ELF cores built byte by byte: unaligned and overlapping segments, both widths and byte orders, many program headers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import { errors, UserError } from '../../debug-adapter/base/errors.ts';
import type { ByteSource } from '../../debug-adapter/base/host.ts';
import type { Image } from '../../debug-adapter/image/image.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { readPhysical } from '../../debug-adapter/memory/physical-memory.ts';
import { elfFile, elfNote, filled, noteSegment, x8664 } from '../builders/elf-file.ts';
import type { ElfSegment, ElfShape } from '../builders/elf-file.ts';
import { bytesFile, fileHost } from '../builders/file-host.ts';
import { fc } from '../support/properties.ts';
import { byteAt, openBytes } from './built-image.ts';

function open(segments: readonly ElfSegment[], shape: ElfShape = x8664): Image {
  return openBytes(elfFile(segments, shape));
}

/** `length` bytes of `byte` at physical `address`. */
function ram(address: number, length: number, byte: number): ElfSegment {
  return { physical: BigInt(address), data: filled(length, byte) };
}

/** Holes of a read as [first, end, kind], absolute. */
function holesIn(image: Image, address: number, length: number): [number, number, string][] {
  return readPhysical(image.memory, toPhysAddr(address), length).holes.map((hole) => [
    address + hole.offset,
    address + hole.offset + hole.length,
    hole.reason.kind,
  ]);
}

describe('segments of ELF cores', () => {
  test('a frame that two adjoining segments share is whole', () => {
    const image = open([ram(0x1000, 0x1800, 1), ram(0x2800, 0x1800, 2)]);
    const shared = image.memory.frame(2);
    assert.deepEqual([shared?.[0], shared?.[0x7ff], shared?.[0x800], shared?.[0xfff]], [1, 1, 2, 2]);
    assert.deepEqual(image.memory.ranges, [{ start: 0x1000, end: 0x4000 }]);
  });

  test('a frame that is there in part says what is missing', () => {
    const image = open([ram(0x1800, 0x400, 7)]);
    assert.equal(image.memory.frame(1), undefined);
    assert.deepEqual(holesIn(image, 0x1000, 0x1000), [
      [0x1000, 0x1800, 'not-ram'],
      [0x1c00, 0x2000, 'not-ram'],
    ]);
    assert.deepEqual(
      [0x17ff, 0x1800, 0x1bff, 0x1c00].map((at) => byteAt(image, at)),
      ['not-ram', 7, 7, 'not-ram'],
    );
  });

  test('a PCI hole: memory below it and above 4 GiB', () => {
    const image = open([ram(0, 0x4000, 1), ram(0xfffc_0000, 0x2000, 2), ram(0x1_0000_0000, 0x4000, 3)]);
    assert.deepEqual(image.memory.ranges, [
      { start: 0, end: 0x4000 },
      { start: 0xfffc_0000, end: 0xfffc_2000 },
      { start: 0x1_0000_0000, end: 0x1_0000_4000 },
    ]);
    assert.deepEqual(
      [0x3fff, 0x4000, 0xfffc_1fff, 0xffff_ffff, 0x1_0000_0000].map((at) => byteAt(image, at)),
      [1, 'not-ram', 2, 'not-ram', 3],
    );
  });

  test('segments that overlap: the kernel text of /proc/vmcore lies inside a RAM segment', () => {
    const image = open([ram(0x2000, 0x1000, 9), ram(0x1000, 0x4000, 9)]);
    assert.deepEqual(image.memory.ranges, [{ start: 0x1000, end: 0x5000 }]);
    for (const frame of [1, 2, 3, 4]) assert.equal(image.memory.frame(frame)?.[5], 9);
  });

  test('where segments overlap, the one that has data in the file is read', () => {
    const image = open([
      { physical: 0x1000n, data: filled(0x1000, 1), memorySize: 0x8000n },
      ram(0x4000, 0x1000, 2),
      { physical: 0x3000n, data: filled(0x1000, 3), memorySize: 0x3000n },
      ram(0x6800, 0x100, 4),
    ]);
    assert.deepEqual(
      [0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x67ff, 0x6800, 0x68ff, 0x6900, 0x8fff, 0x9000].map((at) => byteAt(image, at)),
      [1, 'zero-filled', 3, 2, 'zero-filled', 'zero-filled', 4, 4, 'zero-filled', 'zero-filled', 'not-ram'],
    );
    assert.deepEqual(image.memory.ranges, [{ start: 0x1000, end: 0x9000 }]);
  });

  test('less in the file than in memory: nobody knows whether it was zeros, so it is no data', () => {
    const image = open([{ physical: 0n, data: filled(0x1000, 3), memorySize: 0x3000n }]);
    assert.equal(image.memory.frame(0)?.[0], 3);
    assert.equal(image.memory.frame(1), undefined);
    const reason = image.memory.partialFrame(1).holes[0]?.reason;
    assert.equal(reason?.kind, 'zero-filled');
    assert.match(reason.message, /cannot tell excluded pages from pages of zeros/);
  });

  test('more in the file than in memory is no more memory', () => {
    const image = open([{ physical: 0x1000n, data: filled(0x3000, 3), memorySize: 0x1000n }]);
    assert.deepEqual(image.memory.ranges, [{ start: 0x1000, end: 0x2000 }]);
  });

  test('a segment that QEMU marks as leading to no RAM (offset -1, nothing in the file) is no memory', () => {
    const image = open([{ physical: 0xfee0_0000n, offset: 0xffff_ffff_ffff_ffffn, fileSize: 0n, memorySize: 0x1000n }, ram(0, 0x1000, 1)]);
    assert.deepEqual(image.memory.ranges, [{ start: 0, end: 0x1000 }]);
    assert.deepEqual(image.warnings, []);
  });

  test('paging on: several virtual addresses of the same memory', () => {
    const data = ram(0x1000, 0x2000, 5);
    const image = open([
      { ...data, virtual: 0xffff_8880_0000_1000n },
      { ...data, virtual: 0xffff_c900_0000_0000n, offset: 64n + 2n * 56n },
    ]);
    assert.deepEqual(image.memory.ranges, [{ start: 0x1000, end: 0x3000 }]);
    assert.equal(byteAt(image, 0x2fff), 5);
    assert.deepEqual(
      image.virtualSegments.map(({ virtual, physical }) => [virtual, physical]),
      [
        [0xffff_8880_0000_1000n, 0x1000n],
        [0xffff_c900_0000_0000n, 0x1000n],
      ],
    );
  });

  test('memory beyond any machine is left out with a warning', () => {
    const image = open([ram(0x1000, 0x1000, 1), { physical: 1n << 60n, data: filled(16, 1) }]);
    assert.deepEqual(image.memory.ranges, [{ start: 0x1000, end: 0x2000 }]);
    assert.match(image.warnings.join('\n'), /PT_LOAD claims physical 0x1000000000000000 .* beyond any machine; it is left out/);
  });
});

/**
 * Memory byte by byte, as segments must make it: data that the file has, of the segment that begins first; then what the file
 * is too short for; then what was never written.
 */
function model(segments: readonly ElfSegment[], fileSize: number): Map<number, number | string> {
  const bytes = new Map<number, number | string>();
  const sorted = segments
    .map((segment) => ({
      start: Number(segment.physical),
      data: segment.data ?? new Uint8Array(),
      memory: Number(segment.memorySize),
      offset: 0,
    }))
    .map((one, index, all) => ({
      ...one,
      offset: 64 + 56 * all.length + all.slice(0, index).reduce((sum, { data }) => sum + data.length, 0),
    }))
    .sort((a, b) => a.start - b.start);
  const rank = (value: number | string | undefined): number =>
    typeof value === 'number' ? 3 : value === 'truncated' ? 2 : value === undefined ? 0 : 1;
  for (const { start, data, memory, offset } of sorted) {
    for (let at = 0; at < memory; at++) {
      const value = at >= data.length ? 'zero-filled' : offset + at < fileSize ? data[at] : 'truncated';
      if (value !== undefined && rank(value) > rank(bytes.get(start + at))) bytes.set(start + at, value);
    }
  }
  return bytes;
}

test('any segments, overlapping in any way, in a file cut anywhere: memory is what a byte-by-byte model says', () => {
  const segment = fc.record({
    page: fc.nat(40),
    inPage: fc.constantFrom(0, 0, 0x800, 0xffc),
    size: fc.nat(0x3000),
    more: fc.nat(0x2000),
    byte: fc.nat(255),
  });
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 7 }), fc.option(fc.double({ min: 0, max: 1, noNaN: true })), (parts, cut) => {
      const segments = parts.map(({ page, inPage, size, more, byte }, index) => ({
        physical: BigInt(page * 4096 + inPage),
        // Segments that overlap tell of the same memory in a dump; here they differ, to see which is taken.
        data: filled(size, (byte + index) & 0xff),
        memorySize: BigInt(size + more + 1),
      }));
      const whole = elfFile(segments, x8664);
      const headers = 64 + 56 * segments.length;
      const bytes = cut === null ? whole : whole.subarray(0, headers + Math.floor(cut * (whole.length - headers)));
      const image = openBytes(bytes);
      const expected = model(segments, bytes.length);
      for (let frame = 0; frame < 46; frame++) {
        const { bytes: read, holes } = readPhysical(image.memory, toPhysAddr(frame * 4096), 4096);
        for (let at = 0; at < 4096; at++) {
          const want = expected.get(frame * 4096 + at) ?? 'not-ram';
          const hole = holes.find(({ offset, length }) => at >= offset && at < offset + length);
          if (typeof want === 'number' ? hole !== undefined || read[at] !== want : hole?.reason.kind !== want) {
            assert.fail(`byte ${(frame * 4096 + at).toString(16)}: ${hole?.reason.kind ?? read[at]} for ${want}`);
          }
        }
      }
    }),
    { numRuns: 60 },
  );
});

describe('ELF cores that are cut short', () => {
  const segments = [ram(0x10000, 0x2000, 1), ram(0x20000, 0x2000, 2), ram(0x30000, 0x2000, 3)];

  test('what is left is read, the rest says so, and the warning names the ranges', () => {
    const whole = elfFile(segments, x8664);
    const image = openBytes(whole.subarray(0, whole.length - 0x2800));
    assert.deepEqual(
      [0x10000, 0x217ff, 0x21800, 0x30000, 0x31fff, 0x32000].map((at) => byteAt(image, at)),
      [1, 2, 'truncated', 'truncated', 'truncated', 'not-ram'],
    );
    assert.deepEqual(holesIn(image, 0x21000, 0x1000), [[0x21800, 0x22000, 'truncated']]);
    assert.match(
      image.warnings.join('\n'),
      /the file is cut short: 10240 bytes of memory are missing, from physical 0x21800-0x22000, 0x30000-0x32000; copy the dump again/,
    );
    assert.deepEqual(image.memory.ranges.length, 3);
  });

  test('an offset behind the end of the file, and one that no file can have', () => {
    const image = open([
      ram(0x1000, 0x1000, 1),
      { physical: 0x8000n, offset: 1n << 40n, fileSize: 0x1000n },
      { physical: 0xa000n, offset: 1n << 63n, fileSize: 0x1000n },
    ]);
    assert.deepEqual([byteAt(image, 0x1000), byteAt(image, 0x8000), byteAt(image, 0xa000)], [1, 'truncated', 'truncated']);
  });

  test('memory that another segment still has is not missing', () => {
    const whole = elfFile([ram(0x1000, 0x1000, 1), { ...ram(0x1000, 0x1000, 1) }], x8664);
    const image = openBytes(whole.subarray(0, whole.length - 0x800));
    assert.equal(byteAt(image, 0x1fff), 1);
    assert.deepEqual(image.warnings, []);
  });

  test('inside the program headers', () => {
    const whole = elfFile(segments, x8664);
    const image = openBytes(whole.subarray(0, 64 + 2 * 56 + 10));
    assert.match(image.warnings.join('\n'), /ends within its program headers: 2 of 3 are there/);
    assert.equal(byteAt(image, 0x20000), 'truncated');
    assert.equal(byteAt(image, 0x30000), 'not-ram');
  });

  test('before the first program header', () => {
    assert.throws(() => openBytes(elfFile(segments, x8664).subarray(0, 70)), /has no readable program headers/);
  });

  test('an I/O error is a hole with its reason, and all else is read', () => {
    const bytes = elfFile([ram(0x1000, 0x1000, 1), ram(0x40000, 0x40000, 2), ram(0x90000, 0x1000, 3)], x8664);
    const bad = 64 + 3 * 56 + 0x1000 + 0x10000;
    const failing = (name: string): ByteSource => ({
      ...bytesFile(bytes)(name),
      read: (offset, length) => {
        if (offset < bad + 0x1000 && offset + length > bad) throw errors.notReadable(name, 'EIO');
        return bytes.slice(offset, offset + length);
      },
    });
    const image = openImage(fileHost({ built: failing }), ['built']);
    assert.equal(byteAt(image, 0x1000), 1);
    assert.equal(byteAt(image, 0x40000), 2);
    assert.equal(byteAt(image, 0x50000), 'io-error');
    assert.equal(byteAt(image, 0x90fff), 3);
  });
});

describe('headers of ELF cores', () => {
  test('more program headers than 16 bits count: section header 0 has their number', () => {
    const image = open([ram(0x1000, 0x1000, 4)], { ...x8664, extended: true });
    assert.equal(byteAt(image, 0x1000), 4);
    const narrow = open([ram(0x1000, 0x1000, 4)], { wide: false, littleEndian: false, machine: 20, extended: true });
    assert.equal(byteAt(narrow, 0x1000), 4);
  });

  test('70,000 program headers', () => {
    const many = Array.from({ length: 70_000 }, (_, index) => ram(index * 0x2000, 1, index & 0xff));
    const image = open(many, { ...x8664, extended: true });
    assert.equal(image.memory.ranges.length, 70_000);
    assert.equal(byteAt(image, 69_999 * 0x2000), 69_999 & 0xff);
  });

  test('the section header claims more program headers than the file has, or is missing', () => {
    const more = open([ram(0x1000, 0x40, 4)], { ...x8664, extended: 1_000_000 });
    assert.match(more.warnings.join('\n'), /ends within its program headers/);
    const none = open([ram(0x1000, 0x40, 4)], { ...x8664, extended: 'no section header' });
    assert.match(none.warnings.join('\n'), /in a section header that is not in the file; 65535 are taken/);
    assert.equal(byteAt(none, 0x1000), 4);
  });

  test('program headers that do not follow the ELF header, and are longer than they need be', () => {
    const image = open([ram(0x1000, 0x1000, 4), ram(0x5000, 0x1000, 5)], { ...x8664, programOffset: 192, programSize: 72 });
    assert.deepEqual([byteAt(image, 0x1000), byteAt(image, 0x5fff)], [4, 5]);
  });

  test('program headers that claim fewer bytes than they need', () => {
    assert.throws(() => open([ram(0x1000, 0x1000, 4)], { ...x8664, programSize: 40, programOffset: 80 }), /claim 40 bytes each/);
  });

  for (const [what, shape, architecture] of [
    ['x86-32', { wide: false, littleEndian: true, machine: 3 }, 'x86-32'],
    ['x86-32 in a 64-bit file, as QEMU writes for more than 4 GiB', { wide: true, littleEndian: true, machine: 3 }, 'x86-32'],
    ['arm', { wide: false, littleEndian: true, machine: 40 }, 'arm'],
    ['arm, LPAE: a 64-bit file', { wide: true, littleEndian: true, machine: 40 }, 'arm'],
    ['big-endian mips', { wide: false, littleEndian: false, machine: 8 }, 'mips32'],
    ['big-endian ppc', { wide: false, littleEndian: false, machine: 20 }, 'ppc32'],
    ['big-endian mips64', { wide: true, littleEndian: false, machine: 8 }, 'mips64'],
    ['little-endian mips64', { wide: true, littleEndian: true, machine: 8 }, 'mips64'],
    ['s390x', { wide: true, littleEndian: false, machine: 22 }, 's390x'],
    ['sparc64', { wide: true, littleEndian: false, machine: 43 }, 'sparc64'],
    ['big-endian ppc64', { wide: true, littleEndian: false, machine: 21 }, 'ppc64'],
    ['ppc64le', { wide: true, littleEndian: true, machine: 21 }, 'ppc64le'],
    ['arm64', { wide: true, littleEndian: true, machine: 183 }, 'arm64'],
    ['riscv64', { wide: true, littleEndian: true, machine: 243 }, 'riscv64'],
    ['riscv32', { wide: false, littleEndian: true, machine: 243 }, 'riscv32'],
    ['loongarch64', { wide: true, littleEndian: true, machine: 258 }, 'loongarch64'],
  ] as const) {
    test(what, () => {
      const image = open([ram(0x3000, 0x1000, 6)], shape);
      assert.equal(image.machine?.architecture, architecture);
      assert.equal(image.machine.littleEndian, shape.littleEndian);
      assert.equal(image.machine.pointerSize, ['x86-32', 'arm', 'mips32', 'ppc32', 'riscv32'].includes(architecture) ? 4 : 8);
      assert.equal(byteAt(image, 0x3fff), 6);
    });
  }

  test('every field of the header and of a program header at 0, 1, its maximum and one bit: a sentence or an image, never a throw', () => {
    const whole = elfFile(
      [noteSegment([elfNote({ name: 'VMCOREINFO', type: 0, description: filled(8, 65) }, true)]), ram(0x1000, 0x40, 1)],
      x8664,
    );
    for (let at = 4; at < 64 + 2 * 56; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        for (const width of [1, 2, 4, 8]) {
          const bytes = whole.slice();
          bytes.fill(value, at, at + width);
          try {
            const image = openBytes(bytes);
            for (const frame of [0, 1, 2]) if (image.memory.frame(frame) === undefined) image.memory.partialFrame(frame);
          } catch (error) {
            assert.ok(error instanceof UserError, `byte ${at} = ${value}: ${String(error)}`);
          }
        }
      }
    }
  });
});
