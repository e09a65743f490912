/** Reports in kernel logs: the bundled log of a mail, and reports of other architectures and kinds. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { remarksOf } from '../../extension/documents/kernel-remarks.ts';
import { comparableText, reportsOf } from '../../extension/documents/kernel-reports.ts';
import { fc } from '../support/properties.ts';
import { root } from '../support/vscode.ts';

const log = (name: string): string[] => readFileSync(join(root, 'examples/first-vmcore', name), 'utf8').split('\n');

describe('reports of a kernel log', () => {
  test('the mail about a wild pointer: KASAN, the fault, the panic', () => {
    const lines = log('seed-002.dmesg');
    const reports = reportsOf(lines);
    assert.deepEqual(
      reports.map(({ title, first, last }) => [title, first + 1, last + 1]),
      [
        ['BUG: KASAN: wild-memory-access in ptdump_pte_entry+0x39/0x60', 12, 47],
        ['general protection fault: 0000 [#1] SMP DEBUG_PAGEALLOC KASAN NOPTI', 49, 85],
        ['Kernel panic - not syncing: Fatal exception', 97, 98],
      ],
    );
    assert.deepEqual(
      reports.map(({ fault }) => fault && [fault.name, fault.address]),
      [['address', '0xf887fee5ff000'], ['CR2', '0xffff8890779ff000'], undefined],
    );
    assert.deepEqual(
      reports[1]?.parts.map(({ kind }) => kind),
      ['registers', 'calls', 'modules'],
    );
  });

  test('a log in which nothing went wrong has none', () => {
    assert.deepEqual(reportsOf(log('kernel.dmesg')), []);
  });

  const arm64 = [
    '[   12.345678] Unable to handle kernel paging request at virtual address ffff800012345678',
    '[   12.345679] Mem abort info:',
    '[   12.345680]   ESR = 0x0000000096000007',
    '[   12.345690] Internal error: Oops: 0000000096000007 [#1] PREEMPT SMP',
    '[   12.345700] Modules linked in: xfs',
    '[   12.345710] pc : memcpy+0x1c/0x30',
    '[   12.345720] x29: ffff80001000bd60 x28: 0000000000000000',
    '[   12.345730] Call trace:',
    '[   12.345740]  memcpy+0x1c/0x30',
    '[   12.345750] ---[ end trace 0000000000000000 ]---',
    '[   13.000000] systemd[1]: nothing to do with it',
  ];

  test('arm64: the address is that of the head', () => {
    const [report, ...more] = reportsOf(arm64);
    assert.equal(report?.fault?.address, '0xffff800012345678');
    assert.equal(more.at(-1)?.last ?? report.last, 9);
  });

  test('a warning opens with its cut line and is none of the errors', () => {
    const [report] = reportsOf([
      '------------[ cut here ]------------',
      'WARNING: CPU: 1 PID: 7 at mm/vmalloc.c:477 vmap_pages_range',
      'RIP: 0010:vmap_pages_range+0x1/0x2',
      '---[ end trace 0 ]---',
      'x',
    ]);
    assert.deepEqual([report?.severity, report?.first, report?.last], ['warning', 0, 3]);
  });

  test('lines that say something is wrong with memory are told outside of reports too', () => {
    const lines = [
      '[    1.000000] mm/pgtable-generic.c:51: bad pmd 00000000d1ca2b1a(0000000000000067)',
      '[    1.000001] systemd: all is well, no bad pmds here',
      '[    1.000002] bash: Corrupted page table at address 7f1234567000',
      '[    1.000003] insmod: vmalloc error: size 1048576, page order 0, failed to allocate pages, mode:0xcc2(GFP_KERNEL)',
      '[    1.000004] vmap allocation for size 4198400 failed: use vmalloc=<size> to increase size',
      '[    1.000005] x86/mm: Checked W+X mappings: FAILED, 16 W+X pages found.',
      '[    1.000006] x86/mm: Checked W+X mappings: passed, no W+X pages found.',
      '[    1.000007] get_swap_device: Bad swap file entry 3ffffffffffff',
      '[    1.000008] BUG: Bad page map in process bash  pte:ffff888012345678 pmd:1234067',
    ];
    assert.deepEqual(
      remarksOf(lines, reportsOf(lines)).map(({ line, severity }) => [line, severity]),
      [
        [0, 'error'],
        [2, 'error'],
        [3, 'error'],
        [4, 'error'],
        [5, 'warning'],
        [7, 'error'],
      ],
    );
    assert.deepEqual(
      reportsOf(lines).map(({ line }) => line),
      [8],
    );
    assert.deepEqual(remarksOf(log('kernel.dmesg'), []), []);
  });

  test('two reports that differ in their time stamps only are the same text', () => {
    const later = arm64.map((line) => line.replace('12.', '99.'));
    const text = (lines: string[]): string => comparableText(lines, { first: 0, last: 9 });
    assert.equal(text(arm64), text(later));
  });

  test('whatever the lines: reports ascend, do not overlap, and lie in the log', () => {
    const piece = fc.constantFrom(
      ...arm64,
      '=================================',
      'Kernel panic - not syncing: x',
      ...log('seed-002.dmesg').slice(10, 60),
      '',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 200 }), (lines) => {
        let behind = 0;
        for (const { first, last, line, parts } of reportsOf(lines)) {
          assert.ok(first >= behind && line >= first && last >= line && last < lines.length);
          for (const part of parts) assert.ok(part.first > line && part.last <= last && part.first <= part.last);
          behind = last + 1;
        }
      }),
    );
  });
});
