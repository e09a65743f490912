/**
 * The small files of one moment in every container: with the kernel's symbols and types named beside them, each answers as
 * the whole ELF dump does. And QEMU's own kdump files, whose header tells another phys_base than the kernel has.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { readSmallKdump } from '../builders/huge-kdump.ts';
import { buildKdump, bytesOf } from '../builders/kdump.ts';
import type { BuiltKdump } from '../builders/kdump.ts';
import { absent, addressOf, bundled, dumpFolder, expandedDump, jsonLines, truthText } from '../support/dumps.ts';
import { memoryHost } from '../support/memory-host.ts';

const name = 'x86-64-debian-6.12';
const folder = dumpFolder(name) ?? '';

interface DrgnWalk {
  readonly space: string;
  readonly addr: string;
  readonly phys?: string;
}

/** All of them but who made them: the names of modules' functions lie in pages that the small files leave out. */
function areasOf(session: Session): unknown {
  const { areas, lazy } = session.vmalloc();
  return [areas.map((area) => ({ ...area, caller: null })), lazy];
}

/** Counters and the long names of kernel threads lie in pages that the small files leave out. */
function tasksOf(session: Session): unknown {
  return session
    .tasks()
    .map(({ pid, tgid, task, mm, pgd, state, stack, name: comm }) => [
      pid,
      tgid,
      task,
      mm,
      pgd,
      state,
      stack,
      comm.split('-')[0]?.slice(0, 15),
    ]);
}

describe('every container answers as the whole dump', { skip: absent(name) ?? false }, () => {
  const files = mkdtempSync(join(tmpdir(), 'pagewalk-truth-'));
  const symbols = join(files, 'kallsyms');
  const types = join(files, 'btf');
  let whole: Session;
  before(() => {
    whole = openSession(nodeHost(), { paths: [expandedDump(name, 'dump.elf')] });
    const kallsyms = execFileSync('zstd', ['-dc', join(folder, 'truth/guest/kallsyms.txt.zst')], { encoding: 'utf8', maxBuffer: 2 ** 28 });
    writeFileSync(symbols, kallsyms.replace(/^.*\[.*\]$\n?/gm, ''));
    const start = whole.symbols.find('__start_BTF')?.address;
    const end = whole.symbols.find('__stop_BTF')?.address;
    assert.ok(start !== undefined && end !== undefined);
    writeFileSync(types, whole.readVirtual(start, Number(end - start)).bytes);
  });
  after(() => {
    whole.close();
    rmSync(files, { recursive: true, force: true });
  });

  for (const file of [
    'mini-zlib.kdump',
    'mini-lzo.kdump',
    'mini-snappy.kdump',
    'mini-zstd.kdump',
    'mini-sym.kdump',
    'mini-zlib.flat',
    'mini-zstd.flat',
    'mini-split.1',
    'mini-split.1,mini-split.2,mini-split.3',
    'mini-split.3,mini-split.1,mini-split.2',
  ]) {
    test(file, () => {
      const paths = file.split(',').map((member) => join(folder, 'mini', member));
      const session = openSession(nodeHost(), { paths, ...(file.includes('sym') ? {} : { symbols, types }) });
      const user = readFileSync(join(folder, 'truth/guest/user.pid'), 'utf8').trim();
      let walks = 0;
      for (const { space, addr, phys } of jsonLines<DrgnWalk>(join(folder, 'truth/drgn/vtop.jsonl'))) {
        const mm = space === 'kernel' ? 'kernel' : user;
        const walk = session.translate(addressOf(addr), mm);
        assert.equal(walk.physical, phys ?? null, addr);
        const expected = whole.translate(addressOf(addr), mm);
        assert.deepEqual(
          [walk.levels.map(({ entry }) => entry), walk.pageSize],
          [expected.levels.map(({ entry }) => entry), expected.pageSize],
          addr,
        );
        walks++;
      }
      assert.ok(walks > 250, `${walks} walks`);
      assert.deepEqual(areasOf(session), areasOf(whole));
      assert.deepEqual(tasksOf(session), tasksOf(whole));
      assert.deepEqual(session.ptdumpLines({}), whole.ptdumpLines({}));
      const info = session.info();
      assert.equal(
        `${info.physBase ?? ''} ${info.kaslrOffset ?? ''} ${info.pageOffset ?? ''}`,
        `${whole.info().physBase ?? ''} ${whole.info().kaslrOffset ?? ''} ${whole.info().pageOffset ?? ''}`,
      );
      session.close();
    });
  }

  test('the note in the file is the one that the kernel made', () => {
    const session = openSession(nodeHost(), { paths: [join(folder, 'mini/mini-zstd.flat')] });
    assert.equal(session.vmcoreinfoText().trim(), truthText(name, 'vmcoreinfo.txt').trim());
    session.close();
  });
});

describe("QEMU's own kdump files", () => {
  const small = readSmallKdump(bundled.image);
  const last = Math.max(...small.pages.keys());
  /** Names no machine but its own, keeps VMCOREINFO in the notes, and takes a phys_base from no kernel (dump/dump.c). */
  const dump = (physBase: bigint): BuiltKdump => {
    const text = Buffer.from(small.vmcoreinfo);
    const head = Buffer.alloc(24);
    head.writeUInt32LE(11, 0);
    head.writeUInt32LE(text.length, 4);
    head.write('VMCOREINFO', 12);
    const note = Buffer.concat([head, text, Buffer.alloc((4 - (text.length % 4)) % 4)]);
    return {
      maxFrame: last + 1,
      ram: [[0, last + 1]],
      pages: small.pages,
      physBase,
      dumpLevel: 1,
      notes: Buffer.concat([small.notes, note]),
      vmcoreinfo: '',
    };
  };

  for (const physBase of [0n, 0x100_0000n, -1n]) {
    test(`phys_base 0x${BigInt.asUintN(64, physBase).toString(16)} in the header`, () => {
      const session = openSession(memoryHost({ qemu: bytesOf(buildKdump(dump(physBase))) }), { paths: ['qemu'] });
      const original = openSession(nodeHost(), { paths: [bundled.image] });
      assert.equal(session.info().physBase, original.info().physBase);
      for (const line of jsonLines<DrgnWalk>(bundled.truth('drgn/vtop.jsonl')).filter(({ space }) => space === 'kernel'))
        assert.equal(session.translate(addressOf(line.addr)).physical, line.phys ?? null, line.addr);
      assert.deepEqual(session.vmalloc(), original.vmalloc());
      session.close();
      original.close();
    });
  }
});
