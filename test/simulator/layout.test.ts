/**
 * Machines laid out as the kernels of the recorded dumps were: their page-table dump has the same markers, at the same
 * addresses, the same columns, and in each region no attributes that the real kernel's has not.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Fault } from '../../debug-adapter/simulator/fault.ts';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import type { MachineOptions } from '../../debug-adapter/simulator/machine.ts';
import { absent, truthText } from '../support/dumps.ts';
import { sessionOf } from './session-of.ts';

interface Section {
  readonly marker: string;
  /** Address of the first line. */
  readonly start: string;
  /** Attributes and level of the lines, as they are printed. */
  readonly attributes: ReadonlySet<string>;
}

const linePattern = /^(0x[0-9a-f]+)-0x[0-9a-f]+ +[0-9]+[KMGTPE] (.*)$/;

function sectionsOf(lines: readonly string[]): Section[] {
  const sections: (Section & { attributes: Set<string>; start: string })[] = [];
  for (const line of lines) {
    const marker = /^---\[ (.*) \]---$/.exec(line)?.[1];
    if (marker !== undefined) sections.push({ marker, start: '', attributes: new Set() });
    const [, start, rest] = linePattern.exec(line) ?? [];
    const section = sections.at(-1);
    if (start === undefined || rest === undefined || section === undefined) continue;
    if (section.start === '') section.start = start;
    section.attributes.add(rest);
  }
  return sections;
}

/** Columns at which the attributes and the level's name begin. */
function columnsOf(lines: readonly string[]): string[] {
  const columns = new Set<string>();
  for (const line of lines) {
    const size = /^0x[0-9a-f]+-0x[0-9a-f]+ {1,9}[0-9]+[KMGTPE] /.exec(line)?.[0];
    const level = /(?:pgd|p4d|pud|pmd|pte)$/.exec(line);
    // Sizes of more than 9 digits push the rest to the right.
    if (size === undefined || level === null || !/ [0-9]{1,9}[KMGTPE] $/.test(size)) continue;
    columns.add(`${size.length} ${level.index}`);
  }
  return [...columns].sort();
}

function truthLines(dump: string, name: string): string[] {
  return truthText(dump, `ptdump-${name}.txt`)
    .split('\n')
    .filter((line) => line !== '');
}

const fixmapTop = 0xffff_ffff_ff7f_f000n;

/** The regions' addresses, and the size of the fixmap, as the real kernel's dump has them. */
function layoutOf(sections: readonly Section[]): MachineOptions {
  const start = (marker: string): bigint => BigInt(sections.find((one) => one.marker === marker)?.start ?? 0);
  return {
    bases: { directMap: start('Low Kernel Mapping'), vmalloc: start('vmalloc() Area'), vmemmap: start('Vmemmap') },
    fixmapSlots: Number((fixmapTop - start('Fixmap Area')) / 4096n),
  };
}

interface Layout {
  readonly dump: string;
  readonly options: MachineOptions;
  /** Files of the truth, and whose tables they are of. */
  readonly spaces: readonly (readonly [file: string, mm: string, user: boolean])[];
  /** Whether KASLR moved the regions of the real kernel. */
  readonly moved: boolean;
}

const layouts: readonly Layout[] = [
  {
    dump: 'x86-64',
    options: { pti: true, features: { espfix: true } },
    spaces: [
      ['kernel', 'kernel', false],
      ['current_user-37', 'PID', true],
      ['current_kernel-37', 'PID', false],
    ],
    moved: true,
  },
  {
    dump: 'x86-64-efi',
    options: { features: { espfix: true, efi: true } },
    spaces: [
      ['kernel', 'kernel', false],
      ['efi', 'efi', false],
    ],
    moved: true,
  },
  { dump: 'x86-64-kasan', options: { features: { espfix: true, kasan: true } }, spaces: [['kernel', 'kernel', false]], moved: false },
];

describe('the page-table dump of a machine laid out as a recorded kernel', () => {
  for (const { dump, options, spaces, moved } of layouts) {
    it(dump, (t) => {
      const why = absent(dump);
      if (why !== undefined) {
        t.skip(why);
        return;
      }
      const machine = Machine.create({ ...options, ...(moved ? layoutOf(sectionsOf(truthLines(dump, 'kernel'))) : {}) });
      const pid = machine.run('create_process', { name: 'reader' }) as bigint;
      machine.run('mmap', { process: pid, size: 65_536n, flags: 'MAP_PRIVATE|MAP_POPULATE' });
      const session = sessionOf(machine);
      for (const [file, mm, user] of spaces) {
        const lines = session.ptdumpLines({ mm: mm === 'PID' ? pid.toString() : mm, user }).map(({ text }) => text);
        const real = truthLines(dump, file);
        const [sections, realSections] = [sectionsOf(lines), sectionsOf(real)];
        const places = (of: readonly Section[]): string[] => of.map(({ marker, start }) => `${marker} ${start}`);
        assert.deepEqual(places(sections), places(realSections), file);
        assert.deepEqual(columnsOf(lines), columnsOf(real), file);
        for (const { marker, attributes } of sections.slice(1)) {
          const known = realSections.find((one) => one.marker === marker)?.attributes;
          for (const one of attributes) assert.ok(known?.has(one), `${file}, ${marker}: ${one}`);
        }
      }
      assert.deepEqual(session.findings({}).findings, []);
    });
  }

  it('32-bit x86 with page-table isolation', (t) => {
    const dump = 'i386-pae-pti';
    const why = absent(dump);
    if (why !== undefined) {
      t.skip(why);
      return;
    }
    const machine = Machine.create({ paging: 'x86-32-pae', pti: true, ram: 96 * 2 ** 20, fixmapSlots: 132 });
    const pid = machine.run('create_process', { name: 'reader' }) as bigint;
    machine.run('mmap', { process: pid, size: 65_536n, flags: 'MAP_PRIVATE|MAP_POPULATE' });
    const session = sessionOf(machine);
    for (const [file, mm, user] of [
      ['kernel', 'kernel', false],
      ['current_user-37', pid.toString(), true],
    ] as const) {
      const lines = session.ptdumpLines({ mm, user }).map(({ text }) => text);
      const real = truthLines(dump, file);
      const [sections, realSections] = [sectionsOf(lines), sectionsOf(real)];
      // The vmalloc space begins 8 MiB behind RAM, of which the two have different amounts.
      const places = (of: readonly Section[]): string[] =>
        of.map(({ marker, start }) => (marker === 'vmalloc() Area' ? marker : `${marker} ${start}`));
      assert.deepEqual(places(sections), places(realSections), file);
      assert.deepEqual(columnsOf(lines), columnsOf(real), file);
    }
    assert.deepEqual(session.findings({}).findings, []);
  });

  it('is refused where regions would overlap, or a paging mode has none such', () => {
    const bases = { directMap: 0xffff_8880_0000_0000n, vmalloc: 0xffff_c900_0000_0000n, vmemmap: 0xffff_ea00_0000_0000n };
    Machine.create({ bases });
    const gib = 1n << 30n;
    for (const options of [
      { bases: { ...bases, vmalloc: bases.directMap } },
      { bases: { ...bases, vmemmap: bases.vmalloc + gib } },
      { bases: { ...bases, directMap: bases.directMap + 4096n } },
      { bases, paging: 'arm64-4k' },
      { fixmapSlots: 1 },
      { paging: 'arm64-4k', features: { kasan: true } },
      { paging: 'x86-32-pae-shared', pti: true },
    ] as const satisfies readonly MachineOptions[]) {
      assert.throws(() => Machine.create(options), Fault, JSON.stringify(Object.keys(options)));
    }
  });
});
