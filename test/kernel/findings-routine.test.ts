/** Entries that faults bring to processes are missing on every healthy arm machine: they are no findings, stale ones are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { armLpae } from '../../debug-adapter/arch/arm.ts';
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import { findings } from '../../debug-adapter/kernel/findings/findings.ts';
import { rootSync } from '../../debug-adapter/kernel/findings/root-sync.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { SmallKernel } from '../builders/small-kernel.ts';

const mode = armLpae({ pageOffset: 0xc000_0000n });

function machine(functions: readonly string[]): { kernel: ReturnType<SmallKernel['open']>; root: number } {
  const built = new SmallKernel({ architecture: 'arm', mode, pageOffset: 0xc000_0000n, functions });
  const shared = built.table();
  const roots = [0, 1].map(() => built.table(32));
  const pmds = roots.map((root) => {
    const pmd = built.table();
    built.entry(root, 3, BigInt(shared) | 3n, 8);
    built.entry(root, 2, BigInt(pmd) | 3n, 8);
    return pmd;
  });
  // Modules and kmap() of init_mm, which the process has not touched; and an entry that init_mm has no more.
  built.entry(pmds[0] ?? 0, 504, BigInt(built.table()) | 3n, 8);
  built.entry(pmds[0] ?? 0, 511, BigInt(built.table()) | 3n, 8);
  built.entry(pmds[1] ?? 0, 506, BigInt(built.table()) | 3n, 8);
  built.initRoot(roots[0] ?? 0);
  built.task(1, 'init', built.mm(roots[1] ?? 0));
  return { kernel: built.open(), root: roots[0] ?? 0 };
}

function told(functions: readonly string[]): string[] {
  const { kernel, root } = machine(functions);
  const spaces = [0, 1].map((index) => ({
    mm: index === 0 ? 'kernel' : '1',
    user: false,
    pageTable: new PageTable(kernel.physical, mode, toPhysAddr(root)),
    task: undefined,
  }));
  return findings(kernel, spaces, {})
    .findings.filter(({ kind }) => kind === 'root-out-of-sync')
    .map(({ virtual, reason }) => `${virtual} ${reason}`);
}

test('what a fault brings is no finding, what stays behind is', () => {
  assert.deepEqual(told(['do_translation_fault']), ['0xbf400000 maps what init_mm no longer does']);
});

test('a kernel whose faults bring nothing lacks what it lacks', () => {
  assert.equal(told([]).length, 3);
  assert.equal(told(['schedule']).length, 3);
});

test('all differences are compared and told as what they are', () => {
  const { differences } = rootSync(machine(['do_translation_fault']).kernel, neverCancelled);
  assert.deepEqual(
    differences.map(({ kind, routine }) => [kind, routine]),
    [
      ['missing', true],
      ['stale', false],
      ['missing', true],
    ],
  );
});
