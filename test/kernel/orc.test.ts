/** ORC tables in all four forms, written by hand: what an entry says, how the form is told, and a stack through an interrupt. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addToAddress, toAddress } from '../../debug-adapter/base/address.ts';
import type { CpuState } from '../../debug-adapter/image/image.ts';
import { decodeOrcEntry, OrcTable, orcTables, orcVersionOf } from '../../debug-adapter/kernel/stacks/orc.ts';
import type { OrcEntry, OrcVersion } from '../../debug-adapter/kernel/stacks/orc.ts';
import { cpuPlaces } from '../../debug-adapter/kernel/stacks/stack-start.ts';
import { traceOfCpu } from '../../debug-adapter/kernel/stacks/stack.ts';
import { stackFacts } from '../../debug-adapter/session/stack-facts.ts';
import { stackText } from '../../debug-adapter/session/stack-text.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';
import { fc } from '../support/properties.ts';

const versions: readonly OrcVersion[] = [1, 2, 3, 4];

/** Numbers as each form writes them (asm/orc_types.h of 4.14, 6.3, 6.4; the fourth form has other registers). */
const registers = { undefined: [0, 0], 'prev-sp': [1, 8], bp: [4, 4], sp: [5, 3], 'bp-indirect': [8, 10], 'sp-indirect': [9, 9] } as const;
type Register = keyof typeof registers;
const types = { undefined: [0, 0], 'end-of-stack': [0, 1], call: [0, 2], regs: [1, 3], 'regs-partial': [2, 4] } as const;

interface Written {
  readonly sp: Register;
  readonly bp: Register;
  readonly type: keyof typeof types;
  readonly signal: boolean;
}

function flagsOf({ sp, bp, type, signal }: Written, version: OrcVersion): number {
  const number = (name: Register): number => registers[name][version === 4 ? 1 : 0];
  const low = number(sp) | (number(bp) << 4) | (types[type][version >= 3 ? 1 : 0] << 8);
  if (version >= 3) return low | (signal ? 0x800 : 0);
  if (version === 2) return low | (signal ? 0x400 : 0) | (type === 'end-of-stack' ? 0x800 : 0);
  return low | (type === 'end-of-stack' ? 0x400 : 0);
}

const leafEntry: Written = { sp: 'sp', bp: 'undefined', type: 'call', signal: false };

describe('an entry', () => {
  for (const version of versions) {
    test(`of form ${version} says what was written`, () => {
      const written = fc.record({
        sp: fc.constantFrom<Register>('bp', 'sp', 'bp-indirect', 'sp-indirect'),
        bp: fc.constantFrom<Register>('undefined', 'prev-sp', 'bp'),
        type: fc.constantFrom<Written['type']>('call', 'regs', 'regs-partial'),
        signal: fc.boolean(),
      });
      fc.assert(
        fc.property(written, fc.integer({ min: -32_768, max: 32_767 }), fc.integer({ min: -32_768, max: 32_767 }), (entry, sp, bp) => {
          // The first form has no bit of its own for a signal: registers on the stack are one.
          const signal = version === 1 ? entry.type !== 'call' : entry.signal;
          const expected: OrcEntry = {
            spOffset: sp,
            bpOffset: bp,
            spRegister: entry.sp,
            bpRegister: entry.bp,
            type: entry.type,
            signal,
          };
          assert.deepEqual(decodeOrcEntry(sp, bp, flagsOf(entry, version), version), expected);
        }),
      );
      for (const type of ['undefined', 'end-of-stack'] as const) {
        const flags = flagsOf({ sp: 'undefined', bp: 'undefined', type, signal: false }, version);
        assert.equal(decodeOrcEntry(0, 0, flags, version).type, type);
      }
    });
  }
});

test('the form is told by the entries', () => {
  const end: Written = { sp: 'undefined', bp: 'undefined', type: 'end-of-stack', signal: false };
  for (const version of versions) {
    const samples = [leafEntry, leafEntry, end].map((entry) => ({
      spOffset: entry.type === 'call' ? 8 : 0,
      flags: flagsOf(entry, version),
    }));
    assert.equal(orcVersionOf(samples), version);
  }
  assert.equal(orcVersionOf([]), undefined);
  assert.equal(orcVersionOf([{ spOffset: 8, flags: 0xf005 }]), undefined);
});

const base = 0xffff_ffff_8000_0000n;

test('an address has the last entry at or below it', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(gaps, fc.integer({ min: -50, max: 2500 }), (steps, offset) => {
      const kernel = new PlainKernel({ architecture: 'x86-64', base }).room(base, 0x4000);
      let at = 0;
      const starts = steps.map((step) => (at += step));
      starts.forEach((start, index) => kernel.write(base + 0x1000n + BigInt(4 * index), BigInt(start - 0x1000 - 4 * index + 0x3000), 4));
      const table = new OrcTable(kernel.open().memory, {
        ips: toAddress(base + 0x1000n),
        entries: toAddress(base + 0x2000n),
        count: starts.length,
      });
      const found = table.indexOf(addToAddress(toAddress(base + 0x3000n), offset));
      const expected = starts.findLastIndex((start) => start <= offset);
      assert.equal(found, expected < 0 ? undefined : expected);
    }),
  );
});

/** Places of the story below. */
const text = base + 0x1000n;
const irqStack = base + 0x1_0000n;
const ownStack = base + 0x2_0000n;
const functions = { irq_handler: 0x000n, call_on_stack: 0x100n, asm_irq: 0x200n, worker: 0x300n, start: 0x400n, filler: 0x500n };
const returns = { call_on_stack: text + 0x110n, asm_irq: text + 0x220n, start: text + 0x410n };
const irqTop = irqStack + 0x4000n;
const regsAt = ownStack + 0x3000n;
const workerBp = ownStack + 0x3f00n;

/** A worker on its own stack is interrupted; the handler runs on the CPU's interrupt stack. */
function interruptedKernel(version: OrcVersion): PlainKernel {
  const entries: readonly (Written & { readonly at: bigint; readonly spOffset: number; readonly bpOffset: number })[] = [
    { at: functions.irq_handler, spOffset: 16, bpOffset: 0, ...leafEntry },
    { at: functions.call_on_stack, sp: 'sp-indirect', spOffset: 8, bp: 'undefined', bpOffset: 0, type: 'call', signal: false },
    { at: functions.asm_irq, sp: 'sp', spOffset: 0, bp: 'undefined', bpOffset: 0, type: 'regs', signal: true },
    { at: functions.worker, sp: 'bp', spOffset: 16, bp: 'prev-sp', bpOffset: -16, type: 'call', signal: false },
    { at: functions.start, sp: 'undefined', spOffset: 0, bp: 'undefined', bpOffset: 0, type: 'end-of-stack', signal: false },
    ...Array.from({ length: 40 }, (_, index) => ({ at: functions.filler + BigInt(16 * index), spOffset: 8, bpOffset: 0, ...leafEntry })),
  ];
  const cpu: CpuState = {
    index: 0,
    pid: 0,
    registers: [
      { name: 'rip', value: text + 0x10n },
      { name: 'rsp', value: irqTop - 0x18n },
      { name: 'rbp', value: 0x1234n },
      { name: 'cs', value: 0x10n },
    ],
    control: [],
  };
  const kernel = new PlainKernel({ architecture: 'x86-64', base, cpus: [cpu] }).room(base, 0x3_0000);
  kernel.symbol('_stext', text - 0x100n).symbol('_etext', text + 0x1000n);
  for (const [name, offset] of Object.entries(functions)) kernel.symbol(name, text + offset, 0x100, 'T');
  const ips = base + 0x4000n;
  const table = base + 0x5000n;
  entries.forEach((entry, index) => {
    const at = ips + BigInt(4 * index);
    kernel.write(at, text + entry.at - at, 4);
    kernel.write(table + BigInt(6 * index), entry.spOffset, 2);
    kernel.write(table + BigInt(6 * index + 2), entry.bpOffset, 2);
    kernel.write(table + BigInt(6 * index + 4), flagsOf(entry, version), 2);
  });
  kernel.symbol('__start_orc_unwind_ip', ips).symbol('__stop_orc_unwind_ip', ips + BigInt(4 * entries.length));
  kernel.symbol('__start_orc_unwind', table);
  // The handler's return address; on top of the interrupt stack the task's stack pointer; there the address behind the call.
  kernel.words(irqTop - 0x18n, [0x1111n, returns.call_on_stack, regsAt - 8n]);
  kernel.write(regsAt - 8n, returns.asm_irq);
  // r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp ss
  kernel.words(regsAt, [
    15,
    14,
    13,
    12,
    workerBp,
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
    text + 0x308n,
    0x10,
    0x246,
    ownStack + 0x3e00n,
    0x18,
  ]);
  kernel.words(workerBp, [0x5678n, returns.start]);
  kernel.struct('irq_stack', 0x4000, {}).struct('rq', 16, { curr: [0, 8], idle: [8, 8] });
  kernel.struct('task_struct', 64, { stack: [0, 8], pid: [8, 4], tgid: [12, 4], mm: [16, 8], comm: [24, 1, 16] });
  const task = base + 0x8000n;
  kernel
    .write(task, ownStack)
    .write(task + 8n, 42, 4)
    .text(task + 24n, 'worker');
  kernel.write(base + 0x9000n, task).symbol('runqueues', base + 0x9000n);
  return kernel.write(base + 0x9100n, irqTop - 8n).symbol('hardirq_stack_ptr', base + 0x9100n);
}

for (const version of versions) {
  test(`form ${version}: from the interrupt stack through the saved registers to the task's own`, () => {
    const kernel = interruptedKernel(version).open();
    assert.equal(orcTables(kernel)?.version, version);
    const [stack] = stackFacts(kernel, { kind: 'cpus' });
    assert.ok(stack !== undefined);
    assert.deepEqual([stack.pid, stack.comm, stack.problem], [42, 'worker', null]);
    assert.deepEqual(
      stack.frames.map(({ symbol, pc, stack: on, interrupted, certain }) => [symbol, BigInt(pc), on, interrupted, certain]),
      [
        ['irq_handler', text + 0x10n, 'IRQ', true, true],
        ['call_on_stack', returns.call_on_stack, 'IRQ', false, true],
        ['asm_irq', returns.asm_irq, 'task', false, true],
        ['worker', text + 0x308n, 'task', true, true],
        ['start', returns.start, 'task', false, true],
      ],
    );
    assert.equal(stack.frames[3]?.registers['r15'], '0xf');
    assert.equal(stack.frames[4]?.registers['rbp'], '0x5678');
    const told = stackText(stack, 8);
    assert.match(told, /--- IRQ stack ---\n {3}#0 .*irq_handler\+0x10\/0x100/);
    assert.match(told, /--- end of the IRQ stack ---\n {3}#2 .*asm_irq\+0x20\/0x100/);
  });
}

test('a table that the dump lacks leaves a guess, and says so', () => {
  const kernel = interruptedKernel(3)
    .remove(base + 0x5000n)
    .struct('orc_entry', 6, { sp_offset: [0, 2] });
  const opened = kernel.bits('orc_entry', 'type', 40, 3).bits('orc_entry', 'signal', 43, 1).open();
  const [place] = cpuPlaces(opened);
  assert.ok(place !== undefined);
  const { frames, problem } = traceOfCpu(opened, place);
  assert.match(problem ?? '', /ORC table for the code at 0xffffffff80001010 cannot be read: .*what follows is guessed/);
  assert.ok(frames.slice(1).every(({ certain }) => !certain));
});

test('code of which the table says nothing ends the stack with that', () => {
  const kernel = interruptedKernel(3);
  const undefinedEntry = flagsOf({ sp: 'undefined', bp: 'undefined', type: 'undefined', signal: false }, 3);
  const opened = kernel.write(base + 0x5000n + 6n + 4n, undefinedEntry, 2).open();
  const [stack] = stackFacts(opened, { kind: 'cpus' });
  assert.match(stack?.problem ?? '', /says nothing of the code at 0xffffffff80001110/);
  assert.deepEqual(
    stack?.frames.filter(({ certain }) => certain).map(({ symbol }) => symbol),
    ['irq_handler', 'call_on_stack'],
  );
});
