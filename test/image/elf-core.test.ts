/** ELF cores built byte by byte: unaligned and overlapping segments, both widths and byte orders, many program headers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Host } from '../../debug-adapter/base/host.ts';
import type { Image } from '../../debug-adapter/image/image.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { readPhysical } from '../../debug-adapter/memory/physical-memory.ts';
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';

interface Segment {
  readonly physical: number;
  readonly data: Uint8Array;
  /** Bytes in memory, when more than in the file. */
  readonly memorySize?: number;
}

/** Layout by elf(5): 64- or 32-bit, either byte order; `extended` puts the count of program headers in section 0. */
function elfCore(
  segments: readonly Segment[],
  shape: { wide: boolean; littleEndian: boolean; machine: number; extended?: boolean },
): Uint8Array {
  const { wide, littleEndian } = shape;
  const headerSize = wide ? 64 : 52;
  const programSize = wide ? 56 : 32;
  const sectionAt = headerSize + segments.length * programSize;
  let fileOffset = sectionAt + 64;
  const bytes = new Uint8Array(fileOffset + segments.reduce((sum, { data }) => sum + data.length, 0));
  const view = new DataView(bytes.buffer);
  const word = (at: number, value: number): void => {
    if (wide) view.setBigUint64(at, BigInt(value), littleEndian);
    else view.setUint32(at, value, littleEndian);
  };
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, littleEndian ? 1 : 2, 1]);
  view.setUint16(16, 4, littleEndian);
  view.setUint16(18, shape.machine, littleEndian);
  word(wide ? 32 : 28, headerSize);
  word(wide ? 40 : 32, sectionAt);
  view.setUint16(wide ? 54 : 42, programSize, littleEndian);
  view.setUint16(wide ? 56 : 44, shape.extended === true ? 0xffff : segments.length, littleEndian);
  if (shape.extended === true) view.setUint32(sectionAt + (wide ? 44 : 28), segments.length, littleEndian);
  segments.forEach(({ physical, data, memorySize }, index) => {
    const at = headerSize + index * programSize;
    view.setUint32(at, 1, littleEndian);
    // offset, vaddr, paddr, filesz, memsz; 64-bit headers have the flags before them.
    const fields = [fileOffset, 0, physical, data.length, memorySize ?? data.length];
    fields.forEach((value, field) => {
      word(at + (wide ? 8 : 4) + field * (wide ? 8 : 4), value);
    });
    bytes.set(data, fileOffset);
    fileOffset += data.length;
  });
  return bytes;
}

function open(bytes: Uint8Array): Image {
  const host: Host = {
    ...nodeHost(),
    openFile: (name) => ({
      name,
      size: bytes.length,
      read: (offset, length) => bytes.slice(offset, offset + length),
      close: () => undefined,
    }),
  };
  return openImage(host, ['built']);
}

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);
const x8664 = { wide: true, littleEndian: true, machine: 62 } as const;

describe('ELF cores', () => {
  test('a frame that two adjoining segments share is whole', () => {
    const image = open(
      elfCore(
        [
          { physical: 0x1000, data: filled(0x1800, 1) },
          { physical: 0x2800, data: filled(0x1800, 2) },
        ],
        x8664,
      ),
    );
    const shared = image.memory.frame(2);
    assert.deepEqual([shared?.[0], shared?.[0x7ff], shared?.[0x800], shared?.[0xfff]], [1, 1, 2, 2]);
    assert.deepEqual(image.memory.ranges, [{ start: 0x1000, end: 0x4000 }]);
  });

  test('a frame that is there in part says what is missing', () => {
    const image = open(elfCore([{ physical: 0x1800, data: filled(0x400, 7) }], x8664));
    assert.equal(image.memory.frame(1), undefined);
    const { bytes, holes } = readPhysical(image.memory, toPhysAddr(0x1000), 0x1000);
    assert.deepEqual(
      holes.map(({ offset, length, reason }) => [offset, length, reason.kind]),
      [
        [0, 0x800, 'not-ram'],
        [0xc00, 0x400, 'not-ram'],
      ],
    );
    assert.deepEqual([bytes[0x7ff], bytes[0x800], bytes[0xbff], bytes[0xc00]], [0, 7, 7, 0]);
  });

  test('segments that overlap: the kernel text of /proc/vmcore lies inside a RAM segment', () => {
    const image = open(
      elfCore(
        [
          { physical: 0x2000, data: filled(0x1000, 9) },
          { physical: 0x1000, data: filled(0x4000, 9) },
        ],
        x8664,
      ),
    );
    assert.deepEqual(image.memory.ranges, [{ start: 0x1000, end: 0x5000 }]);
    for (const frame of [1, 2, 3, 4]) assert.equal(image.memory.frame(frame)?.[5], 9);
  });

  test('less in the file than in memory: excluded, not zeros', () => {
    const image = open(elfCore([{ physical: 0, data: filled(0x1000, 3), memorySize: 0x3000 }], x8664));
    assert.equal(image.memory.frame(0)?.[0], 3);
    assert.equal(image.memory.frame(1), undefined);
    assert.equal(image.memory.partialFrame(1).holes[0]?.reason.kind, 'excluded');
  });

  test('more program headers than 16 bits count', () => {
    const image = open(elfCore([{ physical: 0x1000, data: filled(0x1000, 4) }], { ...x8664, extended: true }));
    assert.equal(image.memory.frame(1)?.[0], 4);
  });

  for (const [what, shape, architecture] of [
    ['32-bit little-endian', { wide: false, littleEndian: true, machine: 3 }, 'x86-32'],
    ['32-bit big-endian', { wide: false, littleEndian: false, machine: 8 }, 'mips32'],
    ['64-bit big-endian', { wide: true, littleEndian: false, machine: 22 }, 's390x'],
  ] as const) {
    test(what, () => {
      const image = open(elfCore([{ physical: 0x3000, data: filled(0x1000, 6) }], shape));
      assert.equal(image.machine?.architecture, architecture);
      assert.equal(image.machine.littleEndian, shape.littleEndian);
      assert.equal(image.memory.frame(3)?.[0xfff], 6);
    });
  }
});
