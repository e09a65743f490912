/** kallsyms of every dump against /proc/kallsyms of the same kernel, by VMCOREINFO and found by shape. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { CompressedNames } from '../../debug-adapter/symbols/kallsyms-names.ts';
import { Landmarks } from '../../debug-adapter/kernel/opening/landmarks.ts';
import { findVmcoreinfo } from '../../debug-adapter/kernel/opening/vmcoreinfo-search.ts';
import { locateKallsyms } from '../../debug-adapter/symbols/kallsyms-scan.ts';
import { parseVmcoreinfo } from '../../debug-adapter/symbols/vmcoreinfo.ts';
import { absent, dumpFolder, expandedDump } from '../support/dumps.ts';

const kernels = [
  ['x86-64', 'vmcore.elf', 'truth/kallsyms.txt.zst'],
  ['x86-64-efi', 'vmcore.elf', 'truth/kallsyms.txt.zst'],
  ['x86-64-kasan', 'vmcore.elf', 'truth/kallsyms.txt.zst'],
  ['x86-64-debian-6.12', 'dump.elf', 'truth/guest/kallsyms.txt.zst'],
] as const;

for (const [name, file, truth] of kernels) {
  describe(name, { skip: absent(name) ?? false }, () => {
    const told = (): { address: string; type: string; symbol: string; module: string | undefined }[] => {
      const path = join(dumpFolder(name) ?? '', truth);
      assert.ok(existsSync(path));
      return execFileSync('zstd', ['-dc', path], { maxBuffer: 1 << 28 })
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => {
          const [, address, type, symbol, module] = /^([0-9a-f]+) (.) (\S+)(?:\t\[(\S+)\])?$/.exec(line) ?? [];
          return { address: `0x${(address ?? '').replace(/^0+(?=.)/, '')}`, type: type ?? '', symbol: symbol ?? '', module };
        });
    };

    test('every symbol by name, and every address back', () => {
      const session = openSession(nodeHost(), { paths: [expandedDump(name, file)] });
      const lines = told();
      const wrong: string[] = [];
      const byName = new Map<string, Set<string>>();
      for (const { symbol, address, type, module } of lines) {
        if (module !== undefined) continue;
        byName.set(symbol, (byName.get(symbol) ?? new Set()).add(`${address} ${type}`));
      }
      assert.equal(session.symbols.count, lines.filter(({ module }) => module === undefined).length);
      for (const [symbol, places] of byName) {
        const ours = session.symbols
          .findAll(symbol)
          .filter(({ module }) => module === undefined)
          .map(({ address, type }) => `0x${address.toString(16)} ${type}`);
        if (ours.length < places.size || ours.some((place) => !places.has(place)))
          wrong.push(`${symbol}: ${ours.join(', ')} instead of ${[...places].join(', ')}`);
      }
      assert.deepEqual(wrong.slice(0, 5), []);
      session.close();
    });

    test('the tables are found by their shape too', () => {
      const session = openSession(nodeHost(), { paths: [expandedDump(name, file)] });
      const { memory, vmcoreinfo } = session.kernel;
      const start = session.symbols.find('__start_rodata')?.address ?? toAddress(0);
      const end = session.symbols.find('__end_rodata')?.address ?? toAddress(0);
      const found = locateKallsyms(memory, [{ start, end }]);
      assert.ok(found !== undefined);
      assert.equal(found.names, vmcoreinfo?.symbol('kallsyms_names'));
      assert.equal(found.count, session.symbols.count);
      assert.equal(found.tokenTable, vmcoreinfo?.symbol('kallsyms_token_table'));
      assert.equal(found.offsets, vmcoreinfo?.symbol('kallsyms_offsets'));
      assert.equal(found.relativeBase, vmcoreinfo?.symbol('kallsyms_relative_base'));
      session.close();
    });

    test('names are found without the sorted order too, as kernels before 6.2 need', () => {
      const session = openSession(nodeHost(), { paths: [expandedDump(name, file)] });
      const { memory, vmcoreinfo } = session.kernel;
      const symbol = (key: string): ReturnType<typeof toAddress> => toAddress(vmcoreinfo?.symbol(key) ?? 0n);
      const names = CompressedNames.read(memory, {
        names: symbol('kallsyms_names'),
        count: session.symbols.count,
        tokenTable: symbol('kallsyms_token_table'),
        tokenIndex: symbol('kallsyms_token_index'),
        offsets: undefined,
        relativeBase: undefined,
        addresses: undefined,
        source: 'test',
      });
      assert.ok(!('problem' in names));
      const wrong: string[] = [];
      for (let index = 0; index < names.count; index += 97) {
        const text = names.expand(index).slice(1);
        if (!names.indexesOf(text).includes(index)) wrong.push(text);
      }
      assert.deepEqual(wrong, []);
      assert.deepEqual(names.indexesOf('no_such_symbol_at_all'), []);
      session.close();
    });

    test('VMCOREINFO is found in memory too', () => {
      const session = openSession(nodeHost(), { paths: [expandedDump(name, file)] });
      const note = session.kernel.vmcoreinfo;
      const found = findVmcoreinfo(new Landmarks(session.kernel.physical));
      assert.ok(found !== undefined);
      assert.deepEqual(
        found.keys.filter((key) => found.value(key) !== note?.value(key)),
        [],
      );
      assert.equal(found.keys.length, note?.keys.length);
      session.close();
    });
  });
}

test('numbers of VMCOREINFO: sign and base', () => {
  const info = parseVmcoreinfo(
    'NUMBER(phys_base)=-486539264\nNUMBER(VMALLOC_START)=0xffffd4bf80000000\nSYMBOL(_stext)=ffffffffa3e00000\nKERNELOFFSET=22e00000\nSIZE(page)=64\nSIZE(page)=56\nbroken',
    'test',
  );
  assert.equal(info.number('phys_base'), -486_539_264n);
  assert.equal(info.number('VMALLOC_START'), 0xffff_d4bf_8000_0000n);
  assert.equal(info.symbol('_stext'), 0xffff_ffff_a3e0_0000n);
  assert.equal(info.hexValue('KERNELOFFSET'), 0x22e0_0000n);
  assert.equal(info.size('page'), 56);
  assert.equal(info.symbol('nothing'), undefined);
});
