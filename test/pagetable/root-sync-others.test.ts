/** Copies of init_mm's entries on arm, riscv and arc, on tables built by hand from the manuals' layout; and where there are none. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { arc } from '../../debug-adapter/arch/arc.ts';
import { arm64Mode, currentMemoryTypes } from '../../debug-adapter/arch/arm64.ts';
import { armLpae, armShort } from '../../debug-adapter/arch/arm.ts';
import { riscvMode } from '../../debug-adapter/arch/riscv.ts';
import { s390Mode } from '../../debug-adapter/arch/s390.ts';
import { x86TwoLevel } from '../../debug-adapter/arch/x86-32.ts';
import { SmallKernel } from '../builders/small-kernel.ts';
import type { SmallKernelOptions } from '../builders/small-kernel.ts';
import { report, short, threeRoots } from '../builders/three-roots.ts';

describe('arm, short descriptors: 4096 entries of 1 MiB, the kernel from the modules on', () => {
  const options: SmallKernelOptions = {
    architecture: 'arm',
    mode: armShort({ pageOffset: 0xc000_0000n }),
    pageOffset: 0xc000_0000n,
    functions: ['do_translation_fault'],
    vmcoreinfo: ['NUMBER(VMALLOC_START)=-931135488'],
  };
  // A module's table, sections of the direct map, vmalloc (from 0xc8800000 on), the vectors.
  const entries = [
    [0xbf0, 0x70_0811n],
    [0xc00, 0x1040_e41en],
    [0xc01, 0x1050_e41en],
    [0xc90, 0x70_1811n],
    [0xc91, 0x70_1c11n],
    [0xfff, 0x70_2811n],
  ] as const;
  const build = (): ReturnType<typeof threeRoots> => threeRoots(options, { rootSize: 16_384, entrySize: 4, entries });

  test('what is missing heals, modules too; below them lies user memory', () => {
    const { kernel, a, b } = build();
    kernel.entry(a, 0xbef, 0x79_0811n, 4);
    kernel.entry(a, 0xc90, 0n, 4);
    kernel.entry(a, 0xc91, 0n, 4);
    kernel.entry(b, 0xbf0, 0n, 4);
    assert.deepEqual(short(report(kernel)), [
      'missing 0xc9000000-0xc9200000 pgd heals: pid 1 (a)',
      'missing 0xbf000000-0xbf100000 pgd heals: pid 2 (b)',
    ]);
  });

  test('a section that ioremap took away goes with the next switch, if vmalloc_seq is behind', () => {
    const { kernel, a, mmA } = build();
    kernel.entry(a, 0xd00, 0x2000_0452n, 4);
    kernel.member(kernel.initMm, 'mm_struct', 'vmalloc_seq', 5n);
    for (const [sequence, heals] of [
      [4n, ' heals'],
      [5n, ''],
    ] as const) {
      kernel.member(mmA, 'mm_struct', 'vmalloc_seq', sequence);
      assert.deepEqual(short(report(kernel)), [`stale 0xd0000000-0xd0100000 pgd${heals}: pid 1 (a)`]);
    }
    kernel.entry(a, 0xd00, 0n, 4);
    kernel.entry(a, 0xc00, 0x2000_e41en, 4);
    kernel.member(mmA, 'mm_struct', 'vmalloc_seq', 4n);
    assert.deepEqual(short(report(kernel)), ['different 0xc0000000-0xc0100000 pgd: pid 1 (a)']);
  });

  test('a part of a root that is missing from the dump is told, the rest compared', () => {
    const { kernel, a } = build();
    kernel.entry(a, 0xbf0, 0n, 4);
    kernel.ram.remove(a + 0xc00 * 4);
    const found = report(kernel);
    assert.deepEqual(short(found), ['missing 0xbf000000-0xbf100000 pgd heals: pid 1 (a)']);
    assert.match(found.warnings.join(), /pid 1 \(a\): the pgd table at .* cannot be compared: a part of it is missing from the dump/);
  });
});

test("arm, LPAE: the table that serves user memory and modules is each process's own, and compared from the modules on", () => {
  const kernel = new SmallKernel({
    architecture: 'arm',
    mode: armLpae({ pageOffset: 0xc000_0000n }),
    pageOffset: 0xc000_0000n,
    functions: ['do_translation_fault'],
  });
  const shared = kernel.table();
  const roots = [0, 1, 2].map(() => kernel.table(32));
  const pmds = roots.map((root, pid) => {
    const pmd = kernel.table();
    kernel.entry(root, 3, BigInt(shared) | 3n, 8);
    kernel.entry(root, 2, BigInt(pmd) | 3n, 8);
    kernel.entry(pmd, 504, 0x70_0003n, 8);
    kernel.entry(pmd, 100 + pid, 0x70_1003n, 8);
    if (pid === 0) kernel.initRoot(root);
    else kernel.task(pid, 'p', kernel.mm(root));
    return pmd;
  });
  assert.deepEqual(short(report(kernel)), []);
  kernel.entry(pmds[1] ?? 0, 504, 0n, 8);
  kernel.entry(pmds[2] ?? 0, 505, 0x70_2003n, 8);
  assert.deepEqual(short(report(kernel)), [
    'missing 0xbf000000-0xbf200000 pmd heals: pid 1 (p)',
    'stale 0xbf200000-0xbf400000 pmd: pid 2 (p)',
  ]);
  // Without a table at all a process lacks the modules, not the user memory below them.
  kernel.entry(roots[1] ?? 0, 2, 0n, 8);
  assert.deepEqual(short(report(kernel)).slice(0, 1), ['missing 0xbf000000-0xc0000000 pgd heals: pid 1 (p)']);
  // Where init_mm has none, only what lies from the modules on is too much.
  kernel.entry(roots[0] ?? 0, 2, 0n, 8);
  assert.deepEqual(short(report(kernel)), ['stale 0xbf000000-0xbf400000 pmd: pid 2 (p)']);
});

describe("riscv, Sv39: the top level's upper half", () => {
  const number = (address: bigint): bigint => BigInt.asIntN(64, address);
  const options: SmallKernelOptions = {
    architecture: 'riscv64',
    mode: riscvMode({ virtualBits: 39, thead: false }),
    pageOffset: 0xffff_ffd6_0000_0000n,
    functions: ['do_page_fault'],
    vmcoreinfo: [`NUMBER(VMALLOC_START)=${number(0xffff_ffc6_0000_0000n)}`, `NUMBER(VMALLOC_END)=${number(0xffff_ffd5_ffff_ffffn)}`],
  };
  const pointer = (index: number): bigint => (BigInt(0x700 + index) << 10n) | 1n;
  const some = [280, 281, 344, 511].map((index) => [index, pointer(index)] as const);
  const build = (entries: typeof some, more: Partial<SmallKernelOptions> = {}): ReturnType<typeof threeRoots> =>
    threeRoots({ ...options, ...more }, { rootSize: 4096, entrySize: 8, entries });

  test('kernels that synchronise by faults heal vmalloc', () => {
    const { kernel, a, b } = build(some);
    kernel.entry(a, 10, pointer(10), 8);
    kernel.entry(a, 281, 0n, 8);
    kernel.entry(a, 344, 0n, 8);
    kernel.entry(b, 280, pointer(9), 8);
    assert.deepEqual(short(report(kernel)), [
      'missing 0xffffffc640000000-0xffffffc680000000 pgd heals: pid 1 (a)',
      'missing 0xffffffd600000000-0xffffffd640000000 pgd: pid 1 (a)',
      'different 0xffffffc600000000-0xffffffc640000000 pgd: pid 2 (b)',
    ]);
  });

  test('kernels that fill the top level beforehand do not: told by a symbol, or by entries that are all there', () => {
    const all = Array.from({ length: 64 }, (_, index) => [280 + index, pointer(280 + index)] as const);
    for (const { kernel, a } of [build(some, { functions: ['new_vmalloc'] }), build(all)]) {
      kernel.entry(a, 281, 0n, 8);
      const found = report(kernel);
      assert.deepEqual(short(found), ['missing 0xffffffc640000000-0xffffffc680000000 pgd: pid 1 (a)']);
      assert.match(found.differences[0]?.message ?? '', /fills init_mm's top-level entries before any process is made/);
    }
  });
});

test('arc: the translated kernel addresses, which a fault copies', () => {
  const options: SmallKernelOptions = {
    architecture: 'arc',
    mode: arc({ pageShift: 13 }),
    pageOffset: 0x8000_0000n,
    functions: ['handle_kernel_vaddr_fault'],
  };
  const { kernel, a } = threeRoots(options, { rootSize: 8192, entrySize: 4, entries: [[0x380, 0x70_0000n]] });
  assert.deepEqual(short(report(kernel)), []);
  kernel.entry(a, 0x380, 0n, 4);
  assert.deepEqual(short(report(kernel)), ['missing 0x70000000-0x70200000 pgd heals: pid 1 (a)']);
});

describe('where there is nothing to compare', () => {
  test('arm64 and s390 keep the kernel in a root of its own', () => {
    const modes = [
      [
        'arm64',
        arm64Mode({ pageShift: 12, virtualBits: 48, wideAddresses: 'none', memoryTypes: currentMemoryTypes, protNoneBit: () => 11 }),
      ],
      ['s390x', s390Mode(2)],
    ] as const;
    for (const [architecture, mode] of modes) {
      const { kernel, a } = threeRoots(
        { architecture, mode, pageOffset: architecture === 's390x' ? 0n : 0xffff_0000_0000_0000n },
        { rootSize: 4096, entrySize: 8, entries: [] },
      );
      kernel.entry(a, 300, 0x70_0003n, 8);
      const found = report(kernel);
      assert.deepEqual([found.applies, short(found), found.roots.length], [false, [], 3]);
      assert.match(found.reason, architecture === 'arm64' ? /the kernel's own root/ : /an address space of its own/);
    }
  });

  test('init_mm alone', () => {
    const kernel = new SmallKernel({ architecture: 'x86-32', mode: x86TwoLevel({ pageOffset: 0xc000_0000n }), pageOffset: 0xc000_0000n });
    kernel.initRoot(kernel.table());
    const found = report(kernel);
    assert.deepEqual([found.applies, found.reason], [false, "no root but init_mm's was found to compare it with"]);
  });
});
