/** The kernel log against what each machine printed: byte for byte, of healthy and damaged dumps. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { absent, bundled, dumpFolder, expandedDump, truthText } from '../support/dumps.ts';

const dumps: readonly (readonly [name: string, ...labels: string[]])[] = [
  ['x86-64', 'corrupt-kernel', 'corrupt-user'],
  ['x86-64-efi'],
  ['x86-64-kasan'],
  ['i386-pae-pti', 'corrupt-user', 'desync-clear', 'desync-stale'],
  ['arm64-4k', 'corrupt-kernel', 'corrupt-user'],
  ['arm64-64k'],
  ['riscv64-sv48', 'corrupt-user'],
  ['s390x'],
  ['ppc64le'],
];

for (const [name, ...labels] of dumps) {
  for (const suffix of ['', ...labels.map((label) => `-${label}`)]) {
    test(`the log of ${name}${suffix} is dmesg -r's`, { skip: absent(name) ?? false }, () => {
      const session = openSession(nodeHost(), { paths: [expandedDump(name, `vmcore${suffix}.elf`)] });
      assert.equal(session.logText({ levels: true }), truthText(name, `dmesg${suffix}.txt`));
      const { records, problems, death } = session.log();
      assert.deepEqual([problems, death], [[], null]);
      records.forEach(({ sequence, text }, index) => {
        assert.equal(sequence, index);
        assert.notEqual(text, null);
      });
      session.close();
    });
  }
}

test('the log of the Debian kernel is dmesg’s', { skip: absent('x86-64-debian-6.12') ?? false }, () => {
  const session = openSession(nodeHost(), { paths: [expandedDump('x86-64-debian-6.12', 'dump.elf')] });
  assert.equal(session.logText({ levels: false }), truthText('x86-64-debian-6.12', 'guest/dmesg.txt'));
  session.close();
});

test('the bundled dump holds the log that lies beside it', () => {
  const session = openSession(nodeHost(), { paths: [bundled.image] });
  assert.equal(session.logText({ levels: false }), readFileSync(join(bundled.image, '../kernel.dmesg'), 'utf8'));
  session.close();
});

test('a dump without symbols and types has its log by VMCOREINFO', { skip: absent('x86-64-debian-6.12') ?? false }, () => {
  const image = join(dumpFolder('x86-64-debian-6.12') ?? '', 'mini/mini-zlib.kdump');
  const session = openSession(nodeHost(), { paths: [image] });
  assert.equal(session.symbols.count, 0);
  assert.equal(session.logText({ levels: false }), truthText('x86-64-debian-6.12', 'guest/dmesg.txt'));
  const [stack] = session.stacks({ kind: 'cpu', cpu: 0 });
  assert.equal(stack?.frames.length, 1);
  assert.match(stack.problem ?? '', /unwinding a stack needs symbols/);
  session.close();
});
