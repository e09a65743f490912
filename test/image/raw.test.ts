/** Raw physical memory: where it lay is told by the user, what machine it is by the memory itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import { UserError } from '../../debug-adapter/base/errors.ts';
import type { Image } from '../../debug-adapter/image/image.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { parseRawRanges } from '../../debug-adapter/image/raw.ts';
import { readPhysical } from '../../debug-adapter/memory/physical-memory.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { elfFile, filled, joinBytes, x8664 } from '../builders/elf-file.ts';
import { bytesFile, dumpRuns, fileHost, pieceOfFile, sparseFile } from '../builders/file-host.ts';
import { limeRecord } from '../builders/lime-file.ts';
import { RawClient } from '../dap/raw-client.ts';
import { absent, expandedDump, truthText } from '../support/dumps.ts';
import { fc } from '../support/properties.ts';

const program = resolve(import.meta.dirname, '../../dist/pagewalk.js');
const folder = mkdtempSync(join(tmpdir(), 'pagewalk-raw-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

const hex = (value: number): string => `0x${value.toString(16)}`;

describe('memory of real machines', () => {
  for (const name of ['x86-64', 'i386-pae-pti', 'arm64-4k', 'arm64-64k', 'riscv64-sv48', 's390x', 'ppc64le']) {
    test(`${name}: its ranges one after the other in a file`, { skip: absent(name) ?? false }, () => {
      const path = expandedDump(name, 'vmcore.elf');
      let size = 0;
      const runs = dumpRuns(path);
      const pieces = runs.map((run) => {
        size += run.size;
        return pieceOfFile(size - run.size, { path, start: run.offset, size: run.size });
      });
      const base = runs.map((run) => `${hex(run.physical)}-${hex(run.physical + run.size)}`).join(',');
      const session = openSession(fileHost({ ram: sparseFile(pieces, size).open }), { paths: ['ram'], base });
      const info = session.info();
      assert.equal(info.format, 'raw memory');
      assert.match(info.header.find((fact) => fact.name === 'machine')?.value ?? '', /VMCOREINFO in memory has|the utsname in memory/);
      assert.equal(
        info.architecture,
        { 'i386-pae-pti': 'x86-32', 'arm64-4k': 'arm64', 'arm64-64k': 'arm64', 'riscv64-sv48': 'riscv64' }[name] ?? name,
      );
      assert.equal(session.vmallocinfoText(), truthText(name, 'vmallocinfo.txt'));
      const text = session.ptdumpLines({}).map((line) => `${line.text}\n`);
      assert.equal(text.join(''), truthText(name, 'ptdump-kernel.txt'));
      session.close();
    });
  }

  test('LiME padded: zeros between the ranges, from physical 0 on', { skip: absent('arm64-4k') ?? false }, () => {
    const path = expandedDump('arm64-4k', 'vmcore.elf');
    const runs = dumpRuns(path);
    const pieces = runs.map((run) => pieceOfFile(run.physical, { path, start: run.offset, size: run.size }));
    const size = Math.max(...runs.map((run) => run.physical + run.size));
    const session = openSession(fileHost({ padded: sparseFile(pieces, size).open }), { paths: ['padded'], base: '0' });
    assert.equal(session.vmallocinfoText(), truthText('arm64-4k', 'vmallocinfo.txt'));
    session.close();
  });

  test('the command line, with a file for each range', { skip: absent('riscv64-sv48') ?? false }, () => {
    const path = expandedDump('riscv64-sv48', 'vmcore.elf');
    const whole = readFileSync(path);
    const runs = dumpRuns(path);
    const files = runs.map((run, index) => {
      const file = join(folder, `range-${index}`);
      writeFileSync(file, whole.subarray(run.offset, run.offset + run.size));
      return file;
    });
    const run = (...options: string[]): ReturnType<typeof spawnSync> =>
      spawnSync(process.execPath, [program, 'vmalloc', files.join(','), ...options], { encoding: 'utf8' });
    const good = run('--base', runs.map((one) => hex(one.physical)).join(','));
    assert.equal(good.stdout, truthText('riscv64-sv48', 'vmallocinfo.txt'));
    assert.equal(good.status, 0);
    const unsaid = run();
    assert.match(
      String(unsaid.stderr),
      /is not a memory dump that Pagewalk knows; .* or raw memory with its physical address \(--base, or the setting base\)/,
    );
    assert.equal(unsaid.status, 2);
    const wrong = run('--base', '0x80000000');
    assert.match(String(wrong.stderr), /2 files of raw memory are named and 1 bases; give one base for each file/);
    assert.equal(wrong.status, 2);
    const misplaced = run('--base', '0x1000,0x90000000');
    assert.match(String(misplaced.stderr), /no kernel page table was found|no Linux kernel was recognised/);
    assert.equal(misplaced.status, 2);
  });
});

describe('bases of raw memory', () => {
  test('what can be written', () => {
    assert.deepEqual(parseRawRanges('0x80000000'), [{ start: 0x8000_0000, end: undefined }]);
    assert.deepEqual(parseRawRanges('4096'), [{ start: 4096, end: undefined }]);
    assert.deepEqual(parseRawRanges('0x0-0xC0000000, 0x100000000'), [
      { start: 0, end: 0xc000_0000 },
      { start: 0x1_0000_0000, end: undefined },
    ]);
    assert.deepEqual(parseRawRanges('0,0x1000'), [
      { start: 0, end: undefined },
      { start: 0x1000, end: undefined },
    ]);
  });

  for (const [text, says] of [
    ['', /is no base of raw memory; write the physical address/],
    ['80000000h', /is no base of raw memory/],
    ['0x1000-', /is no base of raw memory/],
    ['-0x1000', /is no base of raw memory/],
    ['0x1000-0x1000', /its end is not above its start/],
    ['0x10000000000000', /beyond any machine's physical memory/],
    ['0x0,0x1000-0x2000', /0x0 has no end/],
  ] as const) {
    test(`what cannot: '${text}'`, () => {
      assert.throws(
        () => parseRawRanges(text),
        (error) => error instanceof UserError && says.test(error.message),
      );
    });
  }

  test('any text is ranges or a sentence', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-fx,\- ]{0,40}$/)), (text) => {
        try {
          for (const { start, end } of parseRawRanges(text)) assert.ok(start >= 0 && (end === undefined || end > start));
        } catch (error) {
          assert.ok(error instanceof UserError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('raw memory', () => {
  const bytes = joinBytes([filled(0x2000, 1), filled(0x1000, 2)]);

  function open(base: string, ...files: Uint8Array[]): Image {
    const named = Object.fromEntries(files.map((file, index) => [`file${index}`, bytesFile(file)]));
    return openImage(fileHost(named), Object.keys(named), { rawRanges: parseRawRanges(base) });
  }

  function byteAt(image: Image, address: number): number | string | undefined {
    const read = readPhysical(image.memory, toPhysAddr(address), 1);
    return read.holes[0]?.reason.kind ?? read.bytes[0];
  }

  test('one base: to the end of the file', () => {
    const image = open('0x10000', bytes);
    assert.deepEqual(image.memory.ranges, [{ start: 0x1_0000, end: 0x1_3000 }]);
    assert.deepEqual([byteAt(image, 0x1_1fff), byteAt(image, 0x1_2000), byteAt(image, 0x1_3000)], [1, 2, 'not-ram']);
  });

  test('ranges: a hole for PCI', () => {
    const image = open('0-0x2000,0x100000000', bytes);
    assert.deepEqual([byteAt(image, 0x1fff), byteAt(image, 0x2000), byteAt(image, 0x1_0000_0fff)], [1, 'not-ram', 2]);
  });

  test('ranges that the file is too short for, and a file with more', () => {
    const short = open('0-0x2000,0x8000-0xa000', bytes);
    assert.deepEqual([byteAt(short, 0x8fff), byteAt(short, 0x9000)], [2, 'truncated']);
    assert.match(short.warnings.join('\n'), /4096 bytes of memory are missing, from physical 0x9000-0xa000/);
    const long = open('0-0x2000', bytes);
    assert.match(long.warnings.join('\n'), /4096 bytes lie behind the ranges that were given/);
  });

  test('a base at an odd address, and files that share a frame', () => {
    const image = open('0x1200,0x4200', bytes, filled(0x400, 3));
    assert.deepEqual(
      [0x11ff, 0x1200, 0x31ff, 0x3200, 0x41ff, 0x4200, 0x45ff, 0x4600].map((at) => byteAt(image, at)),
      ['not-ram', 1, 1, 2, 2, 3, 3, 'not-ram'],
    );
  });

  test('a file that is recognised is raw all the same when a base is given, with a warning', () => {
    const elf = elfFile([{ data: filled(0x2000, 7) }], x8664);
    assert.match(open('0', elf).warnings.join('\n'), /begins like an ELF file and is read as raw memory, because a base was given/);
    const lime = limeRecord(0x1000, filled(0x1000, 1));
    assert.match(open('0', lime).warnings.join('\n'), /begins like a LiME file/);
    assert.equal(byteAt(open('0', elf), 1), 0x45);
  });

  test('the launch setting, as text and as a number', { skip: absent('riscv64-sv48') ?? false }, async () => {
    const path = expandedDump('riscv64-sv48', 'vmcore.elf');
    const run = dumpRuns(path).at(-1);
    assert.ok(run);
    const ram = sparseFile([pieceOfFile(0, { path, start: run.offset, size: run.size })], run.size).open;
    for (const base of [hex(run.physical), run.physical]) {
      const client = new RawClient(fileHost({ ram }));
      await client.ask('initialize', {});
      const launched = await client.ask('launch', { image: 'ram', base });
      assert.equal(launched.success, true, launched.message);
      await client.ask('disconnect', {});
    }
    const client = new RawClient(fileHost({ ram }));
    await client.ask('initialize', {});
    const refused = await client.ask('launch', { image: 'ram', base: 'nowhere' });
    assert.equal(refused.success, false);
    assert.match(JSON.stringify(refused.body), /the setting base cannot be used: nowhere is no base of raw memory/);
  });

  test('several bases for one file', () => {
    assert.throws(() => open('0,0x1000', bytes), /is one file and 2 bases are given; write ranges/);
  });

  test('a base from which the file would reach beyond any machine', () => {
    assert.throws(() => open('0xffffffffff000', bytes), /would reach beyond any machine's physical memory; check its base/);
  });
});
