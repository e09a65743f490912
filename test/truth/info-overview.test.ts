/** What an overview takes from `info`: the clock by crash and by the kernel's own log, the map of memory by makedumpfile's counts. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { infoText } from '../../debug-adapter/command-line/text.ts';
import type { InfoFacts } from '../../debug-adapter/protocol/facts.ts';
import { absent, bundled, dumpFolder, expandedDump, truthText } from '../support/dumps.ts';
import { infoOf } from './info-of.ts';

const debian = 'x86-64-debian-6.12';

const total = (info: InfoFacts, of: 'ram' | 'stored'): number => info.memory.map.reduce((sum, piece) => sum + (piece[of] ?? Number.NaN), 0);

test('the clock is what crash says', { skip: absent(debian) ?? false }, () => {
  const [, date = ''] = /^ +DATE: (.*)$/m.exec(truthText(debian, 'crash/sys.txt')) ?? [];
  const info = infoOf(expandedDump(debian, 'dump.elf'));
  assert.equal(info.clock.stopped, Date.parse(date) / 1000);
  assert.match(infoText(info), /^stopped: +2026-11-20T23:53:19Z\nuptime: +\d+ seconds$/m);
});

test('the machine was booted when its kernel read the hardware’s clock, by its own log', { skip: absent(debian) ?? false }, () => {
  const [, at, seconds] = /\[ *(\d+\.\d+)\] .*setting system clock to \S+ UTC \((\d+)\)/.exec(truthText(debian, 'guest/dmesg.txt')) ?? [];
  const { clock, log } = infoOf(expandedDump(debian, 'dump.elf'));
  const booted = (clock.stopped ?? 0) - (clock.uptime ?? 0);
  assert.ok(Math.abs(booted - (Number(seconds) - Number(at))) <= 1.5, String(booted));
  assert.ok((clock.uptime ?? 0) >= Math.floor(log.last ?? Number.NaN));
});

test('a machine without a clock of its own does not know when it stopped', { skip: absent('arm64-64k') ?? false }, () => {
  const { clock, log } = infoOf(expandedDump('arm64-64k', 'vmcore.elf'));
  assert.equal(clock.stopped, null);
  assert.ok((clock.uptime ?? 0) >= Math.floor(log.last ?? Number.NaN));
});

describe('the map of memory', () => {
  for (const [folder, file] of [
    ['x86-64', 'vmcore.elf'],
    ['arm64-64k', 'vmcore.elf'],
    ['i386-pae-pti', 'vmcore.elf'],
    ['riscv64-sv48', 'vmcore.elf'],
    ['s390x', 'vmcore.elf'],
    ['ppc64le', 'vmcore.elf'],
  ] as const)
    test(`${folder}: a whole dump has all of its RAM`, { skip: absent(folder) ?? false }, () => {
      const info = infoOf(expandedDump(folder, file));
      assert.deepEqual([total(info, 'ram'), total(info, 'stored')], [info.memory.bytes, info.memory.bytes]);
      assert.equal(info.memory.map[0]?.start, info.memory.ranges[0]?.start);
      assert.equal(info.memory.map.at(-1)?.end, info.memory.ranges.at(-1)?.end);
    });

  test('the bundled dump: as many pages as its header says, and the one node', () => {
    const info = infoOf(bundled.image);
    const fact = (name: string): number => Number(info.header.find((one) => one.name === name)?.value);
    assert.deepEqual([total(info, 'ram') / 4096, total(info, 'stored') / 4096], [fact('pages in RAM'), fact('pages dumped')]);
    assert.deepEqual(info.memory.nodes, [{ id: 0, start: '0x1000', end: '0xffdd000' }]);
    assert.ok(info.memory.map.some(({ ram, stored }) => stored === 0 && ram > 0));
  });

  test('a split set is the sum of its files, and a flattened file what it was made of', { skip: absent(debian) ?? false }, () => {
    const mini = (file: string): string => join(dumpFolder(debian) ?? '', 'mini', file);
    const whole = infoOf(mini('mini-zlib.kdump')).memory.map;
    assert.deepEqual(infoOf(mini('mini-zlib.flat')).memory.map, whole);
    assert.deepEqual(infoOf(mini('mini-split.1'), mini('mini-split.2'), mini('mini-split.3')).memory.map, whole);
    const part = infoOf(mini('mini-split.1'), mini('mini-split.2')).memory.map;
    assert.ok(part.every(({ stored }, index) => (stored ?? 0) <= (whole[index]?.stored ?? 0)));
    assert.equal(part.at(-1)?.stored, 0);
  });
});
