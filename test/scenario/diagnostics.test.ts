/** Every problem that the checks tell, where, and what its quick fix makes of the text. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseScenario } from '../../debug-adapter/scenario/parse-scenario.ts';
import type { Fix, ProblemCode } from '../../debug-adapter/scenario/problem.ts';
import { fakeCatalogue } from './fake-machine.ts';

interface Case {
  readonly code: ProblemCode;
  readonly text: string;
  readonly message: RegExp;
  /** What the problem is told of. */
  readonly at: string;
  /** The text after the first fix; absent where there is none. */
  readonly fixed?: string;
}

const cases: readonly Case[] = [
  {
    code: 'unknown-operation',
    text: 'psuh(1)',
    message: /no operation or function psuh; did you mean push\?/,
    at: 'psuh',
    fixed: 'push(1)',
  },
  { code: 'unknown-operation', text: 'zzzzzzzzzz(1)', message: /no operation or function zzzzzzzzzz$/, at: 'zzzzzzzzzz' },
  {
    code: 'unknown-name',
    text: 'let addr = 1\nprint add',
    message: /nothing is called add here/,
    at: 'add',
    fixed: 'let addr = 1\nprint addr',
  },
  { code: 'unknown-name', text: 'print later\nlet later = 1', message: /nothing is called later here/, at: 'later' },
  { code: 'unknown-name', text: 'if true { let inner = 1 }\nprint inner', message: /nothing is called inner here/, at: 'inner' },
  {
    code: 'unknown-snapshot',
    text: 'snapshot before\nrestore befor',
    message: /no snapshot befor is taken; did you mean before\?/,
    at: 'befor',
    fixed: 'snapshot before\nrestore before',
  },
  { code: 'unknown-snapshot', text: 'diff nw now', message: /no snapshot nw/, at: 'nw', fixed: 'diff now now' },
  {
    code: 'unknown-parameter',
    text: 'print peek(idnex: 1)',
    message: /peek has no parameter idnex; did you mean index\?/,
    at: 'idnex',
    fixed: 'print peek(index: 1)',
  },
  {
    code: 'unknown-flag',
    text: 'describe(0x1000, flags: VM_MAP | VM_RAN)',
    message: /flags has no flag VM_RAN; there are VM_RAM, VM_BLOCK, VM_MAP; did you mean VM_RAM\?/,
    at: 'VM_RAN',
    fixed: 'describe(0x1000, flags: VM_MAP | VM_RAM)',
  },
  {
    code: 'unknown-choice',
    text: 'describe(0x1000, prot: PAGE_KERNEL_)',
    message: /prot has no choice PAGE_KERNEL_/,
    at: 'PAGE_KERNEL_',
    fixed: 'describe(0x1000, prot: PAGE_KERNEL)',
  },
  {
    code: 'unknown-choice',
    text: 'describe(0x1000, prot: "PAGE_READ")',
    message: /prot is one of PAGE_KERNEL, PAGE_READONLY/,
    at: '"PAGE_READ"',
    fixed: 'describe(0x1000, prot: "PAGE_READONLY")',
  },
  { code: 'unknown-format', text: 'print "{1:hex}"', message: /no format hex; there are x, d, size/, at: 'hex', fixed: 'print "{1:x}"' },
  {
    code: 'unknown-setting',
    text: 'machine { rma 64M }',
    message: /no setting rma; did you mean ram\?/,
    at: 'rma',
    fixed: 'machine { ram 64M }',
  },
  {
    code: 'unknown-feature',
    text: 'machine { with used_maps, kcore_remap }',
    message: /no feature used_maps; did you mean used_map\?/,
    at: 'with used_maps, kcore_remap',
    fixed: 'machine { with used_map, kcore_remap }',
  },
  {
    code: 'missing-argument',
    text: 'push()',
    message: /push lacks value; it is push\(value: number\)/,
    at: 'push',
    fixed: 'push(value: 0)',
  },
  {
    code: 'missing-argument',
    text: 'signal(1)',
    message: /signal lacks note/,
    at: 'signal',
    fixed: 'signal(1, note: "")',
  },
  { code: 'extra-argument', text: 'push(1, 2)', message: /push takes at most 1 argument; it is push/, at: '2', fixed: 'push(1)' },
  { code: 'extra-argument', text: 'pop(1)', message: /pop takes no arguments/, at: '1', fixed: 'pop()' },
  { code: 'repeated-argument', text: 'push(1, value: 2)', message: /value is given twice/, at: 'value: 2', fixed: 'push(1)' },
  { code: 'wrong-argument', text: 'push("12")', message: /value takes a number, not a text/, at: '"12"', fixed: 'push(12)' },
  {
    code: 'wrong-argument',
    text: 'describe(1, flags: "VM_RAM|VM_MAP")',
    message: /flags takes flags/,
    at: '"VM_RAM|VM_MAP"',
    fixed: 'describe(1, flags: VM_RAM|VM_MAP)',
  },
  { code: 'wrong-argument', text: 'push(true)', message: /value takes a number, not true or false/, at: 'true' },
  { code: 'wrong-argument', text: 'push(0..3)', message: /value takes a number, not a range/, at: '0..3' },
  { code: 'wrong-argument', text: 'describe(1, full: 1)', message: /full takes true or false, not a number/, at: '1' },
  { code: 'wrong-argument', text: 'describe("here")', message: /address takes an address, not a text/, at: '"here"' },
  { code: 'redefined', text: 'let a = 1\nlet a = 2', message: /a is defined above/, at: 'let a', fixed: 'let a = 1\na = 2' },
  { code: 'redefined', text: 'let a = 1\nfor a in 0..2 { }', message: /a is defined above/, at: 'for a' },
  { code: 'reserved', text: 'let VM_RAM = 1', message: /VM_RAM is the name of a flag/, at: 'let VM_RAM' },
  { code: 'repeated-snapshot', text: 'snapshot s\nsnapshot s', message: /a snapshot s is taken above/, at: 'snapshot s' },
  {
    code: 'repeated-setting',
    text: 'machine { ram 64M; ram 64M }',
    message: /ram is set above/,
    at: 'ram 64M',
    fixed: 'machine { ram 64M;  }',
  },
  { code: 'bad-setting', text: 'machine { ram x }', message: /ram takes a number/, at: 'ram x' },
  { code: 'bad-setting', text: 'machine { pci_hole 3G }', message: /pci_hole takes a range/, at: 'pci_hole 3G' },
  { code: 'bad-setting', text: 'machine { paging x86-16 }', message: /paging takes one of x86-64-4/, at: 'paging x86-16' },
  { code: 'no-value', text: 'vtop(0x1000)', message: /what vtop gives is not used/, at: 'vtop(0x1000)', fixed: 'print vtop(0x1000)' },
];

describe('diagnostics', () => {
  for (const { code, text, message, at, fixed } of cases) {
    it(`${code}: ${JSON.stringify(text)}`, async () => {
      const { problems } = await parseScenario(text, fakeCatalogue);
      const problem = problems.find((one) => one.code === code);
      assert.ok(problem, JSON.stringify(problems));
      assert.equal(problems.length, 1, JSON.stringify(problems));
      assert.match(problem.message, message);
      assert.equal(slice(text, problem.range), at);
      const [fix] = problem.fixes;
      assert.equal(fix === undefined ? undefined : applied(text, fix), fixed);
      if (fixed === undefined) return;
      const left = (await parseScenario(fixed, fakeCatalogue)).problems;
      assert.deepEqual(left, [], 'the fixed text has no problem');
    });
  }

  it('every code has a case', () => {
    const all: Record<ProblemCode, true> = {
      'unknown-operation': true,
      'unknown-name': true,
      'unknown-snapshot': true,
      'unknown-parameter': true,
      'unknown-flag': true,
      'unknown-choice': true,
      'unknown-format': true,
      'unknown-setting': true,
      'unknown-feature': true,
      'missing-argument': true,
      'extra-argument': true,
      'repeated-argument': true,
      'wrong-argument': true,
      redefined: true,
      reserved: true,
      'repeated-snapshot': true,
      'repeated-setting': true,
      'bad-setting': true,
      'no-value': true,
    };
    assert.deepEqual(new Set(cases.map(({ code }) => code)), new Set(Object.keys(all)));
  });

  it('what is right has no problem', async () => {
    const text = [
      'let a = describe(0x1000, VM_RAM|VM_BLOCK, PAGE_READONLY, span: 0..4K, full: true)',
      'as 1 { signal("x") signal(note: "x") signal("x", task: 2) }',
      'for x in 0..2 { print x }',
      'for x in [1, 2] { print x }',
      'if RW in pte(0x1000).flags { print PRESENT }',
      'snapshot s',
      'restore s',
      'diff s now',
      'a = 3',
      'while a < 3 { a = a + 1 }',
    ].join('\n');
    assert.deepEqual((await parseScenario(text, fakeCatalogue)).problems, []);
  });
});

function offsetOf(text: string, at: Fix['range']['start']): number {
  const lines = text.split('\n');
  return lines.slice(0, at.line).reduce((sum, line) => sum + line.length + 1, 0) + at.character;
}

function slice(text: string, range: Fix['range']): string {
  return text.slice(offsetOf(text, range.start), offsetOf(text, range.end));
}

function applied(text: string, { range, newText }: Fix): string {
  return text.slice(0, offsetOf(text, range.start)) + newText + text.slice(offsetOf(text, range.end));
}

describe('what is no scenario', () => {
  const statement = 'a statement (let, expect, print, for, if, while, as, snapshot, restore, diff, or a call)';
  const errors: readonly (readonly [text: string, place: string, said: string])[] = [
    ['let = 3', '0:4', 'expected a name behind let, not ='],
    ['let a == 3', '0:6', 'expected = behind a, not =='],
    ['print 1 +', '0:9', 'expected a value: a number, a text, a name, a list or a call behind +, but the scenario ends here'],
    ['for x in {', '0:9', 'expected a value: a number, a text, a name, a list or a call behind in, not {'],
    ['if true {', '0:9', 'expected } behind {, but the scenario ends here'],
    ['machine { ram }', '0:14', 'expected a number or a name behind ram, not }'],
    ['machine { with }', '0:15', 'expected a name behind with, not }'],
    ['print 3 4', '0:8', `expected ${statement}, not 4`],
    ['else { }', '0:0', `expected ${statement}, not else`],
    ['let a = push(4', '0:12', 'this call is not complete: its arguments stand between ( and ), with a comma between each two'],
    [
      'print "a',
      '0:6',
      'this text has no closing quote; a text ends on its line, and { and } in it that are no code are written \\{ and \\}',
    ],
  ];
  for (const [text, place, said] of errors) {
    it(text, async () => {
      const { problems } = await parseScenario(text, fakeCatalogue);
      const [first] = problems;
      assert.deepEqual([`${first?.range.start.line}:${first?.range.start.character}`, first?.message], [place, said]);
    });
  }
});
