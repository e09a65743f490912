/** Names, types and the build ID of a kernel's ELF file, in both widths and byte orders; what is no such file, or a part of one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UserError } from '../../debug-adapter/base/errors.ts';
import { placeSymbols } from '../../debug-adapter/symbols/text-symbols.ts';
import { Vmlinux } from '../../debug-adapter/symbols/vmlinux.ts';
import { outsideSources } from '../../debug-adapter/session/outside-sources.ts';
import { bytesFile, fileHost } from '../builders/file-host.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';
import { vmlinuxFile } from '../builders/vmlinux-file.ts';
import type { VmlinuxSymbol } from '../builders/vmlinux-file.ts';

const base = 0xffff_ffff_8100_0000n;

function symbolsFrom(start: bigint): readonly VmlinuxSymbol[] {
  return [
    { name: 'init.c', address: 0n, info: 0x04, section: 0xfff1 },
    { name: '', address: start, info: 0x03, section: 1 },
    { name: '_stext', address: start, info: 0x10, section: 1 },
    { name: 'schedule', address: start + 0x100n, info: 0x12, section: 1 },
    { name: 'helper', address: start + 0x180n, info: 0x02, section: 1 },
    { name: '$x', address: start + 0x180n, info: 0x00, section: 1 },
    { name: '.Lpcrel', address: start + 0x184n, info: 0x00, section: 1 },
    { name: 'init_task', address: start + 0x1000n, info: 0x11, section: 2 },
    { name: 'saved', address: start + 0x2000n, info: 0x01, section: 3 },
    { name: 'elsewhere', address: 0n, info: 0x10, section: 0 },
    { name: 'arch_hook', address: start + 0x200n, info: 0x22, section: 1 },
    { name: 'absolute', address: 0x40n, info: 0x10, section: 0xfff1 },
  ];
}

for (const wide of [true, false]) {
  for (const littleEndian of [true, false]) {
    test(`${wide ? 64 : 32} bits, ${littleEndian ? 'little' : 'big'} end first`, () => {
      const start = wide ? base : 0xc100_0000n;
      const btf = Uint8Array.of(0x9f, 0xeb, 1, 0);
      const file = vmlinuxFile({ wide, littleEndian, symbols: symbolsFrom(start), buildId: [0xab, 0x01, 0xcd, 0xef], btf });
      const vmlinux = new Vmlinux(bytesFile(file)('vmlinux'));
      assert.deepEqual(
        vmlinux.symbols().map(({ name, type, address }) => [name, type, address]),
        [
          ['_stext', 'T', start],
          ['schedule', 'T', start + 0x100n],
          ['helper', 't', start + 0x180n],
          ['init_task', 'D', start + 0x1000n],
          ['saved', 'b', start + 0x2000n],
          ['arch_hook', 'W', start + 0x200n],
          ['absolute', 'A', 0x40n],
        ],
      );
      assert.equal(vmlinux.buildId(), 'ab01cdef');
      assert.deepEqual(vmlinux.btf(), btf);
      const bare = new Vmlinux(bytesFile(vmlinuxFile({ wide, littleEndian, symbols: [] }))('vmlinux'));
      assert.deepEqual([bare.buildId(), bare.btf()], [undefined, undefined]);
    });
  }
}

test('symbols move with KASLR, absolute ones do not', () => {
  const file = vmlinuxFile({ wide: true, littleEndian: true, symbols: symbolsFrom(base) });
  const moved = placeSymbols(new Vmlinux(bytesFile(file)('vmlinux')).symbols(), 'vmlinux', {
    name: '_stext',
    address: base + 0x1240_0000n,
  });
  assert.equal(moved.find('init_task')?.address, base + 0x1240_1000n);
  assert.equal(moved.find('schedule')?.size, 0x80);
  assert.equal(moved.find('absolute')?.address, 0x40n);
});

test('the file of another kernel is told; types that it lacks are looked for elsewhere', () => {
  const file = vmlinuxFile({ wide: true, littleEndian: true, symbols: symbolsFrom(base), buildId: [1, 2, 3, 4] });
  const host = fileHost({ vmlinux: bytesFile(file) });
  const told = (buildId: string): { warnings: string[]; found: bigint | undefined; types: unknown } => {
    const vmcoreinfo = [`SYMBOL(_stext)=${(base + 0x20_0000n).toString(16)}`, `BUILD-ID=${buildId}`];
    const kernel = new PlainKernel({ architecture: 'x86-64', base, vmcoreinfo }).open();
    const outside = outsideSources(host, { paths: ['x'], vmlinux: 'vmlinux' });
    const found = outside.symbols?.(kernel).find('init_task')?.address;
    return { warnings: [...kernel.warnings], found, types: outside.types?.(kernel) };
  };
  assert.deepEqual(told('01020304'), { warnings: [], found: base + 0x20_1000n, types: undefined });
  assert.match(told('ffffffff').warnings.join(), /another kernel's: its build ID is 01020304, that of the dump ffffffff/);
});

test('what is no vmlinux, stripped or cut off is told, and nothing is read beyond its end', () => {
  const open = (bytes: Uint8Array): Vmlinux => new Vmlinux(bytesFile(bytes)('vmlinux'));
  assert.throws(() => open(new TextEncoder().encode('ffffffff81000000 T _stext\n'.repeat(9))), /is no vmlinux/);
  assert.throws(() => open(new Uint8Array(0)), /is no vmlinux/);
  assert.throws(() => open(vmlinuxFile({ wide: true, littleEndian: true })).symbols(), /stripped.*--symbols/);
  const whole = vmlinuxFile({ wide: true, littleEndian: true, symbols: symbolsFrom(base), btf: new Uint8Array(64) });
  for (let length = 0; length < whole.length; length += 7) {
    for (const damage of [undefined, 0, 0xff]) {
      const part = damage === undefined ? whole.slice(0, length) : whole.slice();
      if (damage !== undefined) part.fill(damage, length, length + 5);
      try {
        const vmlinux = open(part);
        vmlinux.buildId();
        vmlinux.btf();
        vmlinux.symbols();
      } catch (error) {
        assert.ok(error instanceof UserError, String(error));
      }
    }
  }
});
