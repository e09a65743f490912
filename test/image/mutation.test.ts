/**
 * Real dumps, damaged thousands of times: whatever a file holds, it opens or is refused with a sentence for its user, its
 * pages are there or say why not, nothing runs on, and memory stays bounded. Each seed is one damaged file for ever; those
 * that found bugs are listed. PAGEWALK_MUTATIONS sets how many of each file are tried.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { UserError } from '../../debug-adapter/base/errors.ts';
import { codecFor } from '../../debug-adapter/codec/codec.ts';
import type { Image } from '../../debug-adapter/image/image.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { buildFlattened } from '../builders/flattened.ts';
import { readSmallKdump } from '../builders/huge-kdump.ts';
import { codecFlags } from '../builders/kdump.ts';
import { joinBytes } from '../builders/elf-file.ts';
import { kcoreHead, noPhysical } from '../builders/kcore-file.ts';
import { avmlRecord, limeRecord } from '../builders/lime-file.ts';
import { Dice, mutate } from '../builders/mutations.ts';
import { absent, addressOf, bundled, dumpFolder, expandedDump } from '../support/dumps.ts';
import { memoryHost } from '../support/memory-host.ts';

const rounds = Number(process.env['PAGEWALK_MUTATIONS'] ?? 400);
/** A session costs as much as hundreds of files. */
const sessionRounds = Math.ceil(rounds / 40);
/** What is called a hang: so many milliseconds of the processor, whatever else the machine does. */
const longest = 5000;

function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
const mostMemory = 2 ** 30;

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
  for (const text of [image.format, ...image.warnings]) assert.doesNotMatch(text, /\n|undefined|NaN|\[object/, text);
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
      assert.doesNotMatch(reason.message, /\n|undefined|NaN|\[object|became readable/, reason.message);
      end = offset + length;
    }
  }
}

/** Runs `use` on a damaged file; anything but success and a `UserError` is a defect. Gives whether it opened. */
function survives(what: string, use: () => void): boolean {
  const started = processorTime();
  let opened = true;
  try {
    use();
  } catch (error) {
    if (!(error instanceof UserError)) throw new Error(what, { cause: error });
    assert.doesNotMatch(error.message, /\n|undefined|NaN|\[object/, `${what}: ${error.message}`);
    opened = false;
  }
  const took = processorTime() - started;
  assert.ok(took < longest, `${what} took ${Math.round(took)} ms`);
  return opened;
}

/** Seeds that found bugs, by file: notes with a megabyte of NULs behind a name were trimmed in quadratic time. */
const regressions: Readonly<Record<string, readonly number[]>> = {
  'mini-split.1': [7503],
  'mini-split.2': [7503],
  'ELF, x86-64': [3210],
  'ELF, x86-32': [3210],
};

describe('damaged files', { skip: absent(debian) ?? absent('ppc64le') ?? false }, () => {
  for (const [name, bytesOf] of Object.entries(files)) {
    test(`${name}: ${rounds} times`, (t) => {
      const bytes = bytesOf();
      let opened = 0;
      const seeds = [...(regressions[name] ?? []), ...Array.from({ length: rounds }, (_, seed) => seed)];
      for (const seed of seeds) {
        const host = memoryHost({ damaged: mutate(bytes, seed) });
        const fine = survives(`${name}, seed ${seed}`, () => {
          const image = openImage(host, ['damaged']);
          examine(image, seed);
          image.close();
        });
        if (fine) opened++;
        assert.equal(host.open.size, 0, `${name}, seed ${seed}: a file stays open`);
      }
      const { rss } = process.memoryUsage();
      assert.ok(rss < mostMemory, `${rss} bytes of memory`);
      t.diagnostic(`${seeds.length} damaged files, ${opened} opened, ${Math.round(rss / 2 ** 20)} MiB`);
    });
  }

  test('split sets of which one member is damaged', () => {
    const members = ['mini-split.1', 'mini-split.2', 'mini-split.3'].map((name) => [name, mini(name)] as const);
    for (let seed = 0; seed < rounds; seed++) {
      const set = Object.fromEntries(members.map(([name, bytes], index) => [name, index === seed % 3 ? mutate(bytes, seed) : bytes]));
      const host = memoryHost(set);
      survives(`split set, seed ${seed}`, () => {
        const image = openImage(host, seed % 2 === 0 ? Object.keys(set) : [`mini-split.${1 + (seed % 3)}`]);
        examine(image, seed);
        image.close();
      });
      assert.equal(host.open.size, 0, `seed ${seed}: a file stays open`);
    }
  });
});

describe('damaged streams of real pages', { skip: absent(debian) ?? false }, () => {
  for (const [codec, file] of [
    ['zlib', 'mini-zlib.kdump'],
    ['lzo', 'mini-lzo.kdump'],
    ['snappy', 'mini-snappy.kdump'],
    ['zstd', 'mini-zstd.kdump'],
  ] as const) {
    test(`${codec}: ${rounds * 20} times`, (t) => {
      const { pages } = readSmallKdump(join(dumpFolder(debian) ?? '', 'mini', file));
      const streams = [...pages.values()].flatMap(({ stored }) => (stored?.flags === codecFlags[codec] ? [stored.data] : []));
      assert.ok(streams.length > 1000);
      // Our own zstd, whatever this Node has.
      const decompress = codecFor(codec, { ...nodeHost().codecs, zstd: undefined });
      let whole = 0;
      for (let seed = 0; seed < rounds * 20; seed++) {
        const stream = mutate(streams[seed % streams.length] ?? new Uint8Array(), seed);
        const started = processorTime();
        try {
          const { length } = decompress(stream, 4096);
          assert.ok(length <= 4096, `seed ${seed}: ${length} bytes`);
          if (length === 4096) whole++;
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          // zlib's own errors have a code, ours are RangeErrors.
          assert.ok(
            error instanceof RangeError || (codec === 'zlib' && error instanceof Error && 'code' in error),
            `seed ${seed}: ${String(error)}`,
          );
        }
        assert.ok(processorTime() - started < longest, `seed ${seed} runs on`);
      }
      t.diagnostic(`${rounds * 20} damaged streams, ${whole} give a page`);
    });
  }
});

/** The bundled dump, which is whole in itself, in containers of every kind. */
const containers: Record<string, () => Uint8Array> = {
  'kdump-compressed': () => readFileSync(bundled.image),
  flattened: () => {
    const bytes = readFileSync(bundled.image);
    const records = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, index) => ({
      offset: index * 65_536,
      bytes: bytes.subarray(index * 65_536, (index + 1) * 65_536),
    }));
    return buildFlattened({ records });
  },
  LiME: () => joinBytes(bundledRuns().map(({ start, data }) => limeRecord(start, data))),
  AVML: () => joinBytes(bundledRuns().map(({ start, data }) => avmlRecord(start, data))),
};

/** Its pages, those that follow each other in one piece. */
function bundledRuns(): { start: number; data: Uint8Array }[] {
  const image = openImage(nodeHost(), [bundled.image]);
  const runs: { start: number; data: Uint8Array }[] = [];
  let run: Uint8Array[] = [];
  for (let frame = 0; frame <= 65_536; frame++) {
    const bytes = frame < 65_536 ? image.memory.frame(frame) : undefined;
    if (bytes !== undefined) run.push(bytes.slice());
    else if (run.length > 0) {
      runs.push({ start: (frame - run.length) * 4096, data: joinBytes(run) });
      run = [];
    }
  }
  image.close();
  return runs;
}

/** Seeds that found bugs when a whole session was opened. */
const sessionRegressions: readonly number[] = [];

for (const [container, bytesOf] of Object.entries(containers)) {
  test(`a whole session on damaged files, ${container}: ${sessionRounds} times`, async (t) => {
    const bytes = bytesOf();
    const addresses = ['0xffffffffa5a00000', '0xffff8ea000000000', '0x0', '0xffffffffffffffff'].map(addressOf);
    let opened = 0;
    let answered = 0;
    const seeds = [...sessionRegressions, ...Array.from({ length: sessionRounds }, (_, seed) => seed)];
    for (const seed of seeds) {
      const fine = survives(`${container}, session, seed ${seed}`, () => {
        const session = openSession(memoryHost({ damaged: mutate(bytes, seed) }), { paths: ['damaged'] });
        const ask = (question: () => unknown): void => {
          try {
            question();
            answered++;
          } catch (error) {
            if (!(error instanceof UserError)) throw error;
          }
        };
        ask(() => session.info());
        for (const address of addresses) {
          ask(() => session.translate(address));
          ask(() => session.readVirtual(address, 4096));
          ask(() => session.identify(address));
        }
        ask(() => session.vmalloc());
        ask(() => session.tasks());
        ask(() => session.maps(1));
        ask(() => session.log());
        session.close();
      });
      if (fine) opened++;
      // zlib gives up its memory in the loop's next turn.
      await new Promise((resume) => setImmediate(resume));
    }
    const { rss } = process.memoryUsage();
    assert.ok(rss < mostMemory, `${rss} bytes of memory`);
    t.diagnostic(`${seeds.length} damaged files, ${opened} opened, ${answered} answers, ${Math.round(rss / 2 ** 20)} MiB`);
  });
}
