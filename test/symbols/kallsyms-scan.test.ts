/** kallsyms tables found by their shape, in every order and encoding that kernels have written them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import { openKallsyms } from '../../debug-adapter/symbols/kallsyms.ts';
import { buildKallsyms } from '../builders/kallsyms-tables.ts';
import type { BuiltSymbol, KallsymsOrder } from '../builders/kallsyms-tables.ts';

const image = 0xffff_ffff_89a0_0000n;

/** Symbols 16 bytes apart, some with aliases; the last ones lie far behind, as init data does. */
function imageSymbols(base: bigint, farthest: bigint): BuiltSymbol[] {
  const near = Array.from({ length: 700 }, (_, index) => ({
    name: `function_${index}`,
    type: 'T',
    address: base + BigInt(Math.floor(index / 2) * 16),
  }));
  const far = Array.from({ length: 333 }, (_, index) => ({
    name: `late_${index}`,
    type: 'd',
    address: base + farthest + BigInt(index * 8),
  }));
  return [...near, ...far];
}

const perCpuSymbols: readonly BuiltSymbol[] = Array.from({ length: 90 }, (_, index) => ({
  name: `percpu_${index}`,
  type: 'A',
  address: BigInt(index * 64),
}));

const cases: readonly {
  name: string;
  order: KallsymsOrder;
  symbols: readonly BuiltSymbol[];
  base: bigint;
  at: bigint;
  perCpu?: boolean;
  word?: 4 | 8;
  littleEndian?: boolean;
}[] = [
  // x86-64 of 4.6 to 6.3: the last offsets are negative, and two of them look like an address.
  {
    name: 'offsets in front of the count, per-CPU symbols absolute',
    order: 'before',
    symbols: [...perCpuSymbols, ...imageSymbols(image, 0x172_0400n)],
    base: image,
    at: image + 0xc0_0000n,
    perCpu: true,
  },
  {
    name: 'offsets in front of the count',
    order: 'before',
    symbols: imageSymbols(image, 0x172_0400n),
    base: image,
    at: image + 0xc0_0000n,
  },
  {
    name: 'offsets behind the tokens, per-CPU symbols absolute',
    order: 'behind',
    symbols: [...perCpuSymbols, ...imageSymbols(image, 0x172_0400n)],
    base: image,
    at: image + 0xc0_0000n,
    perCpu: true,
  },
  { name: 'offsets from each place', order: 'placed', symbols: imageSymbols(image, 0x172_0400n), base: image, at: image + 0xc0_0000n },
  {
    name: 'pointers, per-CPU symbols absolute',
    order: 'addresses',
    symbols: [...perCpuSymbols, ...imageSymbols(image, 0x172_0400n)],
    base: image,
    at: image + 0xc0_0000n,
  },
  {
    name: 'pointers of a big-endian kernel in the lower half',
    order: 'addresses',
    symbols: imageSymbols(0x10_0000n, 0x90_0000n),
    base: 0x10_0000n,
    at: 0x80_0000n,
    littleEndian: false,
  },
  {
    name: 'offsets of a big-endian kernel in the lower half',
    order: 'before',
    symbols: imageSymbols(0x10_0000n, 0x90_0000n),
    base: 0x10_0000n,
    at: 0x80_0000n,
    littleEndian: false,
  },
  // arm, 7.2.
  {
    name: 'addresses of a 32-bit kernel in place of offsets',
    order: 'placed',
    symbols: imageSymbols(0xc040_0000n, 0x190_0000n),
    base: 0xc040_0000n,
    at: 0xc15a_d000n,
    word: 4,
  },
  {
    name: 'offsets of a 32-bit kernel',
    order: 'before',
    symbols: imageSymbols(0xc100_0000n, 0x90_0000n),
    base: 0xc100_0000n,
    at: 0xc180_0000n,
    word: 4,
  },
];

describe('tables found by their shape', () => {
  for (const { name, symbols, ...layout } of cases) {
    test(name, () => {
      const { memory, start, end } = buildKallsyms(symbols, layout);
      const table = openKallsyms(memory, { scan: () => [{ start, end }] });
      assert.ok(!('problem' in table), 'problem' in table ? table.problem : '');
      assert.equal(table.source, 'kallsyms in the dump, found by its shape');
      assert.equal(table.count, symbols.length);
      assert.deepEqual(
        symbols
          .map((symbol) => `${symbol.name} ${symbol.address.toString(16)} ${table.find(symbol.name)?.address.toString(16)}`)
          .filter((line) => line.split(' ')[1] !== line.split(' ')[2])
          .slice(0, 3),
        [],
      );
      const late = symbols.at(-7);
      assert.ok(late !== undefined);
      const hit = table.resolve(toAddress(late.address + 3n));
      assert.deepEqual([hit?.symbol.name, hit?.offset], [late.name, 3]);
    });
  }
});
