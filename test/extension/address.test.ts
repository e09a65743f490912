/** Addresses in a line of text, and numbers that are too large to be one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOfToken, isBeyond, tokenAt } from '../../extension/address.ts';

test('an address is up to 64 bits, in one form', () => {
  assert.equal(addressOfToken('0xFFFFffff81000000'), '0xffffffff81000000');
  assert.equal(addressOfToken('000f887fee5ff000'), '0xf887fee5ff000');
  assert.equal(addressOfToken('0x0'), '0x0');
  for (const none of ['0x1ffffffffffffffff', '1000', '0x', '0xg', '', 'schedule+0x10/0x20'])
    assert.equal(addressOfToken(none), undefined, none);
});

test('a number beyond 64 bits is told from what is no number', () => {
  for (const beyond of ['0x10000000000000000', '1ffffffffffffffff', '0x00ffffffffffffffff0', '0x1000-0x10000000000000000'])
    assert.equal(isBeyond(beyond), true, beyond);
  for (const within of ['0xffffffffffffffff', '0x0000ffffffffffffffff', 'ffffffffffffffff', 'nonsense', '0x1000-0x2000', ''])
    assert.equal(isBeyond(within), false, within);
});

test('the token under a column is found', () => {
  const line = 'RIP: 0010:do_exit+0x1a/0x94 CR2: 000f887fee5ff000';
  assert.equal(tokenAt(line, 12)?.text, 'do_exit+0x1a/0x94');
  assert.equal(tokenAt(line, 40)?.text, '000f887fee5ff000');
  assert.equal(tokenAt(line, 2), undefined);
});
