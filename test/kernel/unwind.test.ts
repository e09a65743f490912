/** Stacks written by hand: interrupts, functions without a frame, pointer authentication; loops, wild pointers, holes, noise. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { ArchitectureName } from '../../debug-adapter/image/image.ts';
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import type { StackRange } from '../../debug-adapter/kernel/stacks/stack-range.ts';
import { Arm64Unwinder } from '../../debug-adapter/kernel/stacks/unwind-arm64.ts';
import { FrameUnwinder } from '../../debug-adapter/kernel/stacks/unwind-frame-pointer.ts';
import { PowerpcUnwinder } from '../../debug-adapter/kernel/stacks/unwind-powerpc.ts';
import { RiscvUnwinder } from '../../debug-adapter/kernel/stacks/unwind-riscv.ts';
import { S390Unwinder } from '../../debug-adapter/kernel/stacks/unwind-s390.ts';
import { ScanUnwinder } from '../../debug-adapter/kernel/stacks/unwind-scan.ts';
import type { StackTrace, Unwinder, UnwindState } from '../../debug-adapter/kernel/stacks/unwind.ts';
import { unwind } from '../../debug-adapter/kernel/stacks/unwind.ts';
import { stackFacts } from '../../debug-adapter/session/stack-facts.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';
import { fc } from '../support/properties.ts';

const base = 0xffff_8000_8000_0000n;
const text = base + 0x1000n;
const bottom = base + 0x1_0000n;
const top = bottom + 0x4000n;
const ranges: readonly StackRange[] = [{ name: 'task', start: toAddress(bottom), end: toAddress(top), cpu: undefined }];

/** Functions of 0x100 bytes each. */
const names = ['outer', 'middle', 'inner', 'leaf', 'entry'] as const;
const functions = Object.fromEntries(names.map((name, index) => [name, text + BigInt(0x100 * index)])) as Record<
  (typeof names)[number],
  bigint
>;

function kernelOf(architecture: ArchitectureName, more: { vmcoreinfo?: string[]; withoutTypes?: boolean } = {}): PlainKernel {
  const kernel = new PlainKernel({ architecture, base, ...more }).room(base, 0x2_0000);
  kernel.symbol('_stext', text - 0x100n).symbol('_etext', text + 0x1000n);
  for (const [name, address] of Object.entries(functions)) kernel.symbol(name, address, 0x100, 'T');
  return kernel;
}

function start(pc: bigint, sp: bigint, registers: Readonly<Record<string, bigint>>, exact = false): UnwindState {
  return { pc: toAddress(pc), sp: toAddress(sp), registers: new Map(Object.entries(registers)), exact, certain: true, user: false };
}

function namesOf(kernel: Kernel, { frames }: StackTrace): string[] {
  return frames.map(({ pc, exact, user }) =>
    user ? 'user' : (kernel.symbols.resolve(toAddress(exact ? pc : pc - 1n))?.symbol.name ?? '?'),
  );
}

describe('arm64', () => {
  const pointerCode = 0x007f_0000_0000_0000n;
  const recordInRegs = 304n;

  function withRegs(): PlainKernel {
    const kernel = kernelOf('arm64', { vmcoreinfo: [`NUMBER(KERNELPACMASK)=0x${pointerCode.toString(16)}`] });
    return kernel.struct('pt_regs', 336, { stackframe: [Number(recordInRegs), 8, 2] });
  }

  function unwinder(kernel: Kernel): Unwinder {
    return new Arm64Unwinder(kernel, { ranges, task: undefined });
  }

  /** middle was called by outer, which user mode entered; leaf was interrupted in middle, before it had a record. */
  function interrupted(): PlainKernel {
    const kernel = withRegs();
    const regs = bottom + 0x2000n;
    const userRegs = top - 336n;
    const middleRecord = bottom + 0x3000n;
    kernel.words(bottom + 0x1000n, [regs + recordInRegs, functions.entry + 0x10n]);
    // x29 and the program counter stand in the record and in the registers themselves.
    kernel.write(regs + 29n * 8n, middleRecord).write(regs + 30n * 8n, functions.middle + 0x20n);
    kernel.words(regs + 31n * 8n, [bottom + 0x2800n, functions.leaf + 8n, 0x3c5n]);
    kernel.words(regs + recordInRegs, [middleRecord, functions.leaf + 8n]);
    kernel.write(functions.middle + 0x1cn, 0x94000000, 4);
    kernel.words(middleRecord, [userRegs + recordInRegs, (functions.outer + 0x40n) & ~pointerCode]);
    kernel.words(userRegs + 31n * 8n, [0x7fff_0000n, 0x40_1000n, 0n]);
    return kernel.write(functions.outer + 0x3cn, 0x94000000, 4);
  }

  test('records, the registers of an interrupt, a function without a record, pointer authentication, user mode', () => {
    const kernel = interrupted().open();
    const trace = unwind(start(functions.inner + 0x10n, bottom + 0x800n, { x29: bottom + 0x1000n }), unwinder(kernel), ranges);
    assert.equal(trace.problem, undefined);
    assert.deepEqual(namesOf(kernel, trace), ['inner', 'entry', 'leaf', 'middle', 'outer', 'user']);
    assert.deepEqual(
      trace.frames.map(({ exact }) => exact),
      [false, false, true, false, false, true],
    );
    assert.equal(trace.frames[2]?.registers.get('x30'), functions.middle + 0x20n);
    assert.equal(trace.frames[4]?.pc, functions.outer + 0x40n);
    assert.deepEqual([trace.frames[5]?.pc, trace.frames[5]?.sp], [0x40_1000n, 0x7fff_0000n]);
  });

  test('a function that has its record is not taken for one without', () => {
    const built = interrupted();
    // stp x29, x30, [sp, #-16]! at its beginning: the link register is what an earlier call left.
    const kernel = built.write(functions.leaf, 0xa9bf7bfd, 4).open();
    const trace = unwind(start(functions.inner + 0x10n, bottom + 0x800n, { x29: bottom + 0x1000n }), unwinder(kernel), ranges);
    assert.deepEqual(namesOf(kernel, trace), ['inner', 'entry', 'leaf', 'outer', 'user']);
  });

  test('the records of kernels since 6.13 say what they are', () => {
    const built = withRegs().struct('frame_record', 16, { fp: [0, 8], lr: [8, 8] });
    built.struct('frame_record_meta', 24, { record: [0, 'frame_record'], type: [16, 8] });
    const regs = bottom + 0x2000n;
    built.words(bottom + 0x1000n, [regs + recordInRegs, functions.entry + 0x10n]);
    built.words(regs + 31n * 8n, [bottom + 0x2800n, functions.middle + 8n, 0x3c5n]).write(regs + 29n * 8n, bottom + 0x3000n);
    built.words(regs + recordInRegs, [0n, 0n, 2n]).words(bottom + 0x3000n, [bottom + 0x3100n, functions.outer + 0x40n]);
    built.words(bottom + 0x3100n, [0n, 0n, 1n]);
    const kernel = built.open();
    const trace = unwind(start(functions.inner + 0x10n, bottom + 0x800n, { x29: bottom + 0x1000n }), unwinder(kernel), ranges);
    assert.deepEqual([namesOf(kernel, trace), trace.problem], [['inner', 'entry', 'middle', 'outer'], undefined]);
  });

  test('loops, wild pointers and holes end a stack with what is wrong; what was found stays', () => {
    const from = (built: PlainKernel): StackTrace => {
      const kernel = built.open();
      return unwind(start(functions.inner + 0x10n, bottom + 0x800n, { x29: bottom + 0x1000n }), unwinder(kernel), ranges);
    };
    const record = (next: bigint, link = functions.outer + 0x40n): PlainKernel => withRegs().words(bottom + 0x1000n, [next, link]);
    assert.match(from(record(bottom + 0x1000n)).problem ?? '', /loops back to 0xffff800080011010/);
    assert.match(from(record(bottom + 0x2900n)).problem ?? '', /chain of frame records ends before the stack does/);
    assert.match(from(record(bottom + 0x1001n)).problem ?? '', /not aligned/);
    assert.match(from(record(0x1234_5678n)).problem ?? '', /cannot be read at 0x12345678: nothing is mapped there/);
    assert.match(from(record(0n, 0xdead_beefn)).problem ?? '', /outside the kernel's code/);
    const hole = from(record(bottom + 0x2000n).remove(bottom + 0x2000n));
    assert.match(hole.problem ?? '', /cannot be read at 0xffff800080012000: no RAM/);
    assert.equal(hole.frames.filter(({ certain }) => certain).length, 2);
  });

  test('without types the innermost frame is shown, and what is missing is said', () => {
    const cpu = {
      index: 0,
      pid: 0,
      control: [],
      registers: [
        { name: 'sp', value: bottom },
        { name: 'pc', value: functions.leaf },
      ],
    };
    const kernel = new PlainKernel({ architecture: 'arm64', base, cpus: [cpu], withoutTypes: true }).room(base, 0x2_0000);
    const [stack] = stackFacts(kernel.symbol('leaf', functions.leaf, 0x100, 'T').open(), { kind: 'cpus' });
    assert.ok(stack !== undefined);
    assert.deepEqual(
      stack.frames.map(({ symbol }) => symbol),
      ['leaf'],
    );
    assert.match(stack.problem ?? '', /unwinding a stack needs type information/);
  });
});

describe('x86-64 by frame pointers', () => {
  const prologue = [0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5];

  function built(): PlainKernel {
    const kernel = kernelOf('x86-64');
    prologue.forEach((byte, index) => kernel.write(functions.leaf + BigInt(index), byte, 1));
    // leaf ends with ret; middle calls it, outer calls middle.
    kernel.write(functions.leaf + 0x20n, 0xc3, 1);
    kernel.write(functions.middle + 0x1bn, 0xe8, 1).write(functions.outer + 0x2bn, 0xe8, 1);
    return kernel;
  }
  const inMiddle = functions.middle + 0x20n;
  const inOuter = functions.outer + 0x30n;
  const middleBp = top - 0x20n;
  /** Of code that starts a CPU: a chain that ends near the top. */
  const outerFrame = [0n, inOuter];

  for (const [offset, words, what] of [
    [0n, [inMiddle], 'at its first instruction'],
    [4n, [inMiddle], 'before the push'],
    [5n, [middleBp, inMiddle], 'behind the push'],
    [0x20n, [inMiddle], 'at ret'],
  ] as const) {
    test(`a function that was interrupted ${what} has its caller`, () => {
      const sp = top - 0x100n;
      const kernel = built().words(sp, words).words(middleBp, outerFrame).open();
      const trace = unwind(
        start(functions.leaf + offset, sp, { rbp: middleBp }, true),
        new FrameUnwinder(kernel, { ranges, task: undefined }),
        ranges,
      );
      assert.deepEqual([namesOf(kernel, trace), trace.problem], [['leaf', 'middle', 'outer'], undefined]);
      assert.ok(trace.frames.every(({ certain }) => certain));
    });
  }

  test('a frame pointer with its lowest bit set leads to the registers of an interrupt', () => {
    const regs = bottom + 0x2000n;
    const handlerBp = bottom + 0x1000n;
    const kernel = built().words(handlerBp, [regs + 1n, functions.entry + 0x10n]);
    kernel.words(regs, [
      15,
      14,
      13,
      12,
      middleBp,
      3,
      11,
      10,
      9,
      8,
      0,
      1,
      2,
      6,
      7,
      -1n,
      functions.inner + 8n,
      0x10,
      0x246,
      top - 0x80n,
      0x18,
    ]);
    const opened = kernel.words(middleBp, outerFrame).open();
    const trace = unwind(
      start(functions.leaf + 0x10n, bottom + 0x800n, { rbp: handlerBp }),
      new FrameUnwinder(opened, { ranges, task: undefined }),
      ranges,
    );
    assert.deepEqual([namesOf(opened, trace), trace.problem], [['leaf', 'entry', 'inner', 'outer'], undefined]);
    assert.equal(trace.frames[2]?.registers.get('r12'), 12n);
  });

  test('a chain that ends too early says so and leaves guesses', () => {
    const kernel = built()
      .words(bottom + 0x1000n, [0n, inMiddle])
      .write(bottom + 0x1800n, inOuter)
      .open();
    const trace = unwind(
      start(functions.leaf + 0x10n, bottom + 0x800n, { rbp: bottom + 0x1000n }),
      new FrameUnwinder(kernel, { ranges, task: undefined }),
      ranges,
    );
    assert.match(trace.problem ?? '', /ends before the stack does/);
    assert.deepEqual(
      trace.frames.map(({ pc, certain }) => [pc, certain]),
      [
        [functions.leaf + 0x10n, true],
        [inMiddle, true],
        [inOuter, false],
      ],
    );
  });
});

test('a powerpc back chain that turns back is told', () => {
  const kernel = kernelOf('ppc64le').words(bottom + 0x100n, [bottom + 0x200n, 0n, functions.inner + 8n]);
  kernel.words(bottom + 0x200n, [bottom + 0x100n, 0n, functions.outer + 8n]);
  const opened = kernel.open();
  const trace = unwind(start(functions.leaf, bottom + 0x100n, {}), new PowerpcUnwinder(opened, { ranges, task: undefined }), ranges);
  assert.match(trace.problem ?? '', /goes backwards from 0xffff800080010200 to 0xffff800080010100/);
  assert.deepEqual(namesOf(opened, trace).slice(0, 2).at(-1), 'outer');
});

describe('whatever a stack holds, every unwinder ends, with no more frames than it has words', () => {
  const unwinders: readonly (readonly [ArchitectureName, (kernel: Kernel) => Unwinder])[] = [
    ['x86-64', (kernel) => new FrameUnwinder(kernel, { ranges, task: undefined })],
    ['x86-64', (kernel) => new ScanUnwinder(kernel, ranges)],
    ['arm64', (kernel) => new Arm64Unwinder(kernel, { ranges, task: undefined })],
    ['riscv64', (kernel) => new RiscvUnwinder(kernel, { ranges, task: undefined })],
    ['s390x', (kernel) => new S390Unwinder(kernel, { ranges, task: undefined })],
    ['ppc64le', (kernel) => new PowerpcUnwinder(kernel, { ranges, task: undefined })],
  ];
  const word = fc.oneof(
    fc.integer({ min: 0, max: 0x800 }).map((offset) => bottom + BigInt(offset) * 8n),
    fc.integer({ min: 0, max: 0x500 }).map((offset) => text + BigInt(offset)),
    fc.constantFrom(0n, 1n, top, bottom - 8n, base, 0xffff_ffff_ffff_fff8n, 0x7265_6773_6865_7265n, 0x33n),
    fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  );
  const code = fc.uint8Array({ minLength: 0x500, maxLength: 0x500 });
  unwinders.forEach(([architecture, make], index) => {
    test(`${architecture} ${index}`, () => {
      fc.assert(
        fc.property(
          fc.array(word, { minLength: 0x800, maxLength: 0x800 }),
          code,
          fc.record({ sp: word, fp: word, exact: fc.boolean() }),
          (words, bytes, { sp, fp, exact }) => {
            const kernel = kernelOf(architecture).words(bottom, words);
            bytes.forEach((byte, offset) => kernel.write(text + BigInt(offset), byte, 1));
            kernel.struct('psw_t', 16, { mask: [0, 8], addr: [8, 8] });
            kernel.struct('pt_regs', 336, { stackframe: [304, 8, 2], psw: [0, 'psw_t'], gprs: [16, 8, 16] });
            kernel.struct('stack_frame', 160, { gprs: [72, 8, 10], back_chain: [152, 8] });
            const opened = kernel.open();
            const registers = {
              rbp: fp,
              x29: fp,
              s0: fp,
              ra: functions.outer + 8n,
              x30: functions.outer + 8n,
              lr: functions.outer + 8n,
              r14: fp,
            };
            const trace = unwind(start(functions.leaf + 0x10n, sp, registers, exact), make(opened), ranges);
            assert.ok(trace.frames.length <= 2 * 0x800 + 2);
          },
        ),
        { numRuns: 60 },
      );
    });
  });
});
