/** Kernel logs written by hand: rings that have turned, records half written, lost texts, damage; the older buffers; deaths. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { deathOf, logText, reportOf } from '../../debug-adapter/kernel/log/kernel-log.ts';
import { kernelLog } from '../../debug-adapter/kernel/log/printk.ts';
import type { KernelLog } from '../../debug-adapter/kernel/log/printk.ts';
import { deathFacts } from '../../debug-adapter/session/log-facts.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';
import {
  base,
  committed,
  dataAtOld,
  dataAt,
  descriptorsAt,
  infosAt,
  lengthOf,
  LogRing,
  recordKernel,
  reusable,
  ringAt,
} from '../builders/printk-log.ts';
import { bundled } from '../support/dumps.ts';
import { underLimits } from '../support/lowered-limits.ts';
import { fc } from '../support/properties.ts';

describe('the ring buffer', () => {
  test('gives back what was written, however often it has turned', () => {
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'x'), minLength: 1, maxLength: 30 }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(texts, fc.nat(10_000), fc.nat(500), (lines, first, turns) => {
        const ring = new LogRing({ countBits: 2, sizeBits: 8, first: BigInt(first), position: BigInt(turns) * 8n });
        for (const text of lines) ring.add({ text });
        const log = kernelLog(ring.open());
        assert.deepEqual(log.problems, []);
        assert.deepEqual(
          log.records.map(({ text }) => text),
          lines.slice(-4),
        );
        assert.equal(log.records.at(-1)?.sequence, BigInt(first + lines.length - 1));
      }),
    );
  });

  test('a block that ends where the ring does lies before that end', () => {
    const ring = new LogRing({ countBits: 2, sizeBits: 6 });
    const log = kernelLog(
      ring
        .add({ text: 'x'.repeat(40) })
        .add({ text: '12345678' })
        .open(),
    );
    assert.deepEqual(
      log.records.map(({ text }) => text),
      ['x'.repeat(40), '12345678'],
    );
  });

  test('records that are not finished, or were taken back, are none; lost texts are told apart from empty ones', () => {
    const ring = new LogRing({ countBits: 3, sizeBits: 8 });
    ring
      .add({ text: 'one' })
      .add({ text: 'half', state: 0n })
      .add({ text: 'two', state: committed })
      .add({ text: 'gone', state: reusable });
    ring.add({ text: '', lost: 'empty' }).add({ text: 'too long', lost: 'failed' });
    const log = kernelLog(ring.open());
    assert.deepEqual(
      log.records.map(({ text }) => text),
      ['one', 'two', '', undefined],
    );
    assert.equal(logText(log, { levels: true }), '<6>[    0.000000] one\n<6>[    0.002000] two\n<6>[    0.004000] \n');
  });

  test('every line of a record has its prefix', () => {
    const log = kernelLog(new LogRing({ countBits: 3, sizeBits: 8 }).add({ text: 'first\nsecond\n', level: 3 }).open());
    assert.equal(logText(log, { levels: true }), '<3>[    0.000000] first\n<3>[    0.000000] second\n<3>[    0.000000] \n');
  });

  test('damage is told, bounded, and leaves the rest', () => {
    const ring = new LogRing({ countBits: 3, sizeBits: 8 }).add({ text: 'one' }).add({ text: 'two' }).add({ text: 'three' });
    ring.kernel.words(descriptorsAt + 24n + 8n, [0x10n, 0xffff_ffff_ffff_0000n]);
    const log = kernelLog(ring.open());
    assert.deepEqual(
      log.records.map(({ text }) => text),
      ['one', undefined, 'three'],
    );
    assert.deepEqual(log.problems, ['the text of log record 1 has impossible bounds']);
    const wild = new LogRing({ countBits: 3, sizeBits: 8 }).add({ text: 'one' });
    wild.kernel.write(ringAt + 56n, 0x1234n);
    assert.match(kernelLog(wild.open()).problems[0] ?? '', /text of log record 0 cannot be read: nothing is mapped there/);
    const huge = new LogRing({ countBits: 3, sizeBits: 8 }).add({ text: 'one' });
    huge.kernel.write(ringAt, 60, 4);
    assert.throws(() => kernelLog(huge.open()), /claims 2\^60 records/);
    const endless = new LogRing({ countBits: 3, sizeBits: 8 }).add({ text: 'one' });
    const found = kernelLog(endless.kernel.words(ringAt + 24n, [0x3fff_ffffn, 0n]).open());
    assert.deepEqual(found.problems, ['the log claims 1073741824 records in 8 descriptors; its ends are damaged']);
    assert.deepEqual(
      found.records.map(({ text }) => text),
      ['one'],
    );
  });

  test('what a descriptor, a block or a length of another record says is told', () => {
    const rings = [0, 1, 2].map(() => new LogRing({ countBits: 3, sizeBits: 8 }).add({ text: 'one' }).add({ text: 'two' }));
    const [other, moved, long] = rings;
    assert.ok(other !== undefined && moved !== undefined && long !== undefined);
    other.kernel.write(descriptorsAt + 24n, (2n << 62n) | 7n);
    assert.deepEqual(kernelLog(other.open()).problems, ['descriptor 1 of the log belongs to record 7, not 1; its record is missing']);
    moved.kernel.words(descriptorsAt + 24n + 8n, [0n, 16n]);
    assert.deepEqual(kernelLog(moved.open()).problems, ['the text of log record 1 is not in its place: that of record 0 is there']);
    long.kernel.write(infosAt + 88n + 16n, 100, 2);
    const log = kernelLog(long.open());
    assert.deepEqual(log.problems, ['the text of log record 1 is longer than its room; it is cut']);
    assert.match(log.records[1]?.text ?? '', /^two/);
    const reserved = new LogRing({ countBits: 3, sizeBits: 8 }).add({ text: 'one' }).add({ text: 'two' });
    reserved.kernel.write(descriptorsAt + 24n, 0n);
    assert.deepEqual(kernelLog(reserved.open()).problems, []);
  });

  test('records on pages that are missing are told together, and not without end', async () => {
    const lost = new LogRing({ countBits: 20, sizeBits: 8 }).add({ text: 'one' });
    lost.kernel.write(ringAt + 8n, 0x1_0000n);
    const open = lost.kernel.words(ringAt + 24n, [0x3fff_ffffn, 0n]).open();
    const { records, problems } = await underLimits({ logProblems: 2 }, () => kernelLog(open));
    assert.deepEqual(records, []);
    assert.equal(problems.length, 3, 'limits.logProblems, and one for the rest');
    assert.match(problems[0] ?? '', /^the log claims 1073741824 records/);
    assert.match(problems[1] ?? '', /^records 0 to 170 of the log cannot be read: nothing is mapped there/);
    // A page has 170 descriptors and two thirds.
    assert.match(problems[2] ?? '', /^61\d\d more places of the log cannot be read$/);
  });

  test('texts that lie where others lie are not told again and again', () => {
    const ring = new LogRing({ countBits: 4, sizeBits: 6 });
    for (let record = 0n; record < 4n; record++) ring.add({ text: '01234567890123456789' });
    for (let record = 0n; record < 4n; record++) {
      ring.kernel.words(descriptorsAt + 24n * record + 8n, [8n * record, 64n - 8n]).write(dataAt + 8n * record, record);
    }
    const { records, problems } = kernelLog(ring.open());
    // The ring's 64 bytes are those of three.
    assert.deepEqual(
      records.map(({ text }) => text?.length),
      [20, 20, 20, undefined],
    );
    assert.deepEqual(problems, ['the text of log record 3 lies where others lie']);
  });

  test('without types and VMCOREINFO it says what is missing', () => {
    const kernel = new PlainKernel({ architecture: 'x86-64', base, withoutTypes: true }).room(base, 0x1000);
    assert.throws(() => kernelLog(kernel.symbol('prb', base).write(base, ringAt).open()), /reading the kernel log needs type information/);
    const typed = new PlainKernel({ architecture: 'x86-64', base }).room(base, 0x1000).symbol('prb', base);
    assert.throws(() => kernelLog(typed.open()), /no type is called struct printk_ringbuffer/);
  });
});

describe('the records before 5.10', () => {
  test('go on at the beginning behind an empty one', () => {
    const long = 'a'.repeat(100);
    const log = kernelLog(
      recordKernel(
        [
          { at: 64, text: long },
          { at: 64 + lengthOf(long), text: 'b' },
          { at: 0, text: 'at the beginning' },
        ],
        { first: 64, next: 32 },
      ).open(),
    );
    assert.equal(logText(log, { levels: true }), [long, 'b', 'at the beginning'].map((text) => `<4>[    5.000001] ${text}\n`).join(''));
    assert.deepEqual(log.problems, []);
  });

  test('end where one has an impossible length', () => {
    const log = kernelLog(
      recordKernel(
        [
          { at: 0, text: 'good' },
          { at: 24, text: 'bad', length: 8 },
        ],
        { first: 0, next: 200 },
      ).open(),
    );
    assert.deepEqual(
      log.records.map(({ text }) => text),
      ['good'],
    );
    assert.match(log.problems[0] ?? '', /damaged at 0xffffffff80002018/);
    const endless = kernelLog(recordKernel([], { first: 0, next: 200 }).open());
    assert.deepEqual([endless.records.length, endless.problems.length], [0, 1]);
  });
});

test('before 3.5 the log is text that turns round', () => {
  const kernel = new PlainKernel({ architecture: 'x86-64', base }).room(base, 0x4000);
  const whole = '<6>[    1.000000] one\n<3>[    2.500000] two\nthree\n';
  const written = `${'-'.repeat(64 - 20)}\n${whole}`;
  for (let index = 0; index < written.length; index++) kernel.write(dataAtOld + BigInt(index % 64), written.charCodeAt(index), 1);
  const words = { log_buf: dataAtOld, log_buf_len: 64n, log_end: BigInt(written.length) };
  Object.entries(words).forEach(([name, value], index) => {
    kernel.symbol(name, base + BigInt(0x100 + 8 * index)).write(base + BigInt(0x100 + 8 * index), value);
  });
  const log = kernelLog(kernel.open());
  assert.deepEqual(
    log.records.slice(-3).map(({ level, time, text }) => [level, time, text]),
    [
      [6, 1_000_000_000n, 'one'],
      [3, 2_500_000_000n, 'two'],
      [4, 0n, 'three'],
    ],
  );
});

function logOf(lines: readonly string[]): KernelLog {
  const record = { sequence: undefined, time: 0n, level: 6, facility: 0, caller: undefined };
  return { records: lines.map((text) => ({ ...record, text })), problems: [] };
}

describe('why a kernel died', () => {
  test('by a real report of an oops', () => {
    const lines = readFileSync(join(bundled.image, '../seed-002.dmesg'), 'utf8')
      .split('\n')
      .map((line) => line.replace(/^(?:<\d+>)?\[ *\d+\.\d+\](?:\[[^\]]*\])? ?/, ''));
    const death = deathOf(logOf(lines));
    assert.ok(death !== undefined);
    assert.match(death.reason, /fault|panic|Oops|BUG/);
    assert.ok(lines.includes(death.reason));
  });

  test('a panic has the report of the oops that led to it', () => {
    const lines = [
      'all well',
      'BUG: kernel NULL pointer dereference, address: 0000000000000008',
      'Oops: Oops: 0002 [#1] PREEMPT SMP',
      'CPU: 3 UID: 0 PID: 812 Comm: sh Not tainted 6.12.0 #1',
      'RIP: 0010:sysrq_handle_crash+0x16/0x20',
      '---[ end trace 0000000000000000 ]---',
      'Kernel panic - not syncing: Fatal exception',
      'Kernel Offset: 0x2000000 from 0xffffffff81000000',
      '---[ end Kernel panic - not syncing: Fatal exception ]---',
      'later',
    ];
    const log = logOf(lines);
    const death = deathOf(log);
    assert.deepEqual(death, {
      kind: 'panic',
      reason: 'Kernel panic - not syncing: Fatal exception',
      record: 6,
      reportStart: 1,
      cpu: 3,
      pid: 812,
      comm: 'sh',
      place: 'sysrq_handle_crash+0x16/0x20',
    });
    assert.deepEqual(reportOf(log, death), { lines: lines.slice(1, 9), problem: undefined });
  });

  for (const [architecture, line, place] of [
    ['x86-64 with a module', 'RIP: 0010:crash_write+0x1a/0x30 [lkdtm]', 'crash_write+0x1a/0x30 [lkdtm]'],
    ['x86-64 before 4.11', 'RIP: 0010:[<ffffffff8143c6d6>]  [<ffffffff8143c6d6>] crash_write+0x16/0x20', 'crash_write+0x16/0x20'],
    ['x86-32', 'EIP: crash_write+0x16/0x20', 'crash_write+0x16/0x20'],
    ['arm64', 'pc : crash_write+0x20/0x30', 'crash_write+0x20/0x30'],
    ['arm', 'PC is at crash_write+0x24/0x2c', 'crash_write+0x24/0x2c'],
    ['riscv', 'epc : crash_write+0x16/0x20', 'crash_write+0x16/0x20'],
    ['s390', 'Krnl PSW : 0704c00180000000 00000000009a7e2a (crash_write+0x2a/0x40)', 'crash_write+0x2a/0x40'],
    ['powerpc', 'NIP [c0000000007b8d2c] crash_write+0x2c/0x40', 'crash_write+0x2c/0x40'],
    ['mips', 'epc   : 80123456 crash_write+0x10/0x40', 'crash_write+0x10/0x40'],
    ['loongarch', '   ERA: 900000000022d0e4 crash_write+0x24/0x60', 'crash_write+0x24/0x60'],
    ['user mode', 'RIP: 0033:0x7f1122334455', undefined],
  ] as const)
    test(`where: ${architecture}`, () => {
      const lines = [
        'Internal error: Oops',
        'CPU: 0 PID: 7 Comm: kworker/u8:0 x Tainted: G  O  6.1.0',
        ' other+0x1/0x2',
        line,
        ' last+0x1/0x2',
      ];
      const death = deathOf(logOf(lines));
      assert.deepEqual([death?.place, death?.comm, death?.pid, death?.cpu], [place, 'kworker/u8:0 x', 7, 0]);
    });

  test('a report without an end is told as far as one goes, and that there is more', async () => {
    const ring = new LogRing({ countBits: 3, sizeBits: 8 });
    for (const text of ['BUG: unable to handle', 'one', 'two', 'three']) ring.add({ text });
    const kernel = ring.open();
    assert.equal(deathFacts(kernel)?.report.length, 4);
    assert.deepEqual(
      [...kernel.warnings].filter((text) => text.includes('report')),
      [],
    );
    await underLimits({ reportRecords: 2 }, () => {
      assert.deepEqual(deathFacts(kernel)?.report, ['BUG: unable to handle', 'one']);
    });
    assert.deepEqual(
      [...kernel.warnings].filter((text) => text.includes('report')),
      ["the report of the kernel's death has no end within 2 records; the 2 behind are only in the log"],
    );
  });

  test('an oops without a panic; none where nothing happened, or a process only says so', () => {
    const oops = [
      'Unable to handle kernel paging request at virtual address ffff800083200000',
      'Internal error: Oops: 0000000096000007 [#1] SMP',
    ];
    assert.deepEqual([deathOf(logOf(oops))?.kind, deathOf(logOf(oops))?.reason], ['oops', oops[0]]);
    assert.equal(deathOf(logOf(['nothing', 'a Kernel panic - not syncing: in the middle of a line'])), undefined);
    const [record] = logOf(['Kernel panic - not syncing: from user space']).records;
    assert.ok(record !== undefined);
    assert.equal(deathOf({ records: [{ ...record, facility: 1 }], problems: [] }), undefined);
  });
});
