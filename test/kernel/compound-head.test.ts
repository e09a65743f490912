/** Tails of compound pages name their head by address, or since 7.1 by a mask. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import { headOfTail } from '../../debug-adapter/kernel/pages/compound-head.ts';
import { headOf } from '../../debug-adapter/kernel/pages/folio.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';

const vmemmap = 0xffff_fa66_4000_0000n;
const size = 64n;

test('a tail of any order, by mask and by address', () => {
  for (let order = 1; order <= 18; order++) {
    const head = vmemmap + (size << BigInt(order + 1));
    const mask = BigInt.asUintN(64, -(size << BigInt(order)));
    for (const index of [1n, (1n << BigInt(order)) - 1n]) {
      const tail = toAddress(head + index * size);
      assert.equal(headOfTail(tail, mask | 1n), head);
      assert.equal(headOfTail(tail, head | 1n), head);
    }
  }
});

test('a head that lies at a round address is no mask', () => {
  // 2 TiB below the end of the address space: arm64's struct pages begin at such addresses.
  const head = 0xffff_fe00_0000_0000n;
  assert.equal(headOfTail(toAddress(head + 3n * size), head | 1n), head);
});

for (const member of ['compound_head', 'compound_info']) {
  test(`a folio of 8 pages whose tails have ${member}`, () => {
    const base = 0xffff_fa66_4000_0000n;
    const kernel = new PlainKernel({ architecture: 'x86-64', base });
    kernel.struct('page', 64, { flags: [0, 8], [member]: [8, 8], mapping: [24, 8] }).room(base, 4096);
    const head = base + 16n * size;
    const word = member === 'compound_head' ? head | 1n : BigInt.asUintN(64, -(8n * size)) | 1n;
    for (let tail = 1n; tail < 8n; tail++) kernel.write(head + tail * size + 8n, word);
    const opened = kernel.open();
    for (let page = 0n; page < 8n; page++) assert.equal(headOf(opened, toAddress(head + page * size)), head);
    assert.equal(headOf(opened, toAddress(head + 8n * size)), head + 8n * size);
  });
}
