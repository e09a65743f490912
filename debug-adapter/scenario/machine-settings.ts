/** The header of a scenario: which machine it runs on. */
import type { MachineFeatures, MachineOptions, Paging } from '../simulator/options.ts';
import { pagings } from '../simulator/options.ts';
import type { Machine, Setting, SettingValue } from './generated/ast.ts';
import { textOf } from './scenario-error.ts';

interface SettingSpec {
  readonly kind: 'number' | 'range' | 'word';
  readonly names?: readonly string[];
  readonly documentation: string;
}

/** Settings of a `machine { … }` block by name, with what they mean. */
export const machineSettings: Readonly<Record<string, SettingSpec>> = {
  ram: { kind: 'number', documentation: 'Bytes of RAM, a multiple of 2M; 128M unless given.' },
  pci_hole: { kind: 'range', documentation: 'Physical addresses below 4G without RAM: `0xc0000000..4G`.' },
  cpus: { kind: 'number', documentation: 'Number of CPUs, 2 unless given.' },
  nodes: { kind: 'number', documentation: 'Number of NUMA nodes, 1 unless given.' },
  paging: { kind: 'word', names: pagings, documentation: 'Architecture and paging mode; x86-64-4 unless given.' },
  kaslr: { kind: 'number', documentation: 'Seed that chooses where KASLR puts the kernel and its regions; without one nothing is moved.' },
  direct_map: {
    kind: 'number',
    documentation: 'Where the direct map begins, a multiple of 1 GiB, instead of where KASLR or the constants put it (x86-64).',
  },
  vmalloc: { kind: 'number', documentation: 'Where the vmalloc space begins, a multiple of 1 GiB (x86-64).' },
  vmemmap: { kind: 'number', documentation: 'Where the struct pages begin, a multiple of 1 GiB (x86-64).' },
  fixmap_slots: { kind: 'number', documentation: 'Permanent slots of the fixmap (x86), 131 unless given.' },
  pti: { kind: 'word', names: ['on', 'off'], documentation: 'Page-table isolation: a user half for each process.' },
  block_pages: { kind: 'number', documentation: 'Pages of a vmap_block (VMAP_BBMAP_BITS), a power of two from 64 to 1024.' },
};

/** Kernel features that a `machine` block can switch on, by the language's names. */
export const machineFeatures: Readonly<Record<string, { readonly feature: keyof MachineFeatures; readonly documentation: string }>> = {
  vmap_ram_flags: { feature: 'vmapRamFlags', documentation: 'vmap_area.flags tells vm_map_ram() areas and blocks.' },
  used_map: { feature: 'usedMap', documentation: 'vmap_block.used_map records which pages are handed out.' },
  kcore_remap: { feature: 'kcoreRemap', documentation: '/proc/kcore has a KCORE_REMAP segment for the kernel image.' },
  scan_v29: {
    feature: 'scanVersion29',
    documentation:
      'PAGEMAP_SCAN as in version 29 of its patch: a region that is backed out makes way for the one before, a full buffer of the kernel’s own sends the walk back to the caller’s walk_end, huge pages never have FILE.',
  },
  scan_stops_without_room: {
    feature: 'scanStopsWithoutRoom',
    documentation: 'PAGEMAP_SCAN as before version 29 of its patch: a buffer without room ends the walk at the first page that matches.',
  },
  page_offset_note: {
    feature: 'pageOffsetNote',
    documentation: 'VMCOREINFO has NUMBER(page_offset_base), as was proposed in 2018 and not merged (x86-64).',
  },
  efi: { feature: 'efi', documentation: 'EFI runtime services with page tables of their own, efi_mm (x86-64).' },
  kasan: {
    feature: 'kasan',
    documentation: 'KASAN’s shadow memory, most of it shared tables of zeros (x86-64). KASLR then moves the kernel image alone.',
  },
  espfix: { feature: 'espfix', documentation: 'The espfix area, where one page table stands for 65,536 stacks (x86-64).' },
  sync_unmappings: {
    feature: 'syncUnmappings',
    documentation:
      'Changes of the vmalloc space reach the page tables of all processes; without it, as before 5.3, mappings reach them by faults and unmappings never (PAE without shared PMDs).',
  },
};

/** What a setting's value is written as. */
export function valueKind(value: SettingValue): SettingSpec['kind'] {
  if (value.word !== undefined) return 'word';
  return value.end === undefined ? 'number' : 'range';
}

/** What is wrong with a setting, or undefined. */
export function settingProblem({ setting, value }: Setting): string | undefined {
  if (setting === undefined || value === undefined) return undefined;
  const spec = Object.hasOwn(machineSettings, setting) ? machineSettings[setting] : undefined;
  if (spec === undefined) return undefined;
  if (valueKind(value) !== spec.kind) {
    const wanted = { number: 'a number', range: 'a range (start..end)', word: `one of ${(spec.names ?? []).join(', ')}` }[spec.kind];
    return `${setting} takes ${wanted}`;
  }
  if (spec.names !== undefined && !spec.names.includes(textOf(value))) return `${setting} takes one of ${spec.names.join(', ')}`;
  return undefined;
}

/** The options of the machine that a header asks for; it has no problems. */
export function machineOptions(machine: Machine | undefined): MachineOptions {
  const values = new Map<string, SettingValue>();
  const features: Partial<Record<keyof MachineFeatures, boolean>> = {};
  for (const { setting, value, mode, features: names } of machine?.settings ?? []) {
    if (setting !== undefined && value !== undefined) values.set(setting, value);
    for (const name of names) {
      const feature = machineFeatures[name]?.feature;
      if (feature !== undefined) features[feature] = mode === 'with';
    }
  }
  const number = (name: string): number | undefined => {
    const start = values.get(name)?.start;
    return start === undefined ? undefined : Number(start);
  };
  const hole = values.get('pci_hole');
  const paging = values.get('paging');
  const pti = values.get('pti');
  return {
    ram: number('ram'),
    pciHole: hole?.start === undefined || hole.end === undefined ? undefined : { start: Number(hole.start), end: Number(hole.end) },
    cpus: number('cpus'),
    nodes: number('nodes'),
    paging: paging === undefined ? undefined : pagings.find((one): one is Paging => one === textOf(paging)),
    kaslrSeed: number('kaslr'),
    bases: basesOf(values),
    fixmapSlots: number('fixmap_slots'),
    pti: pti === undefined ? undefined : textOf(pti) === 'on',
    blockPages: number('block_pages'),
    features,
  };
}

/** Where the regions begin, when any is given; the others stay where the constants put them. */
function basesOf(values: ReadonlyMap<string, SettingValue>): MachineOptions['bases'] {
  const given = (name: string): bigint | undefined => values.get(name)?.start;
  const [directMap, vmalloc, vmemmap] = [given('direct_map'), given('vmalloc'), given('vmemmap')];
  return directMap === undefined && vmalloc === undefined && vmemmap === undefined ? undefined : { directMap, vmalloc, vmemmap };
}
