/** Page-table roots of the real dumps: the healthy are in step, and what the driver broke is found, and nothing else. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { formatAddress } from '../../debug-adapter/base/address.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { openKernel } from '../../debug-adapter/kernel/opening/open-kernel.ts';
import { rootSync } from '../../debug-adapter/kernel/findings/root-sync.ts';
import type { RootSyncReport } from '../../debug-adapter/kernel/findings/root-sync.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { absent, dumpFolder, expandedDump, truthText } from '../support/dumps.ts';

function reportOf(path: string): RootSyncReport {
  const image = openImage(nodeHost(), [path]);
  try {
    return rootSync(openKernel(image, { symbols: undefined, types: undefined }), neverCancelled);
  } finally {
    image.close();
  }
}

/** Roots of the processes as the driver printed them: owner -> physical address. */
function rootsToldBy(log: string): Map<string, string> {
  const lines = log.matchAll(/FX2 pgd pid=(\d+) comm=(\S+) .*?\bpgd_pa=(0x[0-9a-f]+)/g);
  return new Map([...lines].map(([, pid, comm, root]) => [pid === '0' ? 'init_mm' : `pid ${pid ?? ''} (${comm ?? ''})`, root ?? '']));
}

function assertRootsAsTold(report: RootSyncReport, log: string): void {
  const told = rootsToldBy(log);
  assert.ok(told.size > 4, `the driver told ${told.size} roots`);
  for (const [owner, root] of told) {
    const found = report.roots.filter(({ owners }) => owners.includes(owner)).map((one) => formatAddress(one.root));
    assert.deepEqual(found, [root], owner);
  }
}

const healthy: readonly (readonly [folder: string, applies: boolean])[] = [
  ['x86-64', true],
  ['x86-64-efi', true],
  ['x86-64-kasan', true],
  ['i386-pae-pti', true],
  ['riscv64-sv48', true],
  ['arm64-4k', false],
  ['arm64-64k', false],
  ['ppc64le', false],
  ['s390x', false],
];

for (const [name, applies] of healthy) {
  test(`${name} is in step`, { skip: absent(name) ?? false }, () => {
    const report = reportOf(expandedDump(name, 'vmcore.elf'));
    assert.deepEqual([report.differences, report.privateRanges, report.warnings], [[], [], []]);
    assert.equal(report.applies, applies, report.reason);
    assertRootsAsTold(report, truthText(name, 'dmesg.txt'));
  });
}

for (const [name, file] of [
  ['x86-64', 'vmcore-corrupt-kernel.elf'],
  ['x86-64', 'vmcore-corrupt-user.elf'],
  ['riscv64-sv48', 'vmcore-corrupt-user.elf'],
] as const) {
  test(`${name}/${file}: damage below the shared entries is none of roots out of step`, { skip: absent(name) ?? false }, () => {
    const report = reportOf(expandedDump(name, file));
    assert.deepEqual([report.applies, report.differences, report.warnings], [true, [], []]);
  });
}

describe('i386-pae-pti', { skip: absent('i386-pae-pti') ?? false }, () => {
  const name = 'i386-pae-pti';

  test('user halves are told with the roots, and both halves are compared', () => {
    const report = reportOf(expandedDump(name, 'vmcore.elf'));
    for (const [, pid, comm, half] of truthText(name, 'dmesg.txt').matchAll(/FX2 pgd pid=(\d+) comm=(\S+) .*user_pgd_pa=(0x[0-9a-f]+)/g)) {
      const found = report.roots.find(({ owners }) => owners.includes(`pid ${pid ?? ''} (${comm ?? ''}), user half`));
      assert.equal(formatAddress(found?.root ?? 0), half);
    }
    assert.match(report.reason, /the kernel's pmd entries of \d+ roots .* the halves that user mode sees/);
  });

  for (const label of ['desync-clear', 'desync-stale', 'corrupt-user']) {
    test(`${label}: what the driver broke, and nothing else`, () => {
      const log = truthText(name, `dmesg-${label}.txt`);
      const broken = [...log.matchAll(/FX2 desync pid=(\d+) kind=(\w+) va=(\S+)-(\S+) init_mm_entry=(\S+)/g)].map(
        ([, pid, kind, start, end, reference]) => {
          const damage = new RegExp(`FX2 damage what=desync_${kind ?? ''} .*entry_pa=(\\S+) old=\\S+ new=(\\S+)`).exec(log);
          return {
            // The driver's "stale" leaves an entry that points elsewhere: both have one, and they differ.
            kind: kind === 'clear' ? 'missing' : 'different',
            pid,
            start,
            end,
            level: 'pmd',
            entryAddress: damage?.[1],
            entry: damage?.[2],
            reference,
            heals: kind === 'clear',
          };
        },
      );
      // The dumps were taken one after the other from one guest: each has what the earlier ones had.
      assert.equal(broken.length, label === 'desync-clear' ? 1 : 2);
      const report = reportOf(expandedDump(name, `vmcore-${label}.elf`));
      const found = report.differences.map((one) => ({
        kind: one.kind,
        pid: /^pid (\d+) /.exec(one.owners.join())?.[1],
        start: formatAddress(one.start),
        end: formatAddress(one.end),
        level: one.level,
        entryAddress: formatAddress(one.entryAddress),
        entry: formatAddress(one.entry),
        reference: formatAddress(one.referenceEntry),
        heals: one.heals,
      }));
      assert.deepEqual(found, broken);
      assert.deepEqual(report.warnings, []);
    });
  }

  test('the sentences say whose, where, what and what becomes of it', () => {
    const { differences } = reportOf(expandedDump(name, 'vmcore-desync-stale.elf'));
    assert.deepEqual(
      differences.map(({ message }) => message),
      [
        "pid 35 (fxprocB) lacks 0xc6a00000-0xc6c00000, which init_mm maps: its pmd entry at 0x5c41a8 is 0x0, init_mm's is 0x514067; the first access faults, and vmalloc_fault copies init_mm's entry",
        "pid 36 (fxprocC) maps 0xc6a00000-0xc6c00000 otherwise than init_mm: its pmd entry at 0x5d11a8 is 0x5e5067, init_mm's is 0x514067; it points to the table at 0x5e5000, init_mm's points to the table at 0x514000; no fault heals it, because the entry is there, and synchronising it stops at a BUG (vmalloc_sync_one)",
      ],
    );
  });
});

describe('x86-64-debian-6.12', { skip: absent('x86-64-debian-6.12') ?? false }, () => {
  const name = 'x86-64-debian-6.12';

  test('the whole dump is in step', () => {
    const report = reportOf(expandedDump(name, 'dump.elf'));
    assert.deepEqual([report.applies, report.differences, report.privateRanges, report.warnings], [true, [], [], []]);
    assert.ok(report.roots.some(({ owners }) => owners.some((owner) => owner.includes(' borrowed by pid 0 (swapper/'))));
    assert.ok(report.roots.some(({ owners }) => owners.includes('init_mm') && owners.includes('CR3 of CPU 2')));
  });

  for (const file of ['mini-sym.kdump', 'mini-zstd.kdump', 'mini-lzo.kdump', 'mini-snappy.kdump', 'mini-zlib.kdump']) {
    test(`${file}: what was left out of the file is told, and no difference is invented`, () => {
      const report = reportOf(join(dumpFolder(name) ?? '', 'mini', file));
      assert.deepEqual(report.differences, []);
      const init = report.roots.find(({ owners }) => owners.includes('init_mm'));
      assert.equal(formatAddress(init?.root ?? 0), '0x8a22000');
      assert.ok(report.warnings.length > 0);
      assert.equal(report.applies, file === 'mini-sym.kdump', report.reason);
    });
  }
});
