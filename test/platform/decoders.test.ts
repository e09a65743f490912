/** Decoders of instructions live in the library's own memory, which is never given back: sessions that come and go share them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadDecoders } from '../../debug-adapter/platform/capstone.ts';

test('one decoder for an instruction set, however many sessions ask', async () => {
  const [one, other] = [await loadDecoders(), await loadDecoders()];
  assert.equal(one('x86-64'), other('x86-64'));
  assert.notEqual(one('x86-64'), one('arm64'));
  // nop; ret.
  assert.deepEqual(
    one('x86-64')
      .decode(Uint8Array.of(0x90, 0xc3), 0x1000n, 2)
      .map(({ mnemonic }) => mnemonic),
    ['nop', 'retq'],
  );
  assert.deepEqual(
    one('arm64')
      .decode(Uint8Array.of(0xc0, 0x03, 0x5f, 0xd6), 0x1000n, 1)
      .map(({ mnemonic }) => mnemonic),
    ['ret'],
  );
});
