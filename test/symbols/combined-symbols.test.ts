/** The kernel's symbols and those of modules: whose are read for which question. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import { CombinedSymbols } from '../../debug-adapter/symbols/combined-symbols.ts';
import { SymbolList } from '../../debug-adapter/symbols/symbol-list.ts';

const list = (source: string, name: string, address: bigint): SymbolList =>
  new SymbolList(source, [{ name, address: toAddress(address), type: 'T', size: 16, module: source === 'kernel' ? undefined : source }]);

test('a module is read when an address lies in it, or a name is none of the kernel', () => {
  const opened: string[] = [];
  const symbols = new CombinedSymbols(list('kernel', 'start_kernel', 0x1000n));
  for (const [name, start] of [
    ['first', 0x2000n],
    ['second', 0x3000n],
  ] as const) {
    symbols.addModule(() => {
      opened.push(name);
      return list(name, `${name}_init`, start);
    }, [{ start: toAddress(start), end: toAddress(start + 0x100n) }]);
  }
  assert.equal(symbols.resolve(toAddress(0x1004))?.symbol.name, 'start_kernel');
  assert.equal(symbols.find('start_kernel')?.address, 0x1000n);
  assert.equal(symbols.findInKernel('second_init'), undefined);
  assert.deepEqual(opened, []);
  assert.equal(symbols.resolve(toAddress(0x3008))?.symbol.name, 'second_init');
  assert.deepEqual(opened, ['second']);
  assert.equal(symbols.find('first_init')?.module, 'first');
  assert.equal(symbols.find('nothing'), undefined);
  assert.deepEqual(opened, ['second', 'first']);
});
