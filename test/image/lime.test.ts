/** LiME and AVML files: real machines' memory in them answers as the kernels said; built ones are damaged in every way. */
import { underLimits } from '../support/lowered-limits.ts';
import { limits } from '../../debug-adapter/base/limits.ts';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import { UserError } from '../../debug-adapter/base/errors.ts';
import type { Image } from '../../debug-adapter/image/image.ts';
import { readPhysical } from '../../debug-adapter/memory/physical-memory.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { filled, joinBytes } from '../builders/elf-file.ts';
import { bytesFile, dumpRuns, fileHost, pieceOf, pieceOfFile, sparseFile } from '../builders/file-host.ts';
import { avmlRecord, castagnoli, chunk, limeRecord, recordHeader, snappyFrames, streamIdentifier } from '../builders/lime-file.ts';
import { absent, expandedDump, truthText } from '../support/dumps.ts';
import { fc } from '../support/properties.ts';
import { byteAt, openBytes } from './built-image.ts';

const folder = mkdtempSync(join(tmpdir(), 'pagewalk-lime-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

const machines = ['x86-64', 'i386-pae-pti', 'arm64-4k', 'arm64-64k', 'riscv64-sv48', 's390x', 'ppc64le', 'x86-64-efi', 'x86-64-kasan'];

describe('memory of real machines', () => {
  for (const name of machines) {
    test(`LiME of ${name}`, { skip: absent(name) ?? false }, () => {
      const path = expandedDump(name, 'vmcore.elf');
      let size = 0;
      const pieces = dumpRuns(path).flatMap((run) => {
        const header = recordHeader('EMiL', { start: BigInt(run.physical), last: BigInt(run.physical + run.size - 1) });
        const at = size;
        size += header.length + run.size;
        return [pieceOf(at, header), pieceOfFile(at + header.length, { path, start: run.offset, size: run.size })];
      });
      const session = openSession(fileHost({ lime: sparseFile(pieces, size).open }), { paths: ['lime'] });
      assert.equal(session.info().format, 'LiME');
      assert.equal(session.vmallocinfoText(), truthText(name, 'vmallocinfo.txt'));
      session.close();
    });
  }

  for (const name of ['x86-64', 's390x']) {
    test(`AVML of ${name}, with its blocks of zeros left out`, { skip: absent(name) ?? false }, () => {
      const path = expandedDump(name, 'vmcore.elf');
      const whole = readFileSync(path);
      const block = 16 * 1024 * 1024;
      const records: Uint8Array[] = [];
      for (const run of dumpRuns(path)) {
        for (let at = 0; at < run.size; at += block) {
          const data = whole.subarray(run.offset + at, run.offset + Math.min(at + block, run.size));
          if (data.some((byte) => byte !== 0)) records.push(avmlRecord(run.physical + at, data));
        }
      }
      const avml = join(folder, `${name}.avml`);
      writeFileSync(avml, joinBytes(records));
      const session = openSession(nodeHost(), { paths: [avml] });
      const info = session.info();
      assert.deepEqual([info.format, info.compression, info.architecture], ['AVML', ['snappy'], name]);
      assert.equal(session.vmallocinfoText(), truthText(name, 'vmallocinfo.txt'));
      const text = session.ptdumpLines({}).map((line) => `${line.text}\n`);
      assert.equal(text.join(''), truthText(name, 'ptdump-kernel.txt'));
      session.close();
    });
  }
});

describe('LiME', () => {
  const whole = joinBytes([
    limeRecord(0x1000, filled(0x1000, 1)),
    limeRecord(0x1_0000_0000, filled(0x1800, 2)),
    limeRecord(0x10_0000, filled(0x1000, 3)),
  ]);

  test('records in any order, of any size', () => {
    const image = openBytes(whole);
    assert.equal(image.machine, undefined);
    assert.deepEqual(image.memory.ranges, [
      { start: 0x1000, end: 0x2000 },
      { start: 0x10_0000, end: 0x10_1000 },
      { start: 0x1_0000_0000, end: 0x1_0000_1800 },
    ]);
    assert.deepEqual(
      [0xfff, 0x1000, 0x10_0fff, 0x1_0000_17ff, 0x1_0000_1800].map((at) => byteAt(image, at)),
      ['not-ram', 1, 3, 2, 'not-ram'],
    );
    assert.deepEqual(image.warnings, []);
  });

  test('cut short: in the data, and in a header', () => {
    const data = openBytes(whole.subarray(0, whole.length - 0x400));
    assert.deepEqual([byteAt(data, 0x10_0bff), byteAt(data, 0x10_0c00), byteAt(data, 0x1_0000_0000)], [3, 'truncated', 2]);
    assert.match(data.warnings.join('\n'), /cut short: 1024 bytes of memory are missing, from physical 0x100c00-0x101000/);
    const header = openBytes(whole.subarray(0, 32 + 0x1000 + 20));
    assert.match(header.warnings.join('\n'), /no LiME record stands at byte 0x1020/);
    assert.equal(byteAt(header, 0x1fff), 1);
  });

  test('a compressed record of more chunks than are followed: what they hold is there, the rest is told', async () => {
    const data = filled(200_000, 7);
    await underLimits({ avmlChunks: limits.avmlChunks / 8_000_000 }, () => {
      const image = openBytes(avmlRecord(0x10_0000, data));
      assert.equal(byteAt(image, 0x10_0000 + 100_000), 7);
      const { holes } = readPhysical(image.memory, toPhysAddr(0x10_0000 + 150_000), 1);
      assert.match(holes[0]?.reason.message ?? '', /the record has too many chunks/);
    });
  });

  test('headers that make no sense', () => {
    for (const [start, last] of [
      [0x5000n, 0x4fffn],
      [0n, 0xffff_ffff_ffff_ffffn],
      [1n << 60n, (1n << 60n) + 4095n],
    ] as const) {
      const bad = joinBytes([limeRecord(0x1000, filled(0x1000, 1)), recordHeader('EMiL', { start, last }), filled(4096, 9)]);
      const image = openBytes(bad);
      assert.match(image.warnings.join('\n'), /no LiME record stands at byte 0x1020/);
      assert.deepEqual(image.memory.ranges, [{ start: 0x1000, end: 0x2000 }]);
    }
    const other = joinBytes([recordHeader('EMiL', { start: 0n, last: 4095n, version: 3 }), filled(4096, 9)]);
    assert.throws(() => openBytes(other), /is not a memory dump that Pagewalk knows/);
  });

  test('memory without a kernel: a sentence that says what to look for', () => {
    assert.throws(
      () => openSession(fileHost({ built: bytesFile(whole) }), { paths: ['built'] }),
      (error) => error instanceof UserError && error.message.includes('no Linux kernel was recognised in this memory; check'),
    );
  });
});

describe('AVML', () => {
  const noise = (length: number, seed: number): Uint8Array =>
    Uint8Array.from({ length }, (_, index) => (Math.imul(index + seed, 2654435761) >>> 13) & 0xff);
  const first = joinBytes([filled(100_000, 5), noise(100_000, 1), filled(3_072, 0), noise(61_440 - 3072 + 61_632, 2)]);
  const second = noise(0x4000, 9);
  const whole = joinBytes([avmlRecord(0x10_0000, first), avmlRecord(0x1000, second)]);

  function holds(image: Image, address: number, data: Uint8Array): void {
    for (let at = 0; at < data.length; at += 4096) {
      const { bytes, holes } = readPhysical(image.memory, toPhysAddr(address + at), Math.min(4096, data.length - at));
      assert.deepEqual(holes, []);
      assert.deepEqual(bytes, data.slice(at, at + 4096));
    }
  }

  test("the checksum is CRC-32C: RFC 3720's example", () => {
    assert.equal(castagnoli(new Uint8Array(32)), 0x8a9136aa);
  });

  test('compressed and plain chunks', () => {
    const image = openBytes(whole);
    assert.deepEqual(image.memory.ranges, [
      { start: 0x1000, end: 0x5000 },
      { start: 0x10_0000, end: 0x10_0000 + first.length },
    ]);
    holds(image, 0x10_0000, first);
    holds(image, 0x1000, second);
    const { holes } = readPhysical(image.memory, toPhysAddr(0x8000), 16);
    assert.equal(holes[0]?.reason.kind, 'not-ram');
    assert.match(holes[0].reason.message, /a block of zeros, which AVML leaves out/);
  });

  test('chunks to be skipped, of odd sizes, and a record of many streams', () => {
    const parts = [0, 1, 5000, 5001, 9000].map((from, index, all) => second.subarray(from, all[index + 1] ?? second.length));
    const frames = joinBytes([
      chunk(0xfe, filled(77, 1)),
      chunk(0x80, filled(3, 2)),
      ...parts.flatMap((part) => [snappyFrames(part), chunk(0xff, streamIdentifier.subarray(4))]),
    ]);
    holds(openBytes(avmlRecord(0x4000, second, frames)), 0x4000, second);
  });

  test('a damaged chunk is a hole that names its place in the file; all others are read', () => {
    const bytes = whole.slice();
    const at = 32 + 10 + 4 + 2;
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    const image = openBytes(bytes);
    const { holes } = readPhysical(image.memory, toPhysAddr(0x10_0000), 0x2_0000);
    assert.deepEqual(
      holes.map(({ offset, length, reason }) => [offset, length, reason.kind]),
      [[0, 0x1_0000, 'corrupt']],
    );
    assert.match(holes[0]?.reason.message ?? '', /Snappy chunk at file offset 0x2a: a chunk does not match its checksum/);
    holds(image, 0x1000, second);
  });

  test('a chunk of an unknown kind: what follows in the record cannot be read, other records can', () => {
    const frames = joinBytes([snappyFrames(first.subarray(0, 65_536)), chunk(0x30, filled(16, 1)), snappyFrames(first.subarray(65_536))]);
    const image = openBytes(joinBytes([avmlRecord(0x10_0000, first, frames), avmlRecord(0x1000, second)]));
    holds(image, 0x10_0000, first.subarray(0, 65_536));
    const { holes } = readPhysical(image.memory, toPhysAddr(0x10_0000 + 65_536), 16);
    assert.equal(holes[0]?.reason.kind, 'corrupt');
    assert.match(holes[0].reason.message, /unknown type 0x30, at byte 0x/);
    holds(image, 0x1000, second);
  });

  test('frames that stand for less than the record', () => {
    const image = openBytes(joinBytes([avmlRecord(0x10_0000, first, snappyFrames(first.subarray(0, 70_000))), avmlRecord(0x1000, second)]));
    holds(image, 0x10_0000, first.subarray(0, 65_536));
    assert.equal(byteAt(image, 0x10_0000 + 80_000), 'corrupt');
    holds(image, 0x1000, second);
  });

  test('cut short: records are found from the start, chunk by chunk', () => {
    const image = openBytes(whole.subarray(0, whole.length - 2000));
    holds(image, 0x10_0000, first);
    assert.equal(byteAt(image, 0x1000), 'truncated');
    assert.match(image.warnings.join('\n'), /cut short: memory from physical 0x1000 on is missing/);
    const early = openBytes(whole.subarray(0, 120_000));
    holds(early, 0x10_0000, first.subarray(0, 65_536));
    assert.equal(byteAt(early, 0x10_0000 + first.length - 1), 'truncated');
    assert.match(early.warnings.join('\n'), /cut short: memory from physical 0x1[0-9a-f]{5} on is missing/);
  });

  test('lengths behind the records that are wrong are not needed', () => {
    const bytes = whole.slice();
    bytes.fill(0xff, bytes.length - 8);
    const image = openBytes(bytes);
    holds(image, 0x10_0000, first);
    holds(image, 0x1000, second);
  });

  test('any damage: a sentence or an image, nothing else, and every frame can be asked for', () => {
    const mutation = fc.record({ at: fc.nat(), value: fc.nat(255), length: fc.nat(40), cut: fc.option(fc.nat(), { freq: 4 }) });
    for (const file of [
      joinBytes([avmlRecord(0x10_0000, first.subarray(90_000, 180_000)), avmlRecord(0x1000, second)]),
      joinBytes([limeRecord(0x1000, second), limeRecord(0x8800, second)]),
    ]) {
      fc.assert(
        fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
          let bytes = file.slice();
          for (const { at, value, length, cut } of mutations) {
            // Headers are a small part of a file: half of the damage goes to them.
            const place = at % 2 === 0 ? at % bytes.length : at % Math.min(bytes.length, 64);
            bytes.fill(value, place, place + length);
            if (cut !== null) bytes = bytes.subarray(0, Math.max(1, cut % bytes.length));
          }
          try {
            const image = openBytes(bytes);
            for (const frame of [1, 2, 4, 8, 9, 0x100, 0x110, 0x115]) {
              if (image.memory.frame(frame) === undefined) assert.ok(image.memory.partialFrame(frame).holes.length > 0);
            }
          } catch (error) {
            assert.ok(error instanceof UserError, String(error));
          }
        }),
        { numRuns: 2000 },
      );
    }
  });
});
