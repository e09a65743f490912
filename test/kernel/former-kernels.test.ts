/** What kernels of other configurations and releases have elsewhere: swap entries before 6.3, NUMA and arm's vectors without symbols of data. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { armLpae, armShort } from '../../debug-adapter/arch/arm.ts';
import { arm64Mode, currentMemoryTypes } from '../../debug-adapter/arch/arm64.ts';
import type { PagingMode } from '../../debug-adapter/arch/paging-mode.ts';
import { riscvMode } from '../../debug-adapter/arch/riscv.ts';
import { toAddress } from '../../debug-adapter/base/address.ts';
import { layoutArm64 } from '../../debug-adapter/kernel/layout/layout-arm64.ts';
import { layoutArm } from '../../debug-adapter/kernel/layout/layout-arm.ts';
import { regionOfKind } from '../../debug-adapter/kernel/layout/layout.ts';
import { nodeOfPage, singleNode } from '../../debug-adapter/kernel/pages/numa.ts';
import { entryBits } from '../../debug-adapter/kernel/pagemap/pagemap-bits.ts';
import { gateVma } from '../../debug-adapter/kernel/processes/vma-name.ts';
import { mapsLine } from '../../debug-adapter/kernel/processes/vma-maps.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';
import { SmallKernel } from '../builders/small-kernel.ts';

const base = 0xffff_8000_0800_0000n;

test('swap entries of arm and riscv lie a bit lower before they had a mark for exclusive pages', () => {
  const riscv = riscvMode({ virtualBits: 48, thead: false });
  const short = armShort({ pageOffset: 0xc000_0000n });
  const lpae = armLpae({ pageOffset: 0xc000_0000n });
  const cases: readonly (readonly ['arm' | 'riscv64', PagingMode, boolean, bigint])[] = [
    ['arm', short, false, (3n << 2n) | (0x12_3456n << 8n)],
    ['arm', short, true, (3n << 2n) | (0x12_3456n << 7n)],
    ['arm', lpae, true, (3n << 2n) | (0x12_3456n << 7n)],
    ['riscv64', riscv, false, (3n << 7n) | (0x1_2345_6789n << 12n)],
    ['riscv64', riscv, true, (3n << 6n) | (0x1_2345_6789n << 11n)],
  ];
  for (const [architecture, mode, former, entry] of cases) {
    const bits = entryBits(architecture, mode, former);
    const halves = [Number(entry & 0xffff_ffffn) | 0, Number(entry >> 32n) | 0] as const;
    assert.equal(bits.swapType(1, ...halves), 3);
    assert.equal(bits.swapOffset(1, ...halves), architecture === 'arm' ? 0x12_3456 : 0x1_2345_6789);
  }
  // As Debian's 6.1 for armhf showed it: offset 0x102 in /proc/PID/pagemap.
  assert.equal(entryBits('arm', short, true).swapOffset(1, 0x102 << 7, 0), 0x102);
});

test('pages of arm with LPAE can be special, those of short descriptors cannot', () => {
  const lpae = entryBits('arm', armLpae({ pageOffset: 0xc000_0000n }));
  assert.ok(lpae.hasSpecial);
  // The zero page in a process of Debian's 6.1 for armhf.
  assert.ok(lpae.special(2, 0x5aff_1bdf, 0x0560_0000));
  assert.ok(!entryBits('arm', armShort({ pageOffset: 0xc000_0000n })).hasSpecial);
});

test('kernels with NUMA whose kallsyms has functions alone: the only node is that of all pages', () => {
  const lines = [`SYMBOL(node_online_map)=${base.toString(16)}`, 'SIZE(nodemask_t)=8'];
  const page = toAddress(base + 0x100n);
  const open = (map: bigint, more: readonly string[] = []): ReturnType<PlainKernel['open']> =>
    new PlainKernel({ architecture: 'arm64', base, vmcoreinfo: [...lines, ...more] })
      .struct('page', 64, { flags: [0, 8] })
      .room(base, 4096)
      .write(base, map)
      .open();
  assert.equal(singleNode(open(1n)), 0);
  assert.equal(nodeOfPage(open(1n), page), 0);
  // Which of two it is, nothing tells; and a kernel with one node for all has no nodes.
  assert.equal(nodeOfPage(open(3n), page), undefined);
  const flat = open(1n, ['SYMBOL(contig_page_data)=ffff800008000800']);
  assert.equal(singleNode(flat), undefined);
  assert.equal(nodeOfPage(flat, page), undefined);
});

test("arm's vectors are an area of every process, also where its variable has no name", () => {
  const kernel = new PlainKernel({ architecture: 'arm', base }).symbol('get_gate_vma', base).open();
  const gate = gateVma(kernel, toAddress(base));
  assert.ok(gate !== undefined);
  assert.equal(
    mapsLine({ vma: gate.vma, name: gate.label, file: undefined, offset: 0n }, 4),
    'ffff0000-ffff1000 r-xp 00000000 00:00 0          [vectors]\n',
  );
  const without = new PlainKernel({ architecture: 'arm', base }).symbol('schedule', base).open();
  assert.equal(gateVma(without, toAddress(base)), undefined);
});

test("arm's vectors are a region of the kernel where they are mapped", () => {
  const pageOffset = 0xc000_0000n;
  const kernel = new SmallKernel({
    architecture: 'arm',
    mode: armShort({ pageOffset }),
    pageOffset,
    vmcoreinfo: ['SYMBOL(_stext)=c0400000'],
  });
  const [root, table] = [kernel.table(0x4000), kernel.table(0x1000)];
  kernel.initRoot(root);
  kernel.entry(root, 0xfff, BigInt(table) | 1n, 4);
  kernel.entry(table, 0xf0, 0x5aff_4000n | 0x67en, 4);
  const vectors = layoutArm(kernel.open()).regions.filter(({ kind }) => kind === 'vectors');
  assert.deepEqual(
    vectors.map(({ start, end, name }) => [start, end, name]),
    [[0xffff_0000n, 0xffff_1000n, 'the exception vectors and the helpers for user mode, which every process has as [vectors]']],
  );
});

describe('arm64 before VMCOREINFO told of modules and vmalloc', () => {
  const regions = (text: bigint, offset: bigint): string[] => {
    const kernel = new PlainKernel({
      architecture: 'arm64',
      base,
      vmcoreinfo: ['NUMBER(VA_BITS)=48', `KERNELOFFSET=${offset.toString(16)}`],
    });
    const { regions: found } = layoutArm64(kernel.symbol('_text', text).open());
    const kinds = ['bpf-space', 'module-space', 'vmalloc-space'];
    return found
      .filter(({ kind }) => kinds.includes(kind))
      .map(({ kind, start, end }) => `${kind} ${start.toString(16)}-${end.toString(16)}`);
  };

  test('5.10: programs, modules and the image one behind the other (as Debian 5.10.223 for arm64 has them)', () => {
    assert.deepEqual(regions(0xffff_c25f_da20_0000n, 0x425f_ca20_0000n), [
      'bpf-space ffff800000000000-ffff800008000000',
      'module-space ffff800008000000-ffff800010000000',
      'vmalloc-space ffff800010000000-fffffbfff0000000',
    ]);
  });

  test('5.17: without an area of programs; with an offset of the text', () => {
    assert.deepEqual(regions(0xffff_8000_0808_0000n, 0n), [
      'module-space ffff800000000000-ffff800008000000',
      'vmalloc-space ffff800008000000-fffffbfff0000000',
    ]);
  });

  test('5.10 and 5.11: where the struct pages of RAM are tells how far vmalloc goes', () => {
    const end = (structPages: bigint): bigint | undefined => {
      const kernel = new SmallKernel({
        architecture: 'arm64',
        mode: arm64Mode({
          pageShift: 12,
          virtualBits: 48,
          wideAddresses: 'none',
          memoryTypes: currentMemoryTypes,
          protNoneBit: () => 58,
        }),
        pageOffset: 0xffff_0000_0000_0000n,
        vmcoreinfo: ['NUMBER(VA_BITS)=48', 'KERNELOFFSET=425fca200000', 'SYMBOL(_stext)=ffffc25fda200000'],
      });
      const [root, pud] = [kernel.table(0x1000), kernel.table(0x1000)];
      kernel.initRoot(root);
      kernel.entry(root, Number((structPages >> 39n) & 0x1ffn), BigInt(pud) | 3n, 8);
      kernel.entry(pud, Number((structPages >> 30n) & 0x1ffn), 0x4000_0000n | 0x701n, 8);
      return regionOfKind(layoutArm64(kernel.open()), 'vmalloc-space')?.end;
    };
    // As /proc/kcore of Debian 5.10.223 has it: its vmalloc segment has 0x7dffafff0000 bytes from 0xffff800010000000 on.
    assert.equal(end(0xffff_fe0c_4000_0000n), 0xffff_8000_1000_0000n + 0x7dff_afff_0000n);
    // The first 2 MiB lie lower, as those of a machine with less than 128 MiB do.
    assert.equal(end(0xffff_fdff_ffe0_0000n), 0xffff_fdff_bfff_0000n);
    // As that of Debian 6.1 for arm64 ends.
    assert.equal(end(0xffff_fc30_4000_0000n), 0xffff_fbff_f000_0000n);
  });

  test('an image that is linked elsewhere tells nothing', () => {
    assert.deepEqual(
      regions(0xffff_0000_0808_0000n, 0n).filter((region) => region.startsWith('bpf')),
      [],
    );
  });
});
