/**
 * Dumps of every format, damaged: whatever a file holds, it opens or is refused with a sentence for its user, its pages are there
 * or say why not, and no file stays open.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Image } from '../../../debug-adapter/image/image.ts';
import { openImage } from '../../../debug-adapter/image/open-image.ts';
import { joinBytes } from '../../builders/elf-file.ts';
import { buildFlattened } from '../../builders/flattened.ts';
import { kcoreHead, noPhysical } from '../../builders/kcore-file.ts';
import { avmlRecord, limeRecord } from '../../builders/lime-file.ts';
import { Dice, mutate } from '../../builders/mutations.ts';
import { absent, dumpFolder, expandedDump } from '../../support/dumps.ts';
import { memoryHost } from '../../support/memory-host.ts';
import { damagedBytes } from '../damaged-bytes.ts';
import { assertSentence } from '../target.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';

const debian = 'x86-64-debian-6.12';

/** The first `size` bytes of a file: a dump that is cut short. */
function headOf(path: string, size: number): Uint8Array {
  const bytes = Buffer.alloc(size);
  const file = openSync(path, 'r');
  const got = readSync(file, bytes, 0, size, 0);
  closeSync(file);
  return bytes.subarray(0, got);
}

function mini(name: string): Uint8Array {
  return readFileSync(join(dumpFolder(debian) ?? '', 'mini', name));
}

/** Every real form, small enough to be copied thousands of times. */
const files: Record<string, () => Uint8Array> = {
  'mini-zlib.kdump': () => mini('mini-zlib.kdump'),
  'mini-lzo.kdump': () => mini('mini-lzo.kdump'),
  'mini-snappy.kdump': () => mini('mini-snappy.kdump'),
  'mini-zstd.kdump': () => mini('mini-zstd.kdump'),
  'mini-zlib.flat': () => mini('mini-zlib.flat'),
  'mini-zstd.flat': () => mini('mini-zstd.flat'),
  'mini-split.1': () => mini('mini-split.1'),
  'mini-split.2': () => mini('mini-split.2'),
  'ELF, x86-64': () => headOf(expandedDump('x86-64', 'vmcore.elf'), 200_000),
  'ELF, x86-32': () => headOf(expandedDump('i386-pae-pti', 'vmcore.elf'), 200_000),
  'ELF, arm64': () => headOf(expandedDump('arm64-4k', 'vmcore.elf'), 200_000),
  'ELF, s390x, big-endian': () => headOf(expandedDump('s390x', 'vmcore.elf'), 200_000),
  'ELF, ppc64le in big-endian headers': () => headOf(expandedDump('ppc64le', 'vmcore.elf'), 200_000),
  'flattened ELF': () => {
    const elf = headOf(expandedDump('x86-64', 'vmcore.elf'), 200_000);
    const records = Array.from({ length: 50 }, (_, index) => ({
      offset: index * 4000,
      bytes: elf.subarray(index * 4000, (index + 1) * 4000),
    }));
    return buildFlattened({ records: [...records, { offset: 0, bytes: elf.subarray(0, 64) }] });
  },
  LiME: () => joinBytes(memoryRecords().map(({ start, data }) => limeRecord(start, data))),
  AVML: () => joinBytes(memoryRecords().map(({ start, data }) => avmlRecord(start, data))),
  'AVML with LiME records in it': () =>
    joinBytes(memoryRecords().map(({ start, data }, index) => (index % 2 === 0 ? avmlRecord(start, data) : limeRecord(start, data)))),
  'head of /proc/kcore': () => {
    const virtual = 0xffff_8880_0000_0000n;
    const segments = [
      { virtual: 0xffff_ffff_8100_0000n, size: 0x20_0000n, physical: 0x100_0000n },
      { virtual: 0xffff_c900_0000_0000n, size: 0x1fff_ffff_ffffn, physical: noPhysical },
      { virtual, size: 0x100_0000n, physical: 0n },
    ];
    return kcoreHead({ segments, vmcoreinfo: 'OSRELEASE=6.12\nPAGESIZE=4096\n', offsetBits: 47, size: 2 ** 47 }).bytes;
  },
};

/** Real memory in four pieces, as LiME's records have it: 64 KiB each, the last one of an odd size. */
function memoryRecords(): { start: number; data: Uint8Array }[] {
  const bytes = headOf(expandedDump('x86-64', 'vmcore.elf'), 4 * 65_536);
  return [0, 1, 2, 3].map((index) => ({
    start: index * 0x10_0000,
    data: bytes.slice(index * 65_536, (index + 1) * 65_536 - (index === 3 ? 123 : 0)),
  }));
}

/** Looks at all that an image tells and at many of its pages. */
function examine(image: Image, seed: number): void {
  let last = -1;
  for (const { start, end } of image.memory.ranges) {
    assert.ok(start > last && end > start && Number.isSafeInteger(end), `range ${start}-${end} after ${last}`);
    last = end;
  }
  for (const text of [image.format, ...image.warnings]) assertSentence(text);
  const dice = new Dice(seed);
  const { ranges } = image.memory;
  for (let probe = 0; probe < 200; probe++) {
    const range = ranges[dice.next(Math.max(1, ranges.length))];
    const frames = range === undefined || probe % 10 === 0 ? 2 ** 21 : Math.ceil((range.end - range.start) / 4096);
    const frame = Math.floor((range?.start ?? 0) / 4096) + dice.next(Math.max(1, Math.min(frames, 2 ** 31)));
    const bytes = image.memory.frame(frame);
    if (bytes !== undefined) {
      assert.equal(bytes.length, 4096);
      continue;
    }
    const { bytes: partial, holes } = image.memory.partialFrame(frame);
    assert.equal(partial.length, 4096);
    assert.ok(holes.length > 0);
    let end = 0;
    for (const { offset, length, reason } of holes) {
      assert.ok(offset >= end && length > 0 && offset + length <= 4096, `hole ${offset}+${length}`);
      assertSentence(reason.message);
      assert.doesNotMatch(reason.message, /became readable/);
      end = offset + length;
    }
  }
}

/** Opens a file of `set` or all of them, looks at it, and closes it; also where that is refused. */
function open(set: Readonly<Record<string, Uint8Array>>, paths: readonly string[], seed: number): void {
  const host = memoryHost(set);
  try {
    const image = openImage(host, paths);
    examine(image, seed);
    image.close();
  } finally {
    assert.equal(host.open.size, 0, 'a file stays open');
  }
}

/** Notes with a megabyte of NULs behind a name were trimmed in quadratic time. */
const regressions: Readonly<Record<string, readonly number[]>> = {
  'mini-split.1': [7503],
  'mini-split.2': [7503],
  'ELF, x86-64': [3210],
  'ELF, x86-32': [3210],
};

const needed = absent(debian) ?? absent('ppc64le');

const oneFile = Object.entries(files).map(([name, bytesOf]): FuzzTarget => ({
  name: `image: ${name}`,
  rounds: 40,
  regressions: regressions[name] ?? [],
  absent: needed,
  prepare: () =>
    damagedBytes([bytesOf()], (input, seed) => {
      open({ damaged: input }, ['damaged'], seed);
    }),
}));

/** One member is damaged; named are all, or one whose others are searched beside it. */
const splitSet: FuzzTarget = {
  name: 'image: split set',
  rounds: 40,
  regressions: [],
  absent: needed,
  prepare: () => {
    const members = ['mini-split.1', 'mini-split.2', 'mini-split.3'].map((name) => [name, mini(name)] as const);
    return {
      caseOf: (seed): FuzzCase => {
        const damaged = mutate(members[seed % 3]?.[1] ?? new Uint8Array(), seed);
        const set = Object.fromEntries(members.map(([name, bytes], index) => [name, index === seed % 3 ? damaged : bytes]));
        return {
          input: damaged,
          run: () => {
            open(set, seed % 2 === 0 ? Object.keys(set) : [`mini-split.${1 + (seed % 3)}`], seed);
          },
        };
      },
    };
  },
};

export const imageTargets: readonly FuzzTarget[] = [...oneFile, splitSet];
