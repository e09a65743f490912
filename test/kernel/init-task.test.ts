/** Kernels whose kallsyms has functions alone: VMCOREINFO names some data, the first task is found by its own words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import { initTask } from '../../debug-adapter/kernel/processes/init-task.ts';
import { tasks } from '../../debug-adapter/kernel/processes/task.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';

const base = 0xffff_ffff_8100_0000n;
const data = base + 0x80_0000n;

interface Planted {
  readonly pid?: number;
  readonly parent?: bigint;
  readonly back?: bigint;
}

/** A task called swapper at `at`, alone on its list. */
function plant(kernel: PlainKernel, at: bigint, { pid = 0, parent = at, back }: Planted = {}): void {
  kernel.write(at + 8n, at + 8n).write(at + 16n, back ?? at + 8n);
  kernel
    .write(at + 24n, pid, 4)
    .write(at + 28n, pid, 4)
    .write(at + 32n, parent);
  kernel.text(at + 40n, 'swapper/0');
}

function kernelWith(...planted: readonly (readonly [at: bigint, what: Planted])[]): PlainKernel {
  const kernel = new PlainKernel({ architecture: 'x86-64', base, vmcoreinfo: [`SYMBOL(init_uts_ns)=${(data + 0x6_0000n).toString(16)}`] });
  kernel.struct('list_head', 16, { next: [0, 8], prev: [8, 8] });
  kernel.struct('task_struct', 128, {
    tasks: [8, 'list_head'],
    pid: [24, 4],
    tgid: [28, 4],
    real_parent: [32, 8],
    comm: [40, 1, 16],
    mm: [56, 8],
    stack: [64, 8],
  });
  kernel.room(data, 0x8_0000);
  // The name alone, in read-only data and across the border of two pieces.
  kernel.text(data + 0x100n, 'swapper').text(data + 0x7_fff0n, 'swapper/0');
  for (const [at, what] of planted) plant(kernel, at, what);
  return kernel;
}

test('the first task, behind texts and tasks that are not the first', () => {
  const at = data + 0x4_0000n;
  const kernel = kernelWith(
    [data + 0x1000n, { pid: 1 }],
    [data + 0x2000n, { parent: 0n }],
    [data + 0x3000n, { back: data }],
    [data + 0x4004n, {}],
    [at, {}],
  ).open();
  assert.equal(initTask(kernel), at);
  assert.deepEqual(tasks(kernel), []);
});

test('a symbol is believed, and where nothing fits what to give is told', () => {
  const named = kernelWith([data + 0x4_0000n, {}])
    .symbol('init_task', data + 0x5_0000n)
    .open();
  assert.equal(initTask(named), data + 0x5_0000n);
  const none = kernelWith().symbol('schedule', base).open();
  assert.equal(initTask(none), undefined);
  assert.throws(() => tasks(none), /listing the tasks needs the symbol init_task, .*--symbols FILE \(System\.map\) or --vmlinux FILE/);
});

test('VMCOREINFO names data that kallsyms lacks, but not by the value of a pointer', () => {
  const lines = ['SYMBOL(vmap_area_list)=ffffffff81801000', 'SYMBOL(mem_section)=ffff88801fff0000', 'SYMBOL(_stext)=ffffffff81000000'];
  const kernel = new PlainKernel({ architecture: 'x86-64', base, vmcoreinfo: lines }).symbol('_stext', base + 0x40n).open();
  assert.equal(kernel.addressOf('vmap_area_list'), toAddress(0xffff_ffff_8180_1000n));
  assert.equal(kernel.addressOf('_stext'), base + 0x40n);
  assert.equal(kernel.addressOf('mem_section'), undefined);
});
