/**
 * Dumps of kernels whose page tables were damaged before the dump: the walk goes on, tells each table that it does not
 * walk, and everything else is still what the kernel printed before the damage.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { absent, addressOf, expandedDump, truthText } from '../support/dumps.ts';

interface Damage {
  readonly what: string;
  readonly va: bigint;
  readonly level: string;
  readonly entryAddress: string;
  readonly entry: string;
}

/** What the driver did to the tables. A log tells all that was done since the start, on i386 to single roots too (`desync`). */
function damageOf(name: string, label: string): Damage[] {
  return [
    ...truthText(name, `dmesg-${label}.txt`).matchAll(
      /FX2 damage what=(\S+) va=(\S+) level=(\S+) entry_va=\S+ entry_pa=(\S+) old=\S+ new=(\S+)/g,
    ),
  ]
    .map(([, what = '', va = '', level = '', entryAddress = '', entry = '']) => ({ what, va: addressOf(va), level, entryAddress, entry }))
    .filter(({ what }) => !what.startsWith('desync'));
}

const spans: Readonly<Record<string, bigint>> = { pmd: 1n << 21n, pud: 1n << 30n };

interface Segment {
  readonly start: bigint;
  end: bigint;
  readonly words: string;
}

/** The regions of a dump's text without the damaged ranges; neighbours that read alike are one. */
function undamaged(text: string, damage: readonly Damage[]): Segment[] {
  const found: Segment[] = [];
  const add = (start: bigint, end: bigint, words: string): void => {
    if (start >= end) return;
    const last = found.at(-1);
    if (last?.end === start && last.words === words) last.end = end;
    else found.push({ start, end, words });
  };
  for (const line of text.split('\n')) {
    const match = /^0x([0-9a-f]+)-0x([0-9a-f]+)( .*)$/.exec(line);
    if (match === null) continue;
    let start = BigInt(`0x${match[1] ?? ''}`);
    const last = BigInt(`0x${match[2] ?? ''}`);
    const end = last === 0n ? 1n << 64n : last;
    // Without the size, which the damage may have cut.
    const words = (match[3] ?? '').replace(/^ +\d+[BKMGTPE]/, '');
    for (const { va, level } of damage) {
      const span = spans[level] ?? 0n;
      if (va + span <= start || va >= end) continue;
      add(start, va, words);
      start = va + span;
    }
    add(start, end, words);
  }
  return found;
}

const dumps = [
  { name: 'x86-64', label: 'corrupt-kernel', mm: 'kernel', text: 'ptdump-kernel.txt' },
  { name: 'x86-64', label: 'corrupt-user', mm: '35', text: 'ptdump-current_kernel-35.txt' },
  { name: 'x86-64', label: 'corrupt-user', mm: 'kernel', text: 'ptdump-kernel.txt' },
  { name: 'arm64-4k', label: 'corrupt-kernel', mm: 'kernel', text: 'ptdump-kernel.txt' },
  { name: 'arm64-4k', label: 'corrupt-user', mm: 'kernel', text: 'ptdump-kernel.txt' },
  { name: 'i386-pae-pti', label: 'corrupt-user', mm: '37', text: 'ptdump-current_kernel-37.txt' },
  { name: 'i386-pae-pti', label: 'corrupt-user', mm: 'kernel', text: 'ptdump-kernel.txt' },
  { name: 'riscv64-sv48', label: 'corrupt-user', mm: 'kernel', text: 'ptdump-kernel.txt' },
] as const;

for (const { name, label, mm, text } of dumps) {
  describe(`${name} ${label}, ${mm}`, { skip: absent(name) ?? false }, () => {
    test('the damage is told, and all else reads as the kernel printed it', () => {
      const session = openSession(nodeHost(), { paths: [expandedDump(name, `vmcore-${label}.elf`)] });
      const kernelHalf = (va: bigint): boolean => va >= (session.architecture === 'x86-32' ? 0xc000_0000n : 1n << 63n);
      const damage = damageOf(name, label).filter(({ va }) => kernelHalf(va) === (mm === 'kernel'));
      const lines = session.ptdumpLines({ mm });
      assert.deepEqual(undamaged(lines.map((line) => line.text).join('\n'), damage), undamaged(truthText(name, text), damage));
      const outside = damage.filter(({ what }) => ['wild_table_beyond_ram', 'reserved_bits', 'table_in_mmio_hole'].includes(what));
      const told = session.warnings().filter((warning) => warning.endsWith('its range is shown as a hole'));
      for (const { va, what } of outside) {
        const known = told.some((warning) => warning.includes(` for 0x${va.toString(16)}, cannot be read`));
        assert.ok(known, `${what} at 0x${va.toString(16)} is not told: ${told.join('; ')}`);
      }
      for (const { va } of damage.filter(({ what }) => what === 'table_is_itself')) {
        assert.ok(
          told.some((warning) => warning.includes(` for 0x${va.toString(16)}, is on the way to itself`)),
          told.join('; '),
        );
      }
      for (const { va, level, entry, entryAddress } of damage) {
        const walk = session.translate(addressOf(`0x${va.toString(16)}`), mm);
        const found = walk.levels.find((one) => one.level === level);
        assert.deepEqual([found?.entry, found?.entryAddress], [entry, entryAddress], `0x${va.toString(16)}`);
      }
      session.close();
    });
  });
}
