/** BPF code by the kernel's list of its symbols, on kernels written by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import { describeBpf } from '../../debug-adapter/kernel/identify/bpf.ts';
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { StructKernel } from '../builders/struct-kernel.ts';

const summaries = (kernel: Kernel, ...addresses: bigint[]): string[] =>
  addresses.map((address) => describeBpf(kernel, toAddress(address))[0]?.summary ?? '-');

/** Links list_heads that lie at `link` of the objects into a ring with `head`. */
function ring(made: StructKernel, head: Address, objects: readonly Address[], link: number): void {
  const places = [head, ...objects.map((object) => toAddress(object + BigInt(link)))];
  places.forEach((place, index) => {
    made.write(place, places[(index + 1) % places.length] ?? 0n, 8);
  });
}

function symbolsKernel(): { made: StructKernel; head: Address; images: Address[] } {
  const made = new StructKernel({
    bpf_ksym: { size: 160, members: { start: [0, 8], end: [8, 8], name: [16, { count: 8, size: 1 }], lnode: [112, 8], prog: [144, 1] } },
  });
  const head = made.allocate(16);
  made.symbol('bpf_kallsyms', head);
  const images = [
    made.make('bpf_ksym', { start: 0xffff_ffff_c001_0000n, end: 0xffff_ffff_c001_0800n, prog: 1 }),
    made.make('bpf_ksym', { start: 0xffff_ffff_c002_0000n, end: 0xffff_ffff_c002_1000n, prog: 0 }),
  ];
  images.forEach((image, index) => {
    made.write(toAddress(image + 16n), index === 0 ? 0x6770n : 0x6d69n, 8);
  });
  ring(made, head, images, 112);
  return { made, head, images };
}

test('programs, and images such as trampolines and dispatchers', () => {
  const { made } = symbolsKernel();
  assert.deepEqual(summaries(made.open(), 0xffff_ffff_c001_0000n, 0xffff_ffff_c001_07ffn, 0xffff_ffff_c001_0800n, 0xffff_ffff_c002_0010n), [
    'pg+0x0, BPF program',
    'pg+0x7ff, BPF program',
    '-',
    'im+0x10, BPF image',
  ]);
});

test('a list that loops or leads away gives what comes before', () => {
  for (const value of ['self', 0xdead_0000_0000_0100n] as const) {
    const { made, images } = symbolsKernel();
    const link = toAddress((images[0] ?? 0n) + 112n);
    made.write(link, value === 'self' ? link : value, 8);
    const kernel = made.open();
    assert.deepEqual(summaries(kernel, 0xffff_ffff_c001_0004n, 0xffff_ffff_c002_0010n), ['pg+0x4, BPF program', '-']);
    assert.match([...kernel.warnings].join(), /^BPF programs: .*programs behind it are missing$/);
  }
});

test('kernels whose list is of programs alone (until 5.8)', () => {
  const made = new StructKernel({
    bpf_prog_aux: { size: 96, members: { ksym_lnode: [0, 8], prog: [16, 8], name: [24, { count: 16, size: 1 }] } },
    bpf_prog: { size: 64, members: { tag: [0, { count: 8, size: 1 }], bpf_func: [16, 8], jited_len: [24, 4] } },
  });
  const head = made.allocate(16);
  made.symbol('bpf_kallsyms', head);
  const program = made.make('bpf_prog', { bpf_func: 0xffff_ffff_c003_0000n, jited_len: 0x100 });
  [0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4].forEach((byte, index) => {
    made.write(toAddress(program + BigInt(index)), BigInt(byte), 1);
  });
  const aux = made.make('bpf_prog_aux', { prog: program });
  made.write(toAddress(aux + 24n), 0x7869_6d65n, 8);
  ring(made, head, [aux], 0);
  assert.deepEqual(summaries(made.open(), 0xffff_ffff_c003_00ffn, 0xffff_ffff_c003_0100n), [
    'bpf_prog_deadbeef01020304_emix+0xff, BPF program',
    '-',
  ]);
});
