/**
 * Copies of init_mm's entries on x86, on tables built by hand from the manual's layout: what the kernel copies, what a fault
 * heals, what a process has for itself, and what damage does.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { x86Pae, x86TwoLevel } from '../../debug-adapter/arch/x86-32.ts';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { formatAddress } from '../../debug-adapter/base/address.ts';
import { Cancelled } from '../../debug-adapter/base/errors.ts';
import type { CpuState } from '../../debug-adapter/image/image.ts';
import { rootSync } from '../../debug-adapter/kernel/findings/root-sync.ts';
import { SmallKernel } from '../builders/small-kernel.ts';
import type { SmallKernelOptions } from '../builders/small-kernel.ts';
import { report, short, threeRoots } from '../builders/three-roots.ts';
import { fc } from '../support/properties.ts';

describe('x86, 2 levels: 1024 entries of 4 MiB, the kernel from 768 on', () => {
  const options: SmallKernelOptions = {
    architecture: 'x86-32',
    mode: x86TwoLevel({ pageOffset: 0xc000_0000n }),
    pageOffset: 0xc000_0000n,
    functions: ['vmalloc_fault', 'vmalloc_sync_one'],
    vmcoreinfo: ['NUMBER(VMALLOC_START)=-939524096'],
  };
  // The direct map's 4 MiB pages, and tables of vmalloc (from 0xc8000000, entry 800, on).
  const entries = [
    [0, 0x0070_0067n],
    [768, 0x0000_01e3n],
    [769, 0x0040_01e3n],
    [800, 0x0071_0063n],
    [801, 0x0071_1063n],
    [802, 0x0071_2063n],
  ] as const;
  const build = (more: Partial<SmallKernelOptions> = {}): ReturnType<typeof threeRoots> =>
    threeRoots({ ...options, ...more }, { rootSize: 4096, entrySize: 4, entries });

  test('equal roots, whatever the user part, accessed and dirty bits say', () => {
    const { kernel, a, b } = build();
    kernel.entry(a, 0, 0x0079_9067n, 4);
    kernel.entry(b, 5, 0x0079_a067n, 4);
    kernel.entry(a, 768, 0x0000_0183n, 4);
    kernel.entry(b, 800, 0x0071_0003n, 4);
    const found = report(kernel);
    assert.deepEqual([short(found), found.warnings, found.applies], [[], [], true]);
    assert.match(found.reason, /^the kernel's pgd entries of 2 roots were compared with those of init_mm's root at 0x400000$/);
  });

  test('missing, stale and different; neighbours are one range; a fault heals only what vmalloc lacks', () => {
    const { kernel, a, b } = build();
    for (const index of [800, 801]) kernel.entry(a, index, 0n, 4);
    kernel.entry(a, 803, 0x0071_3063n, 4);
    kernel.entry(b, 802, 0x0071_9063n, 4);
    kernel.entry(b, 769, 0n, 4);
    const found = report(kernel);
    assert.deepEqual(short(found), [
      'missing 0xc8000000-0xc8800000 pgd heals: pid 1 (a)',
      'stale 0xc8c00000-0xc9000000 pgd: pid 1 (a)',
      'missing 0xc0400000-0xc0800000 pgd: pid 2 (b)',
      'different 0xc8800000-0xc8c00000 pgd: pid 2 (b)',
    ]);
    const [first, , , last] = found.differences;
    assert.deepEqual([first?.count, first?.entryAddress, first?.entry, first?.referenceEntry], [2, a + 800 * 4, 0n, 0x0071_0063n]);
    assert.deepEqual([last?.entry, last?.referenceEntry], [0x0071_9063n, 0x0071_2063n]);
    assert.match(last?.message ?? '', /points to the table at 0x719000, init_mm's points to the table at 0x712000; .* stops at a BUG/);
  });

  test('a leaf is not the table at the same place, and other rights are a difference', () => {
    const { kernel, a, b } = build();
    kernel.entry(a, 800, 0x0040_01e3n, 4);
    kernel.entry(b, 769, 0x0040_01e7n, 4);
    const found = report(kernel);
    assert.deepEqual(short(found), ['different 0xc8000000-0xc8400000 pgd: pid 1 (a)', 'different 0xc0400000-0xc0800000 pgd: pid 2 (b)']);
    assert.match(found.differences[0]?.message ?? '', /it maps 4096 KiB at 0x400000, init_mm's points to the table at 0x710000/);
    assert.match(found.differences[1]?.message ?? '', /it allows access from user mode, which init_mm's does not/);
  });

  test('a kernel without vmalloc_fault heals nothing', () => {
    const { kernel, a } = build({ functions: [] });
    kernel.entry(a, 800, 0n, 4);
    assert.deepEqual(short(report(kernel)), ['missing 0xc8000000-0xc8400000 pgd: pid 1 (a)']);
  });

  test('roots are told once with all owners: threads by their leader, borrowers and pgd_list only where nobody owns them', () => {
    const { kernel, a, b, mmA, mmB } = build();
    kernel.task(7, 'thread', mmA, { tgid: 1 });
    kernel.task(8, 'vfork', mmB);
    kernel.task(9, 'kthread', undefined, { activeMm: mmA });
    const orphan = kernel.table();
    const mm = kernel.mm(orphan);
    kernel.task(10, 'lazy', undefined, { activeMm: mm });
    const listed = kernel.table();
    const listedMm = kernel.mm(listed);
    for (const [root, of] of [
      [a, mmA],
      [b, mmB],
      [orphan, mm],
      [listed, listedMm],
    ] as const) {
      kernel.onPgdList(root, of);
    }
    const owners = report(kernel).roots.map((one) => [one.root, one.owners]);
    assert.deepEqual(owners, [
      [0x40_0000, ['init_mm']],
      [a, ['pid 1 (a)']],
      [b, ['pid 2 (b)', 'pid 8 (vfork)']],
      [orphan, [`mm at ${formatAddress(kernel.virtual(mm))}, borrowed by pid 10 (lazy)`]],
      [listed, [`mm at ${formatAddress(kernel.virtual(listedMm))} (on pgd_list)`]],
    ]);
  });

  test('damaged lists and roots end with a warning; the rest is compared', () => {
    const { kernel, a, b, mmA } = build();
    kernel.entry(b, 800, 0n, 4);
    const node = kernel.onPgdList(a, mmA);
    kernel.word(node, kernel.virtual(node));
    kernel.ram.remove(a);
    const found = report(kernel);
    assert.deepEqual(short(found), ['missing 0xc8000000-0xc8400000 pgd heals: pid 2 (b)']);
    assert.equal(found.warnings.length, 2);
    assert.match(found.warnings[0] ?? '', /^pgd_list: the list at .* loops back to /);
    assert.match(found.warnings[1] ?? '', /^pid 1 \(a\): the pgd table at .* cannot be compared: no RAM in this test$/);
    kernel.word(node, 0x1234n);
    assert.ok(report(kernel).warnings.some((warning) => /^pgd_list: .* ends at 0x1234/.test(warning)));
    kernel.member(mmA, 'mm_struct', 'pgd', 0x1000n);
    assert.ok(report(kernel).warnings.some((warning) => warning.startsWith('pid 1 (a): cannot read 0x1000: ')));
  });

  test('a list that tells another root than the mm does is told', () => {
    const { kernel, b, mmA } = build();
    kernel.onPgdList(b, mmA);
    assert.match(report(kernel).warnings.join('\n'), /pgd_list: it has 0x402000 as the root of the mm at .*, whose pgd is at 0x401000/);
  });

  test('registers name roots; one of no address space is told and not compared', () => {
    const control = (value: number): CpuState[] => [{ index: 0, pid: 0, registers: [], control: [{ name: 'cr3', value: BigInt(value) }] }];
    const known = report(build({ cpus: control(0x40_1000) }).kernel);
    assert.deepEqual(known.roots[1]?.owners, ['pid 1 (a)', 'CR3 of CPU 0']);
    const unknown = build({ cpus: control(0x40_3000) });
    unknown.kernel.table();
    const found = report(unknown.kernel);
    assert.deepEqual(short(found), []);
    assert.match(found.warnings.join(), /the root at 0x403000 \(CR3 of CPU 0\) belongs to no address space that was found/);
  });

  test('without types there is nothing to compare, and it says why; a fired token cancels', () => {
    const found = report(build({ withoutTypes: true }).kernel);
    assert.equal(found.applies, false);
    assert.match(found.reason, /without type information/);
    assert.throws(() => rootSync(build().kernel.open(), { cancelled: true }), Cancelled);
  });
});

describe('x86, PAE: 4 entries of 1 GiB over 512 of 2 MiB, the kernel in the last', () => {
  const options: SmallKernelOptions = {
    architecture: 'x86-32',
    mode: x86Pae({ pageOffset: 0xc000_0000n }),
    pageOffset: 0xc000_0000n,
    functions: ['vmalloc_fault', 'pkmap_page_table'],
    vmcoreinfo: ['NUMBER(VMALLOC_START)=-939524096'],
  };
  const kernelEntries = [
    [0, 0x1e3n],
    [64, 0x70_0063n],
    [65, 0x70_1063n],
    [508, 0x70_2063n],
    [509, 0x70_3063n],
  ] as const;

  test('shared kernel PMDs in roots of 32 bytes: nothing to compare, until one root has another table', () => {
    const kernel = new SmallKernel(options);
    const pmd = kernel.table();
    const other = kernel.table();
    const init = kernel.table();
    kernel.entry(init, 3, BigInt(pmd) | 1n, 8);
    kernel.initRoot(init);
    const roots = [1, 2, 3].map((pid) => {
      const root = kernel.table(32);
      kernel.entry(root, 0, BigInt(kernel.table()) | 1n, 8);
      kernel.entry(root, 3, BigInt(pmd) | 0x21n, 8);
      kernel.task(pid, 'p', kernel.mm(root));
      return root;
    });
    const found = report(kernel);
    assert.deepEqual([found.applies, short(found)], [false, []]);
    assert.match(found.reason, /all 3 roots point to init_mm's own kernel tables below the pgd \(shared kernel PMDs\)/);
    kernel.entry(roots[1] ?? 0, 3, BigInt(other) | 1n, 8);
    assert.deepEqual(short(report(kernel)), ['different 0xc0000000-0x100000000 pgd: pid 2 (p)']);
  });

  /** With page-table isolation: roots of two pages, and PMD tables of their own in both halves. */
  function isolated(): { kernel: SmallKernel; pmds: number[]; userPmds: number[]; mms: number[] } {
    const kernel = new SmallKernel({ ...options, pti: true });
    const idt = kernel.variable('idt_descr', 8);
    kernel.ram.write(idt + 2, 0xffa0_0000n, 4);
    const pmds: number[] = [];
    const userPmds: number[] = [];
    const mms: number[] = [];
    for (let one = 0; one < 3; one++) {
      const root = kernel.table(8192);
      const pmd = kernel.table();
      const userPmd = kernel.table();
      for (const [index, entry] of kernelEntries) kernel.entry(pmd, index, entry, 8);
      kernel.entry(userPmd, 509, 0x70_3063n, 8);
      kernel.entry(root, 3, BigInt(pmd) | 1n, 8);
      kernel.entry(root + 4096, 3, BigInt(userPmd) | 1n, 8);
      pmds.push(pmd);
      userPmds.push(userPmd);
      if (one === 0) kernel.initRoot(root);
      else {
        const mm = kernel.mm(root);
        mms.push(mm);
        kernel.task(one, 'p', mm);
        kernel.onPgdList(root, mm);
      }
    }
    return { kernel, pmds, userPmds, mms };
  }

  test('own kernel PMDs: compared at the pmd level, each half with its own', () => {
    const { kernel, pmds, userPmds } = isolated();
    const inStep = report(kernel);
    assert.deepEqual([inStep.applies, short(inStep), inStep.warnings], [true, [], []]);
    assert.match(inStep.reason, /the kernel's pmd entries of 2 roots/);
    kernel.entry(pmds[1] ?? 0, 64, 0n, 8);
    kernel.entry(pmds[2] ?? 0, 66, 0x70_9063n, 8);
    kernel.entry(userPmds[2] ?? 0, 509, 0n, 8);
    kernel.entry(userPmds[1] ?? 0, 64, 0x70_0063n, 8);
    assert.deepEqual(short(report(kernel)), [
      'missing 0xc8000000-0xc8200000 pmd heals: pid 1 (p)',
      'stale 0xc8400000-0xc8600000 pmd: pid 2 (p)',
      'stale 0xc8000000-0xc8200000 pmd: pid 1 (p), user half',
      'missing 0xffa00000-0xffc00000 pmd: pid 2 (p), user half',
    ]);
  });

  test("a process's LDT below the CPU entry area is its own, if it has one", () => {
    const { kernel, pmds, userPmds, mms } = isolated();
    for (const table of [pmds[1], userPmds[1]]) kernel.entry(table ?? 0, 508, 0x70_2063n, 8);
    kernel.entry(pmds[0] ?? 0, 508, 0n, 8);
    kernel.entry(pmds[2] ?? 0, 508, 0n, 8);
    assert.deepEqual(short(report(kernel)), [
      'stale 0xff800000-0xffa00000 pmd: pid 1 (p)',
      'stale 0xff800000-0xffa00000 pmd: pid 1 (p), user half',
    ]);
    kernel.member(mms[0] ?? 0, 'mm_struct', 'ldt', kernel.virtual(0x40));
    const found = report(kernel);
    assert.deepEqual(short(found), []);
    assert.deepEqual(
      found.privateRanges.map(({ start, owners, reason }) => [start, owners, reason]),
      [
        [0xff80_0000n, ['pid 1 (p)'], "the process's own LDT is mapped there"],
        [0xff80_0000n, ['pid 1 (p), user half'], "the process's own LDT is mapped there"],
      ],
    );
  });
});

for (const levels of [4, 5] as const) {
  describe(`x86-64, ${levels} levels: the top level's upper half`, () => {
    const options: SmallKernelOptions = {
      architecture: 'x86-64',
      mode: x8664Mode({ levels, encryptionMask: 0n }),
      pageOffset: levels === 4 ? 0xffff_8880_0000_0000n : 0xff11_0000_0000_0000n,
      pti: true,
      vmcoreinfo: [`NUMBER(VMALLOC_START)=${BigInt.asIntN(64, levels === 4 ? 0xffff_c900_0000_0000n : 0xffa0_0000_0000_0000n)}`],
    };
    const shift = levels === 4 ? 39n : 48n;
    const at = (index: number): string => formatAddress(BigInt.asUintN(64, BigInt.asIntN(levels === 4 ? 48 : 57, BigInt(index) << shift)));
    const vmalloc = levels === 4 ? 402 : 416;
    const kernelIndexes = [273, vmalloc, vmalloc + 1, 468, 508, 510, 511];
    const entries = kernelIndexes.map((index) => [index, BigInt(0x70_0000 + index * 4096) | 0x63n] as const);
    const user = [...entries, ...[508, 511].map((index) => [512 + index, BigInt(0x90_0000 + index * 4096) | 0x67n] as const)];
    const build = (more: Partial<SmallKernelOptions> = {}): ReturnType<typeof threeRoots> =>
      threeRoots({ ...options, ...more }, { rootSize: 8192, entrySize: 8, entries: user });

    test('in step, with NX on user entries of the kernel half', () => {
      const { kernel, a } = build();
      kernel.entry(a, 3, (1n << 63n) | 0x99_9067n, 8);
      kernel.entry(a, 512 + 3, 0x99_9067n, 8);
      kernel.entry(a, 508, (0x70_0000n + 508n * 4096n) | 3n, 8);
      const found = report(kernel);
      assert.deepEqual([found.applies, short(found), found.warnings], [true, [], []]);
      assert.deepEqual(found.roots.at(-1)?.owners, ['pid 2 (b), user half']);
    });

    test('missing, stale, different, and user halves; faults heal vmalloc only where vmalloc_fault is', () => {
      for (const functions of [[], ['vmalloc_fault']]) {
        const { kernel, a, b } = build({ functions });
        kernel.entry(a, vmalloc, 0n, 8);
        kernel.entry(a, vmalloc + 1, 0n, 8);
        kernel.entry(a, 273, 0n, 8);
        kernel.entry(b, 300, 0x99_0063n, 8);
        kernel.entry(b, 511, 0x99_1063n, 8);
        kernel.entry(b, 512 + 511, 0n, 8);
        assert.deepEqual(short(report(kernel)), [
          `missing ${at(273)}-${at(274)} pgd: pid 1 (a)`,
          `missing ${at(vmalloc)}-${at(vmalloc + 2)} pgd${functions.length > 0 ? ' heals' : ''}: pid 1 (a)`,
          `stale ${at(300)}-${at(301)} pgd: pid 2 (b)`,
          `different ${at(511)}-0x10000000000000000 pgd: pid 2 (b)`,
          `missing ${at(511)}-0x10000000000000000 pgd: pid 2 (b), user half`,
        ]);
      }
    });

    test("a process's LDT has a top-level entry of its own, with page-table isolation only", () => {
      for (const pti of [true, false]) {
        const { kernel, a, mmA } = build({ pti });
        kernel.member(mmA, 'mm_struct', 'ldt', kernel.virtual(0x40));
        kernel.entry(a, 272, 0x99_0063n, 8);
        const found = report(kernel);
        assert.deepEqual(short(found), pti ? [] : [`stale ${at(272)}-${at(273)} pgd: pid 1 (a)`]);
        assert.equal(found.privateRanges.length, pti ? 1 : 0);
      }
    });

    test('the LDT lay elsewhere while the CPU entry area lay one entry higher', () => {
      const { kernel, init, a, b, mmA } = build();
      const idt = kernel.variable('idt_descr', 16);
      kernel.ram.write(idt + 2, 0xffff_fe80_0000_0000n, 8);
      kernel.member(mmA, 'mm_struct', 'ldt', kernel.virtual(0x40));
      const former = levels === 4 ? 508 : 400;
      for (const root of [init, a, b]) {
        for (const half of [0, 512]) kernel.entry(root, half + former, root === a ? 0x99_1063n : 0n, 8);
      }
      kernel.entry(a, 272, 0x99_0063n, 8);
      const found = report(kernel);
      assert.deepEqual(short(found), [`stale ${at(272)}-${at(273)} pgd: pid 1 (a)`]);
      assert.deepEqual(
        found.privateRanges.map(({ start }) => formatAddress(start)),
        [at(former), at(former)],
      );
    });

    test('any change of any entry is found as what it is', () => {
      const present = new Set(kernelIndexes);
      const change = fc.constantFrom('clear', 'move', 'set', 'accessed', 'dirty');
      const changes = fc.dictionary(fc.integer({ min: 256, max: 511 }).map(String), change, { maxKeys: 12 });
      fc.assert(
        fc.property(changes, (wanted) => {
          const { kernel, a } = build({ pti: false });
          const expected: string[] = [];
          for (let index = 256; index < 512; index++) {
            const what = wanted[String(index)];
            const had = present.has(index);
            const old = had ? BigInt(0x70_0000 + index * 4096) | 0x63n : 0n;
            const value = { clear: 0n, move: 0xa0_0063n, set: had ? old : 0xa0_1063n, accessed: old & ~0x20n, dirty: old & ~0x40n }[
              what ?? 'accessed'
            ];
            if (what !== undefined) kernel.entry(a, index, value, 8);
            const kind =
              what === 'clear' && had
                ? 'missing'
                : what === 'move'
                  ? had
                    ? 'different'
                    : 'stale'
                  : what === 'set' && !had
                    ? 'stale'
                    : undefined;
            if (kind !== undefined) expected.push(`${index} ${kind}`);
          }
          const found = report(kernel).differences.flatMap((one) =>
            Array.from({ length: one.count }, (_, index) => `${Number((one.start >> shift) & 511n) + index} ${one.kind}`),
          );
          assert.deepEqual(found, expected);
        }),
      );
    });
  });
}
