/** Page-table dumps read back from text: what each architecture's lines say, and what is refused. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UserError } from '../../debug-adapter/base/errors.ts';
import { isPtdumpText, parsePtdump } from '../../debug-adapter/pagetable/ptdump-parse.ts';
import { fc } from '../support/properties.ts';

function only(line: string): ReturnType<typeof parsePtdump>['regions'][number] {
  const [region, ...more] = parsePtdump(`${line}\n`, 'text').regions;
  assert.ok(region !== undefined && more.length === 0);
  return region;
}

function refusal(text: string): string {
  try {
    parsePtdump(text, 'dump.txt');
  } catch (error) {
    assert.ok(error instanceof UserError);
    assert.equal(error.code, 'not-ptdump');
    return error.message;
  }
  return 'read';
}

describe('a line', () => {
  const cases: readonly [string, string, ReturnType<typeof only>][] = [
    [
      'x86-64',
      '0xffffffff81e00000-0xffffffff82000000           2M     ro         PSE     GLB x  pmd',
      {
        start: 0xffffffff81e00,
        end: 0xffffffff82000,
        level: 'pmd',
        attributes: ['ro', 'PSE', 'GLB', 'x'],
        present: true,
        firstFrame: undefined,
      },
    ],
    [
      'x86-64, not present, up to the top',
      '0xffffffffff800000-0x0000000000000000           8M                               pmd',
      { start: 0xffffffffff800, end: 2 ** 52, level: 'pmd', attributes: [], present: false, firstFrame: undefined },
    ],
    [
      'x86-32, up to the top',
      '0xfffff000-0x00000000           4K     RW                 GLB NX pte',
      { start: 0xfffff, end: 0x100000, level: 'pte', attributes: ['RW', 'GLB', 'NX'], present: true, firstFrame: undefined },
    ],
    [
      'arm64',
      '0xffff000002000000-0xffff000008000000          96M PMD       RW NX SHD AF NG CON BLK UXN    MEM/NORMAL-TAGGED',
      {
        start: 0xffff000002000,
        end: 0xffff000008000,
        level: 'PMD',
        attributes: ['RW', 'NX', 'SHD', 'AF', 'NG', 'CON', 'BLK', 'UXN', 'MEM/NORMAL-TAGGED'],
        present: true,
        firstFrame: undefined,
      },
    ],
    [
      'arm64, an entry without its valid bit',
      '0xffff000002000000-0xffff000008000000          96M PTE F     RW NX SHD AF NG         UXN    MEM/NORMAL',
      {
        start: 0xffff000002000,
        end: 0xffff000008000,
        level: 'PTE',
        attributes: ['F', 'RW', 'NX', 'SHD', 'AF', 'NG', 'UXN', 'MEM/NORMAL'],
        present: false,
        firstFrame: undefined,
      },
    ],
    [
      'riscv',
      '0xffff8f8000000000-0xffff8f8000004000    0x0000000081068000        16K PTE N   MT(IO) RSW(1) D A G . X . R V',
      {
        start: 0xffff8f8000000,
        end: 0xffff8f8000004,
        level: 'PTE',
        attributes: ['N', 'MT(IO)', 'RSW(1)', 'D', 'A', 'G', 'X', 'R', 'V'],
        present: true,
        firstFrame: 0x81068,
      },
    ],
    [
      's390',
      '0x0000000000281000-0x0000000000282000         4K PTE RO X',
      { start: 0x281, end: 0x282, level: 'PTE', attributes: ['RO', 'X'], present: true, firstFrame: undefined },
    ],
    [
      's390, invalid',
      '0x0000000008000000-0x0000000080000000      1920M PMD I',
      { start: 0x8000, end: 0x80000, level: 'PMD', attributes: ['I'], present: false, firstFrame: undefined },
    ],
    [
      'powerpc, whose end is the last address within',
      '0xc000000000000000-0xc000000000ffffff  0x0000000000000000        16M         r      X   pte  valid  present        dirty  accessed  unknown flags:40  ',
      {
        start: 0xc000000000000,
        end: 0xc000000001000,
        level: '',
        attributes: ['r', 'X', 'pte', 'valid', 'present', 'dirty', 'accessed', 'unknown flags:40'],
        present: true,
        firstFrame: 0,
      },
    ],
    [
      'arm, with a domain',
      '0xc0000000-0xc0100000           1M KERNEL      RW NX SHD',
      { start: 0xc0000, end: 0xc0100, level: '', attributes: ['KERNEL', 'RW', 'NX', 'SHD'], present: true, firstFrame: undefined },
    ],
  ];
  for (const [name, line, expected] of cases)
    test(name, () => {
      assert.deepEqual(only(line), expected);
    });
});

describe('other lines', () => {
  const line = '0x0000000000281000-0x0000000000282000         4K PTE RO X';

  test('markers, skipped entries, blank lines and carriage returns', () => {
    const text = `---[ Kernel Virtual Address Space ]---\r\n\r\n${line}\r\n... 131059 entries skipped ... \r\n... 1 entry skipped ... `;
    assert.equal(parsePtdump(text, 'text').regions.length, 1);
    assert.deepEqual(parsePtdump('', 'text').regions, []);
  });

  test('what is no line is told with its number', () => {
    assert.match(
      refusal(`---[ User Space ]---\n${line}\n$ cat kernel\n`),
      /^dump\.txt: line 3 is no line of a page-table dump: \$ cat kernel; give/,
    );
    assert.match(refusal(`${line}\n${line}\n`), /^dump\.txt: line 2 goes back to addresses before/);
    assert.match(refusal('0x00001000-0x0000000000002000         4K PTE RO X'), /line 1 has addresses of different widths/);
    assert.match(refusal(`${line}\n0x10000000-0x10001000         4K PTE RO X`), /line 2 has addresses of 32 bits after others of 64/);
    assert.match(refusal('0x0000000000281010-0x0000000000282000         4K PTE RO X'), /not those of whole pages/);
    assert.match(refusal('0x0000000000282000-0x0000000000281000         4K PTE RO X'), /do not ascend/);
    assert.ok(refusal('\u001b[31m'.repeat(1000)).length < 250);
  });

  test('any text is read or refused with one sentence', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constant(line), fc.constant('---[ x ]---'))), (lines) => {
        assert.match(refusal(lines.join('\n')), /^read$|^dump\.txt: line \d+ /);
      }),
    );
  });

  test('a file is known by its content', () => {
    assert.ok(isPtdumpText(`---[ User Space ]---\n${line}`));
    assert.ok(isPtdumpText(`a line that does not belong\n${line}\n`));
    assert.ok(!isPtdumpText('0x10-0x20 something'));
    assert.ok(!isPtdumpText(`\u007fELF\0\0\n${line}\n`));
  });
});
