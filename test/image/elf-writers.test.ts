/** ELF dumps as tools write them: makedumpfile -E at several levels, and QEMU's with paging. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { elfFile, elfNote, noteSegment, x8664 } from '../builders/elf-file.ts';
import type { ElfSegment } from '../builders/elf-file.ts';
import { dumpRuns, fileHost, pieceOf, pieceOfFile, sparseFile } from '../builders/file-host.ts';
import { absent, expandedDump, truthText } from '../support/dumps.ts';

const folder = mkdtempSync(join(tmpdir(), 'pagewalk-elf-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

function sameAsTheKernelSaid(name: string, session: Session): void {
  assert.equal(session.vmallocinfoText(), truthText(name, 'vmallocinfo.txt'));
  const text = session.ptdumpLines({}).map((line) => `${line.text}\n`);
  assert.equal(text.join(''), truthText(name, 'ptdump-kernel.txt'));
}

/** QEMU's file with its program headers right behind the ELF header, the one place where makedumpfile looks. */
function forMakedumpfile(path: string): string {
  const bytes = readFileSync(path);
  const offset = Number(bytes.readBigUInt64LE(32));
  bytes.copy(bytes, 64, offset, offset + bytes.readUInt16LE(56) * 56);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeBigUInt64LE(0n, 40);
  bytes.fill(0, 58, 64);
  const moved = join(folder, 'moved.elf');
  writeFileSync(moved, bytes);
  return moved;
}

describe('makedumpfile -E', { skip: absent('x86-64') ?? false }, () => {
  for (const level of [0, 1, 31]) {
    test(`at dump level ${level}`, (t) => {
      const output = join(folder, `level-${level}.elf`);
      const { error, status } = spawnSync('makedumpfile', [
        '-E',
        '-d',
        String(level),
        forMakedumpfile(expandedDump('x86-64', 'vmcore.elf')),
        output,
      ]);
      if (error !== undefined) {
        t.skip('needs makedumpfile');
        return;
      }
      assert.equal(status, 0);
      const session = openSession(nodeHost(), { paths: [output] });
      sameAsTheKernelSaid('x86-64', session);
      const { format, header, cpus, warnings } = session.info();
      assert.equal(format, 'ELF vmcore');
      assert.equal(cpus, 2);
      assert.deepEqual(warnings, []);
      const bytes = Number(/^\d+/.exec(header.find(({ name }) => name === 'left out')?.value ?? '')?.[0] ?? '0');
      const { size } = dumpRuns(output).reduce((sum, run) => ({ size: sum.size + run.size }), { size: 0 });
      // What the file holds and what it lacks is all RAM.
      assert.equal(
        bytes + size,
        dumpRuns(expandedDump('x86-64', 'vmcore.elf')).reduce((sum, run) => sum + run.size, 0),
      );
      if (level === 0) assert.equal(bytes, 0);
      else assert.ok(bytes > 50_000_000);
      session.close();
    });
  }
});

describe('QEMU, with paging', { skip: absent('x86-64') ?? false }, () => {
  test('a segment for every mapping, those of vmalloc space and modules among them, sorted by physical address', () => {
    const path = expandedDump('x86-64', 'vmcore.elf');
    const runs = dumpRuns(path);
    const [low] = runs;
    assert.ok(low);
    const told = truthText('x86-64', 'vmcoreinfo.txt');
    const direct = 0xffff_9848_4000_0000n;
    const mapping = (virtual: bigint, physical: number, size: number): ElfSegment & { size: number } => ({
      virtual,
      physical: BigInt(physical),
      size,
      fileSize: BigInt(size),
      offset: BigInt(0x10_0000 + physical),
    });
    const loads = [
      mapping(direct, 0, 0x10_0000),
      mapping(0xffff_ffff_c000_3000n, 0x4000, 0x1000),
      mapping(direct + 0x10_0000n, 0x10_0000, 0x7f0_0000),
      mapping(0xffff_ffff_9240_0000n, 0x4a0_0000, 0xe0_0000),
      mapping(0xffff_b3ca_c000_1000n, 0x7e0_2000, 0x1000),
      mapping(0xffff_b3ca_c000_3000n, 0x7f0_0000, 0x2000),
    ];
    const note = elfNote({ name: 'VMCOREINFO', type: 0, description: new TextEncoder().encode(told) }, true);
    const head = elfFile([noteSegment([note]), ...loads], x8664);
    const pieces = [pieceOf(0, head), pieceOfFile(0x10_0000, { path, start: low.offset, size: low.size })];
    const session = openSession(fileHost({ dump: sparseFile(pieces, 0x10_0000 + low.size).open }), { paths: ['dump'] });
    sameAsTheKernelSaid('x86-64', session);
    const info = session.info();
    assert.equal(info.format, 'ELF vmcore');
    assert.deepEqual(info.warnings, []);
    const values = info.pageOffsetMethods.filter(({ method }) => method.includes('PT_LOAD')).map(({ agrees }) => agrees);
    assert.deepEqual(values, [true, true]);
    assert.equal(info.evidence.find(({ source }) => source === 'the PT_LOAD that holds _stext')?.value, info.physBase);
    session.close();
  });
});
