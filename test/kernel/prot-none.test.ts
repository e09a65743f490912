/** The bit by which arm64 marks inaccessible pages that are there: by protection_map, or by what VMCOREINFO tells. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { protNoneBitOf } from '../../debug-adapter/kernel/opening/root-arm64.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';

const base = 0xffff_8000_0800_0000n;
const buddy = (value: number): string[] => [`NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=${value}`];

test('kernels that do not name protection_map: types of pages moved together with the bit', () => {
  const told = (lines: readonly string[]): number =>
    protNoneBitOf(new PlainKernel({ architecture: 'arm64', base, vmcoreinfo: lines }).open());
  // 6.1, as Debian's has it.
  assert.equal(told(buddy(-129)), 58);
  // 6.11: bit 30; 6.12 and later: the top byte.
  assert.equal(told(buddy(~0x4000_0000)), 11);
  assert.equal(told(buddy(-268_435_456)), 11);
  assert.equal(told([]), 11);
});

test('protection_map is believed first', () => {
  const told = (entry: bigint, lines: readonly string[]): number =>
    protNoneBitOf(
      new PlainKernel({ architecture: 'arm64', base, vmcoreinfo: lines })
        .symbol('protection_map', base)
        .room(base, 128)
        .write(base, entry)
        .open(),
    );
  assert.equal(told(0x0460_0000_0000_0fc0n, buddy(-268_435_456)), 58);
  assert.equal(told(0x0060_0000_0000_0fc0n, buddy(-129)), 11);
});
