/** Kernels whose kallsyms has functions alone: the list of modules is found by what is on it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modules } from '../../debug-adapter/kernel/modules/module.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';

const base = 0xffff_ffff_8100_0000n;
const data = base + 0x80_0000n;
const head = data + 0x4_0008n;
const area = base + 0x800_0000n;
const listAt = 8n;

interface Planted {
  readonly name?: string;
  /** Of the module's memory. */
  readonly start?: bigint;
  readonly size?: bigint;
  /** What the module on the list points back to. */
  readonly back?: bigint;
}

/** A circular list from `at` through modules in areas of their own, 64 KiB each from `first` on. */
function plant(kernel: PlainKernel, at: bigint, first: bigint, planted: readonly Planted[]): void {
  const module = (index: number): bigint => first + BigInt(index) * 0x1_0000n + 0x2040n;
  const node = (index: number): bigint => (index < 0 || index >= planted.length ? at : module(index) + listAt);
  kernel.write(at, node(0)).write(at + 8n, node(planted.length - 1));
  planted.forEach(({ name = `mod_${index(first)}`, start, size = 0x4000n, back }, position) => {
    const own = module(position);
    kernel.room(own & ~0xffffn, 0x4000).text(own + 24n, name);
    kernel.write(own + listAt, node(position + 1)).write(own + listAt + 8n, back ?? node(position - 1));
    kernel.write(own + 80n, start ?? own & ~0xffffn).write(own + 88n, size, 4);
  });
}

const index = (address: bigint): string => ((address - area) >> 20n).toString();

function kernelWith(lists: readonly (readonly [at: bigint, first: bigint, planted: readonly Planted[]])[]): PlainKernel {
  const kernel = new PlainKernel({ architecture: 'x86-64', base, vmcoreinfo: [`SYMBOL(init_uts_ns)=${(data + 0x6_0000n).toString(16)}`] });
  kernel.struct('list_head', 16, { next: [0, 8], prev: [8, 8] });
  kernel.struct('module_layout', 16, { base: [0, 8], size: [8, 4] });
  kernel.struct('module', 128, {
    state: [0, 4],
    list: [8, 'list_head'],
    name: [24, 1, 56],
    core_layout: [80, 'module_layout'],
    init_layout: [96, 'module_layout'],
  });
  kernel.room(data, 0x8_0000);
  for (const [at, first, planted] of lists) plant(kernel, at, first, planted);
  return kernel;
}

const real = [head, area, [{ name: 'loop' }, { name: 'zram' }, { name: '8139cp' }]] as const;
const names = (kernel: PlainKernel): string[] => modules(kernel.open()).map(({ name }) => name);

test('the list of modules, behind lists that look like it', () => {
  const decoys: readonly (readonly Planted[])[] = [
    [{ start: area, size: 0x1000n }],
    [{ start: area + 0x10_2008n }],
    [{ size: 0n }],
    [{ name: '' }],
    [{ name: 'two words' }],
    [{ back: data }],
    [{}, { name: 'a/b' }],
    [{ start: 0x1000n, size: 0xffff_f000n }],
  ];
  const lists = decoys.map((planted, position) => {
    const at = BigInt(position + 1);
    return [data + at * 0x40n, area + at * 0x10_0000n, planted] as const;
  });
  assert.deepEqual(names(kernelWith([...lists, real])), ['loop', 'zram', '8139cp']);
  assert.deepEqual(names(kernelWith(lists)), []);
});

test('pointers that lead nowhere and to themselves are passed over', () => {
  const kernel = kernelWith([real])
    .write(data, data)
    .write(data + 8n, data);
  kernel.write(data + 0x20n, 0xdead_0000_0000_0100n).write(data + 0x28n, 0xdead_0000_0000_0122n);
  assert.deepEqual(names(kernel), ['loop', 'zram', '8139cp']);
});

test('the head may lie across two pieces of what is read', () => {
  // Pieces are of 1 MiB from 32 MiB below init_uts_ns on, cut to a page.
  const border = ((data + 0x6_0000n - 0x200_0000n) & ~0xfffn) + 0x200_0000n;
  const kernel = kernelWith([]).room(border - 0x1000n, 0x2000);
  plant(kernel, border - 8n, area, [{ name: 'loop' }]);
  assert.deepEqual(names(kernel), ['loop']);
});

test('a symbol is believed, and where data has names without it nothing is searched', () => {
  const other = data + 0x5_0000n;
  assert.deepEqual(names(kernelWith([real, [other, area + 0x10_0000n, [{ name: 'named' }]]]).symbol('modules', other)), ['named']);
  assert.deepEqual(names(kernelWith([real]).symbol('init_uts_ns', data + 0x6_0000n)), []);
});
