/** Names and types from files of another kernel: told by what VMCOREINFO says, and the dump's own are taken. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { symbolDoubt, typeDoubt } from '../../debug-adapter/kernel/opening/outside-doubt.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { parseVmcoreinfo } from '../../debug-adapter/symbols/vmcoreinfo.ts';
import { absent, bundled, expandedDump } from '../support/dumps.ts';
import { runInProcess } from '../support/in-process.ts';
import { debian, smallMachines } from '../support/processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'pagewalk-doubt-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

for (const name of [...smallMachines, debian]) {
  test(`${name}: what a kernel has is not doubted`, { skip: absent(name) ?? false }, () => {
    const session = openSession(nodeHost(), { paths: [expandedDump(name, name === debian ? 'dump.elf' : 'vmcore.elf')] });
    const { symbols, types, vmcoreinfo } = session.kernel;
    assert.ok(types !== undefined && symbols.count > 1000);
    assert.deepEqual([symbolDoubt(symbols, vmcoreinfo), typeDoubt(types, vmcoreinfo)], [undefined, undefined]);
    session.close();
  });
}

test('symbols elsewhere, a struct of another size and a member elsewhere are told', () => {
  const session = openSession(nodeHost(), { paths: [bundled.image] });
  const { symbols, types, vmcoreinfo } = session.kernel;
  assert.ok(types !== undefined && vmcoreinfo !== undefined);
  const told = (from: RegExp, to: string): ReturnType<typeof parseVmcoreinfo> => {
    assert.match(vmcoreinfo.text, from);
    return parseVmcoreinfo(vmcoreinfo.text.replaceAll(from, to), 'the test');
  };
  assert.match(
    typeDoubt(types, told(/SIZE\(page\)=64/g, 'SIZE(page)=56')) ?? '',
    /has struct page with a size of 64, where VMCOREINFO has 56$/,
  );
  const moved = told(/OFFSET\(zone\.free_area\)=\d+/g, 'OFFSET(zone.free_area)=8');
  assert.match(typeDoubt(types, moved) ?? '', /has zone\.free_area at offset \d+, where VMCOREINFO has 8$/);
  assert.match(
    symbolDoubt(symbols, told(/^SYMBOL\((?!_stext)(.*)\)=.*$/gm, 'SYMBOL($1)=ffffffff80001234')) ?? '',
    /another kernel's: it has init_uts_ns at 0xffffffffa5c21bc0, where VMCOREINFO has 0xffffffff80001234$/,
  );
  // One that differs among many may be the value of a variable in place of its address.
  assert.equal(symbolDoubt(symbols, told(/SYMBOL\(init_uts_ns\)=.*/g, 'SYMBOL(init_uts_ns)=ffffffff80001234')), undefined);
  session.close();
});

test("the System.map of another kernel does not hide the dump's own names", async () => {
  const map = join(folder, 'System.map');
  writeFileSync(map, 'ffffffff81000000 T _stext\nffffffff81001000 T vfs_read\nffffffff82000000 D init_uts_ns\n');
  const { text, complaints } = await runInProcess(nodeHost(), 'sym', bundled.image, 'vfs_read', '--symbols', map);
  assert.equal(text, '0xffffffffa4245480 T vfs_read (880 bytes)\n');
  assert.match(complaints.join(), /System\.map is another kernel's: it has init_uts_ns at .*; the symbols in the dump are taken$/);
});
