/** The expression language: C's arithmetic on made-up memory, and the kernel's own structures in real dumps. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { basicTypes } from '../../debug-adapter/expression/c-types.ts';
import { evaluate } from '../../debug-adapter/expression/evaluate.ts';
import { formatValue } from '../../debug-adapter/expression/format.ts';
import { plainFunctions } from '../../debug-adapter/expression/functions.ts';
import { layoutText, structureText } from '../../debug-adapter/expression/structure-text.ts';
import { numberOf } from '../../debug-adapter/expression/value.ts';
import type { ExpressionContext } from '../../debug-adapter/expression/value.ts';
import { AddressSpace } from '../../debug-adapter/memory/address-space.ts';
import { frameSize, missingFrame } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { SymbolList } from '../../debug-adapter/symbols/symbol-list.ts';
import { parseTypeName } from '../../debug-adapter/symbols/type-name.ts';
import type { IntegerType, StructType, Type, TypeTable } from '../../debug-adapter/symbols/types.ts';
import { absent, expandedDump } from '../support/dumps.ts';
import { fc } from '../support/properties.ts';

const integer = (name: string, size: number, signed: boolean, encoding: IntegerType['encoding'] = 'number'): IntegerType => ({
  kind: 'integer',
  name,
  size,
  signed,
  encoding,
});
const scalars = new Map<string, Type>(
  [
    integer('char', 1, true, 'char'),
    integer('unsigned char', 1, false, 'char'),
    integer('short', 2, true),
    integer('unsigned short', 2, false),
    integer('int', 4, true),
    integer('unsigned int', 4, false),
    integer('long', 8, true),
    integer('unsigned long', 8, false),
    integer('__int128', 16, true),
    integer('__uint128_t', 16, false),
    // As damaged type information has them.
    integer('odd_t', 3, false),
    integer('wide_t', 17, false),
  ].map((type) => [type.name, type]),
);
const scalar = (name: string): Type => scalars.get(name) ?? { kind: 'void' };

/** struct node { struct node *next; int value; unsigned low : 3; int high : 5; char name[8]; } */
const node: StructType = {
  kind: 'struct',
  name: 'node',
  size: 24,
  get members() {
    return [
      { name: 'next', type: { kind: 'pointer' as const, size: 8, target: node }, bitOffset: 0, bitSize: undefined },
      { name: 'value', type: scalar('int'), bitOffset: 64, bitSize: undefined },
      { name: 'low', type: scalar('unsigned int'), bitOffset: 96, bitSize: 3 },
      { name: 'high', type: scalar('int'), bitOffset: 99, bitSize: 5 },
      { name: 'name', type: { kind: 'array' as const, element: scalar('char'), count: 8 }, bitOffset: 128, bitSize: undefined },
    ];
  },
};

const types: TypeTable = {
  source: 'test',
  pointerSize: 8,
  struct: (name) => (name === 'node' ? node : undefined),
  enum: () => undefined,
  typedef: (name) => scalars.get(name),
  enumerator: (name) => (name === 'SEVEN' ? 7n : undefined),
  variable: () => undefined,
  parse: (text) => parseTypeName(text, types),
  withPrefix: () => [],
};

/** One frame at address 0x10000: two nodes in a ring through `ring`, which is a list head. */
function smallWorld(): ExpressionContext {
  const bytes = new Uint8Array(frameSize);
  const view = new DataView(bytes.buffer);
  const put = (at: number, next: bigint, value: number, bits: number): void => {
    view.setBigUint64(at, next, true);
    view.setInt32(at + 8, value, true);
    view.setUint32(at + 12, bits, true);
  };
  put(0x100, 0x10200n, -5, 0b10111_101);
  put(0x200, 0x10300n, 9, 0);
  view.setBigUint64(0x300, 0x10100n, true);
  bytes.set(new TextEncoder().encode('first\0'), 0x110);
  // rb_root at 0x400: three nodes, of which one leads to memory that is missing; at 0x600 a node that is its own left child.
  view.setBigUint64(0x400, 0x10420n, true);
  view.setBigUint64(0x430, 0x10440n, true);
  view.setBigUint64(0x428, 0x30000n, true);
  view.setBigUint64(0x600, 0x10608n, true);
  view.setBigUint64(0x618, 0x10608n, true);
  const physical: PhysicalMemory = {
    ranges: [{ start: 0x10000, end: 0x11000 }],
    frame: (number) => (number === 16 ? bytes : undefined),
    partialFrame: () => missingFrame({ kind: 'not-ram', message: 'no RAM in this test' }),
  };
  const memory = new AddressSpace(
    physical,
    {
      frameOf: (page) => (page === 16 ? 16 : -1),
      explain: () => ({ kind: 'not-mapped', message: 'not mapped' }),
      untag: (address) => address,
    },
    { littleEndian: true, pointerSize: 8 },
  );
  const symbol = (
    name: string,
    address: bigint,
  ): { name: string; address: ReturnType<typeof toAddress>; size: number; type: string; module: undefined } => ({
    name,
    address: toAddress(address),
    size: 24,
    type: 'D',
    module: undefined,
  });
  return {
    memory,
    types,
    basic: basicTypes(8),
    symbols: new SymbolList('test', [symbol('first', 0x10100n), symbol('ring', 0x10300n), symbol('function.isra.0', 0x10400n)]),
    variable: (name) =>
      name === 'rax' ? { type: scalar('unsigned long'), address: undefined, number: 0x10100n, bits: undefined } : undefined,
    typeOfSymbol: (name) => (name === 'first' ? node : undefined),
    perCpuAddress: () => undefined,
    functions: plainFunctions,
  };
}

describe('arithmetic and types', () => {
  const world = smallWorld();
  const shown = (text: string): string => {
    const { value, style } = evaluate(text, world);
    return formatValue(value, world, style);
  };
  const cases: readonly (readonly [expression: string, result: string])[] = [
    ['-1 > 0u', '1'],
    ['-1 > 0', '0'],
    ['1l << 40', '0x10000000000 (1099511627776)'],
    ['0xffffffff80000000 + 0x10,x', '0xffffffff80000010'],
    ['(unsigned int)-1 == -1', '1'],
    ['0xffffffff + 1', '0'],
    ['4294967295 + 1', '0x100000000 (4294967296)'],
    ['(unsigned char)-1', '0xff (255)'],
    ['(char)200,d', '-56'],
    ['(int)0xffffffff', '-1'],
    ['(unsigned int)-1 + 1', '0'],
    ['~0u,x', '0xffffffff'],
    ['~0ul,x', '0xffffffffffffffff'],
    ['-7 / 2', '-3'],
    ['-7 % 2', '-1'],
    ['(unsigned short)-1 >> 4,x', '0xfff'],
    ['1 ? 2 : 3 ? 4 : 5', '2'],
    ['0 ? 2 : 0 ? 4 : 5', '5'],
    ['0 && (1 / 0)', '0'],
    ['1 || (1 / 0)', '1'],
    ["'a' + 1,c", '"b"'],
    ['017', '0xf (15)'],
    ['SEVEN * 6,d', '42'],
    ['sizeof(struct node)', '0x18 (24)'],
    ['sizeof first.name', '8'],
    ['first.value', '-5'],
    ['first.value < 0u', '0'],
    ['first.value < 0', '1'],
    ['first.low', '5'],
    ['first.high', '-9'],
    ['first.low - 6', '-1'],
    ['first.name', '"first"'],
    ['first.next->value', '9'],
    ['(*first.next).value', '9'],
    ['(&first + 1),x', '0x10118'],
    ['first.next - &first', 'the pointers are 256 bytes apart, which is no multiple of 24'],
    ['&first.name[3] - first.name', '3'],
    ['(struct node *)0x10200 == first.next', '1'],
    ['((struct node *)$rax)->value', '-5'],
    ['container_of(&first.value, struct node, value) == &first', '1'],
    ['offsetof(struct node, name[2])', '0x12 (18)'],
    ['list(&ring, struct node, next)', '2 elements'],
    ['list(&ring, struct node, next)[1]->value', '9'],
    ['&function.isra.0,x', '0x10400'],
    ['*(__uint128_t *)0x10110,x', '0x7473726966'],
    ['*(__int128 *)0x10108,d', '9226195943057602509127530053627'],
    ['*(__int128 *)0x10108 >> 32,x', '0x7473726966000000bd'],
    ['*(__int128 *)0x100f8 < 0', '0'],
    ['*(__int128 *)0x100fc,d', '-396140812571321404293719785472'],
    ['-1 + *(__uint128_t *)0x10108 > 0', '1'],
    ['*(odd_t *)0x10110,x', '0x726966'],
    ['*(wide_t *)0x10110', '<cannot read 0x10110: its type has 17 bytes, as many as no integer has>'],
    ['*(__int128 *)0x10ff8', '<cannot read 0x11000: not mapped>'],
    ['first.value,b', '0b11111111111111111111111111111011'],
    ['first.high,b', '0b10111'],
    ['first + 1', 'a struct node has no number; take a member of it, or its address with «&»'],
    ['&first.low', 'a bit-field has no address'],
    ['first.next + first.next', 'two pointers cannot be added'],
    ['1 / 0', 'division by zero'],
    ['1 << 32', 'a value of type int has 32 bits and cannot be shifted by 32; cast it to a wider type'],
    ['printk(1)', 'functions of the kernel cannot be called in a dump (printk)'],
    ['struct node', '«node» is not expected'],
    ['first.nothing', 'struct node has no member nothing'],
    ['1 +', 'something is missing at the end'],
    ['(1', '«)» is missing'],
    ['1 ? 2', '«:» is missing'],
    ['first,q', 'behind the comma stands x, d, u, o, b, c or s, or a number of elements'],
    ['$nothing', 'nothing is called $nothing here'],
    ['0x10000000000000000', '0x10000000000000000 has more than 64 bits'],
    ['"a\\n"', '"a\\n"'],
    ['first.name == "first"', '1'],
    ['first.name != "first"', '0'],
    ['"secon" == first.name', '0'],
    ['&first.name[1] == "irst"', '1'],
    // A walk that breaks off gives what it found, and says why.
    ['list(&ring, struct node, name)', '2 elements'],
    ['list(0x10228, struct node, next)', '0 elements, then: there is a null link at 0x10228; it is not a list of this kind'],
    ['hlist(&ring, struct node, next)', '3 elements, then: the list loops back to 0x10100'],
    ['hlist(0x10500, struct node, next)', '0 elements'],
    ['list(0x20000, struct node, next)', '0 elements, then: cannot read 0x20000: not mapped'],
    ['rbtree(0x10400, struct node, next)', '3 elements, then: cannot read 0x30010: not mapped'],
    ['rbtree(0x10600, struct node, next)', '1 elements, then: the tree loops back to 0x10608, or has more than 4000000 nodes'],
    // Errors tell the place.
    ['first.value + first.nothing', 'struct node has no member nothing in expression, at character 21: first.value + first.nothing'],
    [
      '1 + (2 * first)',
      'a struct node has no number; take a member of it, or its address with «&» in expression, at character 8: 1 + (2 * first)',
    ],
    ['1 + printk(1)', 'functions of the kernel cannot be called in a dump (printk)'],
    ['  1 +', 'something is missing at the end in expression, at character 6:   1 +'],
    ['1 # 2', 'nothing can begin with «#» in expression, at character 3: 1 # 2'],
    ['(1 ]', '«)» is missing in expression, at character 4: (1 ]'],
    ['container_of(1, struct node, nothing)', 'struct node has no member nothing'],
  ];
  for (const [expression, result] of cases) {
    test(expression, () => {
      let text: string;
      try {
        text = shown(expression);
      } catch (error) {
        text = error instanceof Error ? error.message : '';
      }
      assert.ok(
        text === result || text.startsWith(`${result} in expression`) || text.startsWith(`${result};`) || text.startsWith(`${result},`),
        text,
      );
    });
  }
  test('missing memory is told where it is missing', () => {
    assert.match(shown('((struct node *)0x20000)->value'), /^<.*0x20008/);
  });
  test('structures over several lines, and layouts with holes', () => {
    assert.equal(
      structureText(evaluate('first', world).value, world),
      ['struct node {', '  next = 0x10200', '  value = -5', '  low = 5', '  high = -9', '  name = "first"', '}'].join('\n'),
    );
    assert.equal(
      layoutText(node),
      [
        'struct node {',
        '   [0]     struct node *next;',
        '   [8]     int value;',
        '  [12]     unsigned int low : 3;',
        '  [12]     int high : 5;',
        '           /* hole of 3 bytes */',
        '  [16]     char name[8];',
        '}',
        'SIZE: 24',
      ].join('\n'),
    );
  });
  test('integers agree with the machine’s own arithmetic', () => {
    fc.assert(
      fc.property(fc.bigInt(-(1n << 31n), (1n << 31n) - 1n), fc.bigInt(-(1n << 31n), (1n << 31n) - 1n), (a, b) => {
        const number = (text: string): bigint => numberOf(evaluate(text, world).value, world.memory);
        assert.equal(number(`(int)(${a}) * (int)(${b})`), BigInt(Math.imul(Number(a), Number(b))));
        assert.equal(number(`(unsigned int)(${a}) + (unsigned int)(${b})`), BigInt((Number(a) + Number(b)) >>> 0));
        assert.equal(number(`(int)(${a}) < (int)(${b})`), Number(a) < Number(b) ? 1n : 0n);
      }),
    );
  });
  test('no text makes it fail with anything but a sentence', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            'first',
            '.',
            '->',
            'value',
            '(',
            ')',
            '[',
            ']',
            '1',
            '*',
            '&',
            '-',
            'struct',
            'node',
            ',',
            '?',
            ':',
            'list',
            "'a'",
          ),
          { maxLength: 12 },
        ),
        (words) => {
          try {
            evaluate(words.join(' '), world);
          } catch (error) {
            assert.equal(
              (error as Error).constructor.name === 'UserError' || (error as Error).constructor.name === 'MemoryFault',
              true,
              String(error),
            );
          }
        },
      ),
    );
  });
});

for (const name of ['x86-64', 'i386-pae-pti', 's390x', 'arm64-4k', 'ppc64le']) {
  describe(`expressions over ${name}`, { skip: absent(name) ?? false }, () => {
    let session: Session;
    let world: ExpressionContext;
    before(() => {
      session = openSession(nodeHost(new URL(import.meta.url)), { paths: [expandedDump(name, 'vmcore.elf')] });
      world = session.expressions(undefined, {});
    });
    after(() => {
      session.close();
    });
    const number = (text: string): bigint => numberOf(evaluate(text, world).value, world.memory);
    test('the task list by list() is what ps says', () => {
      const { value } = evaluate('list(&init_task.tasks, struct task_struct, tasks)', world);
      const leaders = session.tasks().filter((task) => task.pid === task.tgid);
      assert.equal(value.items?.length, leaders.length);
      for (const [index, task] of leaders.entries()) {
        assert.equal(number(`list(&init_task.tasks, struct task_struct, tasks)[${index}]->pid`), BigInt(task.pid));
      }
    });
    test('a process, its name, and what runs on a CPU', () => {
      assert.equal(formatValue(evaluate('pid(1)->comm', world).value, world), '"fxinit"');
      assert.equal(number('pid(1) == container_of(&pid(1)->comm, struct task_struct, comm)'), 1n);
      assert.equal(number('runqueues.curr == per_cpu(runqueues.curr, 0)'), 1n);
      assert.equal(number('$task->pid'), BigInt(session.currentTask(0)?.pid ?? -1));
    });
    test('frames: page() of a page is found again', () => {
      assert.equal(number('pfn_to_page(page_to_pfn(pfn_to_page(0x200))) == pfn_to_page(0x200)'), 1n);
    });
    test('phys_to_page(), identify() and ptdump() answer as the verbs do', () => {
      const page = session.info().pageSize;
      assert.equal(number(`phys_to_page(0x200 * ${page} + 5) == pfn_to_page(0x200)`), 1n);
      const shown = (text: string): string => formatValue(evaluate(text, world).value, world);
      const init = session.symbols.find('init_task')?.address;
      assert.ok(init !== undefined);
      assert.equal(shown('identify(&init_task)'), session.identify(init).summary);
      const physical = session.translate(init).physical;
      assert.ok(physical !== null);
      assert.equal(shown(`identify_physical(${physical})`), session.identifyPhysical(toPhysAddr(BigInt(physical))).summary);
      const lines = evaluate('ptdump()', world).value.items ?? [];
      assert.deepEqual(
        lines.map(({ text }) => text),
        session.ptdumpLines({}).map(({ text }) => text),
      );
      const around = evaluate('ptdump(&init_task)', world).value.items?.at(-1);
      assert.ok(around !== undefined && numberOf(around, world.memory) <= init);
    });
    test('vmap_area() covers the address', () => {
      const [area] = session.vmalloc().areas;
      assert.ok(area);
      assert.equal(number(`vmap_area(${area.start})->va_start`), BigInt(area.start));
    });
  });
}
