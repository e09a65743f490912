/** Kernel stacks against what drgn unwound of the same dump with full debug information, and against each kernel's entry code. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { FrameFacts, StackFacts } from '../../debug-adapter/protocol/stacks.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { absent, bundled, dumpFolder, expandedDump, jsonLines, truthText } from '../support/dumps.ts';

interface DrgnStack {
  readonly pid: number;
  readonly comm: string;
  readonly task: string;
  readonly frames: readonly {
    readonly name: string;
    readonly pc: string;
    readonly sp: string;
    readonly inline: boolean;
    readonly interrupted: boolean;
  }[];
}

const debian = 'x86-64-debian-6.12';

/**
 * Debug information names the whole of an assembly function; the kernel's own symbols have labels inside it, and crash and
 * the kernel's traces print those.
 */
const labels: Readonly<Record<string, string>> = { entry_SYSCALL_64_after_hwframe: 'entry_SYSCALL_64' };

/** Compilers add .isra.0, .constprop.0 and the like to symbols. */
function nameOf(frame: FrameFacts): string {
  const plain = frame.symbol?.replace(/\.(?:isra|constprop|part|cold)(?:\.\d+)?/g, '') ?? frame.pc;
  return labels[plain] ?? plain;
}

test('every task has the frames that drgn finds: names, program counters, stack pointers', { skip: absent(debian) ?? false }, () => {
  const session = openSession(nodeHost(), { paths: [expandedDump(debian, 'dump.elf')] });
  const truth = jsonLines<DrgnStack>(join(dumpFolder(debian) ?? '', 'truth/drgn/stacks.jsonl'));
  const stacks = new Map(session.stacks({ kind: 'all' }).map((stack) => [stack.task, stack]));
  assert.equal(truth.length, 93);
  for (const { pid, comm, task, frames } of truth) {
    const stack = stacks.get(task);
    assert.deepEqual([stack?.pid, stack?.comm, stack?.problem], [pid, comm, null]);
    const expected = frames.filter(({ inline }) => !inline);
    assert.deepEqual(
      // drgn had no debug information of modules, and writes an address as the name of what it does not know.
      stack?.frames.map((frame, index) => [
        expected[index]?.name.startsWith('0x') === true ? frame.pc : nameOf(frame),
        frame.pc,
        frame.sp,
        frame.certain,
      ]),
      expected.map(({ name, pc, sp }) => [name, pc, sp, true]),
      `${pid} ${comm}`,
    );
  }
  session.close();
});

test('CPUs begin with their registers and end in the code that started them', { skip: absent(debian) ?? false }, () => {
  const session = openSession(nodeHost(), { paths: [expandedDump(debian, 'dump.elf')] });
  const stacks = session.stacks({ kind: 'cpus' });
  assert.deepEqual(
    stacks.map(({ pid, comm, cpu, running, problem }) => [pid, comm, cpu, running, problem]),
    [0, 1, 2, 3].map((cpu) => [0, `swapper/${cpu}`, cpu, true, null]),
  );
  stacks.forEach(({ frames }, cpu) => {
    const rip = session.cpus[cpu]?.registers.find(({ name }) => name === 'rip')?.value ?? 0n;
    assert.equal(frames[0]?.pc, `0x${rip.toString(16)}`);
    assert.equal(frames[0].interrupted, true);
    assert.equal(frames.at(-1)?.symbol, 'common_startup_64');
    assert.ok(frames.every(({ certain, stack }) => certain && stack === 'task'));
  });
  session.close();
});

test('a dump without most stacks tells which it has not', () => {
  const session = openSession(nodeHost(), { paths: [bundled.image] });
  const stacks: readonly StackFacts[] = session.stacks({ kind: 'all' });
  assert.ok(stacks.length > 90);
  for (const { frames, problem } of stacks) assert.ok(problem !== null || frames.length > 1);
  session.close();
});

interface SmallKernel {
  readonly name: string;
  /** The program counters in the monitor's register dump. */
  readonly counter: RegExp;
  /** Outermost functions of CPUs, and of kernel threads. */
  readonly cpus: readonly string[];
  readonly threads: string;
  /** Innermost function of every sleeping task, and the outermost of processes, which is entered from user mode. */
  readonly sleeping: string;
  readonly entries: readonly string[];
}

const x86 = {
  counter: /^RIP=([0-9a-f]{16})/gm,
  cpus: ['common_startup_64', 'common_startup_64'],
  threads: 'ret_from_fork_asm',
  sleeping: '__schedule',
  entries: ['entry_SYSCALL_64_after_hwframe'],
};
const arm64 = {
  counter: /^ PC=([0-9a-f]{16})/gm,
  cpus: ['__primary_switched', '__secondary_switched'],
  threads: 'ret_from_fork',
  sleeping: '__switch_to',
  entries: ['el0t_64_sync'],
};
const smallKernels: readonly SmallKernel[] = [
  { name: 'x86-64', ...x86 },
  { name: 'x86-64-efi', ...x86 },
  { name: 'x86-64-kasan', ...x86 },
  {
    name: 'i386-pae-pti',
    counter: /^EIP=([0-9a-f]{8})/gm,
    cpus: ['startup_32_smp', 'startup_32_smp'],
    threads: 'entry_INT80_32',
    sleeping: '__schedule',
    entries: ['entry_SYSENTER_32', 'entry_INT80_32'],
  },
  { name: 'arm64-4k', ...arm64 },
  { name: 'arm64-64k', ...arm64 },
  {
    name: 'riscv64-sv48',
    counter: /^ pc {7}([0-9a-f]{16})/gm,
    cpus: ['start_kernel', 'smp_callin'],
    threads: 'ret_from_fork',
    sleeping: '__schedule',
    entries: ['handle_exception'],
  },
  {
    name: 's390x',
    counter: /^PSW=mask [0-9a-f]{16} addr ([0-9a-f]{16})/gm,
    cpus: ['startup_continue', 'restart_int_handler'],
    threads: 'ret_from_fork',
    sleeping: '__schedule',
    entries: ['system_call'],
  },
  {
    name: 'ppc64le',
    counter: /^NIP ([0-9a-f]{16})/gm,
    cpus: ['start_here_common', 'start_secondary_prolog'],
    threads: 'start_kernel_thread',
    sleeping: '__switch_to',
    entries: ['system_call_vectored_common'],
  },
];

for (const small of smallKernels) {
  test(`${small.name}: every stack is certain and ends where tasks begin`, { skip: absent(small.name) ?? false }, () => {
    const session = openSession(nodeHost(), { paths: [expandedDump(small.name, 'vmcore.elf')] });
    const cpus = session.stacks({ kind: 'cpus' });
    const counters = [...truthText(small.name, 'registers.txt').matchAll(small.counter)].map(([, digits]) => BigInt(`0x${digits ?? ''}`));
    assert.deepEqual(
      cpus.map(({ frames }) => BigInt(frames[0]?.pc ?? 0)),
      counters,
    );
    assert.deepEqual(
      cpus.map(({ frames }) => frames.at(-1)?.symbol),
      small.cpus,
    );
    assert.ok(cpus.every(({ frames }) => frames.some(({ symbol }) => symbol === 'do_idle')));
    const stacks = session.stacks({ kind: 'all' });
    assert.ok(stacks.length > 38);
    let processes = 0;
    for (const { pid, comm, frames, problem } of stacks) {
      const name = `${pid} ${comm}`;
      assert.equal(problem, null, name);
      assert.ok(
        frames.every(({ certain, symbol, user }) => certain && (symbol !== null || user)),
        name,
      );
      if (pid === 0) continue;
      assert.equal(frames[0]?.symbol, small.sleeping, name);
      const last = frames.at(-1);
      if (last?.user !== true) assert.equal(last?.symbol, small.threads, name);
      else {
        processes++;
        assert.ok(small.entries.includes(frames.at(-2)?.symbol ?? ''), name);
        assert.ok(
          frames.some(({ symbol }) => symbol === 'vfs_read' || symbol === 'do_wait' || symbol === 'hrtimer_nanosleep'),
          name,
        );
      }
    }
    // The first program and the four that it started.
    assert.equal(processes, 5);
    session.close();
  });
}
