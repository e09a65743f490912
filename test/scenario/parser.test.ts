/** The grammar: what is taken, what is told of the rest and where. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExpression } from '../../debug-adapter/scenario/expression-text.ts';
import { parseScenario } from '../../debug-adapter/scenario/parse-scenario.ts';
import { machineOptions } from '../../debug-adapter/scenario/machine-settings.ts';
import { fc } from '../support/properties.ts';
import { fakeCatalogue, outcome } from './fake-machine.ts';

const problemsOf = async (text: string) => (await parseScenario(text, fakeCatalogue)).problems;

test('numbers: sizes, hexadecimal, underscores', async () => {
  const { output } = await outcome(
    'print "{64K:d} {2m:d} {1G:d} {1T:x} {0xffff_ffff_8000_0000:x} {1_000:d} {65536:size} {65537:size} {0:size} {0x10000:d}"',
  );
  assert.deepEqual(output, ['65536 2097152 1073741824 0x10000000000 0xffffffff80000000 1000 64K 65537 0 65536']);
});

test('numbers are decimal below 2^20 and hexadecimal from there on', async () => {
  const { output } = await outcome('print 1048575, 1048576, -1048576, -1');
  assert.deepEqual(output, ['1048575 0x100000 -0x100000 -1']);
});

test('texts: escapes, code in braces, texts in that code', async () => {
  const { output } = await outcome('let a = 3\nprint "a\\t\\"\\\\ \\{a\\} {a} {"in {a + 1} it"}"');
  assert.deepEqual(output, ['a\t"\\ {a} 3 in 4 it']);
});

test('comments stand anywhere', async () => {
  const { output } = await outcome('// one\nprint /* two\n three */ 1 // four\n/**/');
  assert.deepEqual(output, ['1']);
});

test('operators bind as documented', async () => {
  const { output } = await outcome(
    'print 1 + 2 * 3, (1 + 2) * 3, 1 << 2 + 1, 6 & 3 == 2, 1 | 2 ^ 3 & 1, -2 - -1, ~0, 7 / 2, 7 % 4, !(1 < 2) || 2 >= 2 && true',
  );
  assert.deepEqual(output, ['7 9 8 true 3 -1 -1 3 3 true']);
});

test('a header gives the options of the machine', async () => {
  const text = `machine {
    ram 256M; paging x86-64-4; kaslr 7
    pci_hole 0xc0000000..4G; cpus 3; nodes 2; pti on; block_pages 128
    direct_map 0xffff_9000_0000_0000; vmemmap 0xffff_f000_0000_0000; fixmap_slots 200
    with vmap_ram_flags, used_map, efi, kasan, espfix, page_offset_note; without sync_unmappings
  }`;
  const { scenario, problems } = await parseScenario(text, fakeCatalogue);
  assert.deepEqual(problems, []);
  assert.deepEqual(machineOptions(scenario.machine), {
    ram: 256 * 2 ** 20,
    paging: 'x86-64-4',
    kaslrSeed: 7,
    pciHole: { start: 0xc0000000, end: 2 ** 32 },
    cpus: 3,
    nodes: 2,
    pti: true,
    blockPages: 128,
    bases: { directMap: 0xffff_9000_0000_0000n, vmalloc: undefined, vmemmap: 0xffff_f000_0000_0000n },
    fixmapSlots: 200,
    features: { vmapRamFlags: true, usedMap: true, syncUnmappings: false, efi: true, kasan: true, espfix: true, pageOffsetNote: true },
  });
});

test('names of paging modes may end in a number with a letter', async () => {
  for (const paging of ['x86-64-5', 'x86-32-pae', 'x86-32-pae-shared', 'arm64-4k']) {
    const { scenario, problems } = await parseScenario(`machine { paging ${paging} }`, fakeCatalogue);
    assert.deepEqual(problems, []);
    assert.equal(machineOptions(scenario.machine).paging, paging);
  }
});

test('syntax errors point to the place and tell what was expected', async () => {
  const cases: readonly (readonly [text: string, line: number, character: number, message: RegExp])[] = [
    ['let = 3', 0, 4, /expected a name behind let/],
    ['let a 3', 0, 6, /expected = behind a/],
    ['push(1', 0, 6, /expected \) behind 1/],
    ['for x 0..3 { }', 0, 6, /expected in behind x/],
    ['print "abc', 0, 6, /closing quote/],
    ["print 'abc'", 0, 6, /double quotes/],
    ['print 1\n# no', 1, 0, /\/\//],
    ['if true {\nprint 1\n', 2, 0, /expected \} behind/],
  ];
  for (const [text, line, character, message] of cases) {
    const [first] = await problemsOf(text);
    assert.ok(first, text);
    assert.match(first.message, message, text);
    assert.ok(first.range.start.line <= line, `${text}: ${JSON.stringify(first.range)}`);
    if (line === 0) assert.equal(first.range.start.character, character, text);
  }
});

test('a text without its closing quote spoils no other line', async () => {
  const problems = await problemsOf('print "a {1 + \nlet b = 2\nprint b\nif true { print "x" }\n');
  assert.ok(problems.length > 0);
  assert.deepEqual(
    [...new Set(problems.map(({ range }) => range.start.line))].filter((line) => line > 1),
    [],
  );
});

test('any text is parsed: nothing throws, and each problem lies inside it', async () => {
  const words = [
    'let',
    'a',
    '=',
    '1',
    '64K',
    '"',
    '{',
    '}',
    '(',
    ')',
    'for',
    'in',
    '..',
    'push',
    ',',
    '"x{',
    '}"',
    '\n',
    'machine',
    '//',
    '/*',
    'if',
    '@',
    '\\',
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.array(fc.constantFrom(...words)).map((some) => some.join(' ')),
      ),
      async (text) => {
        const lines = text.split(/\r\n|\r|\n/).length;
        for (const { range, message } of await problemsOf(text)) {
          assert.notEqual(message, '');
          assert.ok(range.start.line >= 0 && range.end.line < lines + 1, JSON.stringify(range));
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('what is nested too deep is told, however it is nested', async () => {
  const deep = [
    `print ${'('.repeat(20_000)}1${')'.repeat(20_000)}`,
    `print ${'-'.repeat(20_000)}1`,
    `print 1${'+1'.repeat(3000)}`,
    `${'if true {'.repeat(5000)}${'}'.repeat(5000)}`,
    `print ${'['.repeat(20_000)}`,
  ];
  for (const text of deep) assert.match((await problemsOf(text))[0]?.message ?? '', /deep|expected/, text.slice(0, 20));
  const { output } = await outcome(`print 1${'+1'.repeat(300)}, ${'('.repeat(100)}1${')'.repeat(100)}`);
  assert.deepEqual(output, ['301 1']);
});

test('what the parser had of a text that it could not finish is in no later tree', async () => {
  for (const operators of [600, 1000, 20_000]) {
    const { scenario, problems } = await parseScenario(`let a = ${'-'.repeat(operators)}1`, fakeCatalogue);
    assert.deepEqual(scenario.statements, []);
    assert.match(problems[0]?.message ?? '', /deep/);
  }
  await assert.rejects(parseExpression('-'.repeat(1000), [], fakeCatalogue), /deep/);
  await assert.rejects(parseExpression('1+'.repeat(5000), [], fakeCatalogue), /more than 4096 characters/);
  const { scenario, problems } = await parseScenario('let a = -1', fakeCatalogue);
  assert.deepEqual([scenario.statements.length, problems], [1, []]);
});
