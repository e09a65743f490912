/** Files that are no good dump: one sentence with what to do, exit status 2, and nothing hangs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { UserError } from '../../debug-adapter/base/errors.ts';
import type { Host } from '../../debug-adapter/base/host.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { buildFlattened } from '../builders/flattened.ts';
import { absent, bundled, expandedDump } from '../support/dumps.ts';
import { fc } from '../support/properties.ts';

const program = resolve(import.meta.dirname, '../../dist/pagewalk.js');
const folder = mkdtempSync(join(tmpdir(), 'pagewalk-bad-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function info(path: string): { status: number | null; stderr: string; stdout: string } {
  return spawnSync(process.execPath, [program, 'info', path], { encoding: 'utf8', timeout: 20_000 });
}

/** An ELF64 header; fields that matter can be set. */
function elfHeader(set: { machine?: number; type?: number; programOffset?: bigint; programCount?: number }): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, set.type ?? 4, true);
  view.setUint16(18, set.machine ?? 62, true);
  view.setBigUint64(32, set.programOffset ?? 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, set.programCount ?? 1, true);
  return bytes;
}

/** A PT_LOAD program header. */
function load(set: { offset: bigint; physical: bigint; fileSize: bigint; memorySize: bigint }): Uint8Array {
  const bytes = new Uint8Array(56);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 1, true);
  view.setBigUint64(8, set.offset, true);
  view.setBigUint64(24, set.physical, true);
  view.setBigUint64(32, set.fileSize, true);
  view.setBigUint64(40, set.memorySize, true);
  return bytes;
}

const huge = 1n << 60n;

describe('bad input', () => {
  const cases: readonly (readonly [what: string, path: () => string, says: RegExp])[] = [
    ['a text file', () => file('text', 'hello, this is not a dump\n'), /is not a memory dump that Pagewalk knows; give/],
    ['an empty file', () => file('empty', ''), /is empty; the dump was not written, take it again/],
    ['a directory', () => folder, /is a directory; name the dump file/],
    ['nothing', () => join(folder, 'nothing'), /no such file; check its path/],
    [
      'a gzip file',
      () => file('vmcore.gz', Uint8Array.of(0x1f, 0x8b, 8, 0)),
      /gzip-compressed as a whole; unpack it first: gunzip -k .*vmcore\.gz$/m,
    ],
    [
      'a zstd file',
      () => file('vmcore.zst', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd)),
      /zstd-compressed as a whole; unpack it first: zstd -d /,
    ],
    [
      'an xz file',
      () => file('vmcore.xz', Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)),
      /xz-compressed as a whole; unpack it first: unxz -k /,
    ],
    ['a bzip2 file', () => file('vmcore.bz2', Buffer.from('BZh91AY')), /bzip2-compressed as a whole; unpack it first: bunzip2 -k /],
    ['an lz4 file', () => file('vmcore.lz4', Uint8Array.of(4, 0x22, 0x4d, 0x18)), /lz4-compressed as a whole; unpack it first: unlz4 /],
    ['a flattened file that holds no dump', () => file('empty.flat', buildFlattened({ records: [] })), /is a flattened dump without data/],
    ['an ELF program', () => file('program', elfHeader({ type: 2 })), /no core dump/],
    [
      'an unknown architecture',
      () => file('vax', elfHeader({ machine: 75 })),
      /ELF machine 75, an architecture that Pagewalk does not know/,
    ],
    [
      'a header that claims 2^60 bytes',
      () => file('huge', elfHeader({ programOffset: huge })),
      /which no file can hold|no readable program headers/,
    ],
    [
      'a segment of 2^60 bytes',
      () => file('segment', Buffer.concat([elfHeader({}), load({ offset: 120n, physical: 0n, fileSize: huge, memorySize: huge })])),
      /no readable program headers|no kernel page table was found/,
    ],
    [
      'a dump without VMCOREINFO or registers',
      () =>
        file(
          'bare',
          Buffer.concat([elfHeader({}), load({ offset: 120n, physical: 0n, fileSize: 4096n, memorySize: 4096n }), new Uint8Array(4096)]),
        ),
      /no kernel page table was found: .*--mm 0xPGD/,
    ],
    [
      'a dump that ends before its memory',
      () => file('short', Buffer.concat([elfHeader({}), load({ offset: 120n, physical: 0n, fileSize: 1n << 20n, memorySize: 1n << 20n })])),
      /no kernel page table was found: .*the file is cut short: 1048576 bytes of memory are missing/,
    ],
    ['an ELF header that is cut short', () => file('head', elfHeader({}).subarray(0, 30)), /needs 8 bytes and 0 are left/],
    [
      'a kdump header cut short',
      () => file('cut.kdump', readFileSync(bundled.image).subarray(0, 8192)),
      /reach beyond the end of the file/,
    ],
  ];
  for (const [what, path, says] of cases) {
    test(what, () => {
      const { status, stderr, stdout } = info(path());
      assert.match(stderr, says);
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    });
  }

  test('a pipe is not waited for', { skip: process.platform === 'win32' ? 'needs mkfifo' : false }, () => {
    const path = join(folder, 'pipe');
    spawnSync('mkfifo', [path]);
    const { status, stderr } = info(path);
    assert.match(stderr, /pipe: is a pipe, which cannot be read from any place on; write what it gives to a file/);
    assert.equal(status, 2);
  });

  test('no permission', { skip: process.getuid?.() === 0 ? 'needs a user who is not root' : false }, () => {
    const path = file('secret', 'x');
    spawnSync('chmod', ['000', path]);
    const { status, stderr } = info(path);
    assert.match(stderr, /permission denied/);
    assert.equal(status, 2);
  });

  test('random bytes behind every magic give a UserError and nothing else', () => {
    const heads = [
      [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1],
      [0x7f, 0x45, 0x4c, 0x46, 1, 2, 1],
      [...Buffer.from('KDUMP   ')],
      [...Buffer.from('DISKDUMP')],
      [],
    ];
    fc.assert(
      fc.property(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 6000 }), (head, tail) => {
        const bytes = Uint8Array.from([...head, ...tail, 0]);
        try {
          openImage(memoryHost(bytes), ['random']).close();
        } catch (error) {
          assert.ok(error instanceof UserError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** A host whose one file is `bytes`. */
function memoryHost(bytes: Uint8Array): Host {
  return {
    ...nodeHost(),
    openFile: (name) => ({
      name,
      size: bytes.length,
      read: (offset, length) => bytes.slice(offset, offset + length),
      close: () => undefined,
    }),
  };
}

describe('a dump that is cut short', () => {
  test('kdump: opens with what is there and says what is missing', () => {
    const whole = readFileSync(bundled.image);
    const session = openSession(nodeHost(), { paths: [file('half.kdump', whole.subarray(0, Math.floor(whole.length * 0.6)))] });
    const { warnings, release } = session.info();
    assert.equal(release, '6.12.117+deb12-cloud-amd64');
    assert.ok(
      warnings.some((warning) => /cut short at \d+ bytes/.test(warning)),
      warnings.join('\n'),
    );
    session.close();
  });

  test('ELF: opens with what is there and says what is missing', { skip: absent('x86-64') ?? false }, () => {
    const whole = readFileSync(expandedDump('x86-64', 'vmcore.elf'));
    const session = openSession(nodeHost(), { paths: [file('half.elf', whole.subarray(0, whole.length - 40_000_000))] });
    const { warnings } = session.info();
    assert.ok(
      warnings.some((warning) => /cut short: \d+ bytes of memory are missing, from physical 0x/.test(warning)),
      warnings.join('\n'),
    );
    const { holes } = session.readPhysical(0x7ff0000 as never, 16);
    assert.equal(holes[0]?.reason.kind, 'truncated');
    session.close();
  });
});
