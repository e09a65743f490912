/** What a simulated machine is made of. */
import { Fault } from './fault.ts';

/** Kinds of page tables that a machine can have. */
export type Paging = 'x86-64-4' | 'x86-64-5' | 'x86-32-pae' | 'x86-32-pae-shared' | 'arm64-4k';

/** All of them, the usual one first. */
export const pagings: readonly Paging[] = ['x86-64-4', 'x86-64-5', 'x86-32-pae', 'x86-32-pae-shared', 'arm64-4k'];

/** What the simulated kernel was built with; each is a change that a kernel may have or lack, whatever its version. */
export interface MachineFeatures {
  /** vmap_area.flags tells vm_map_ram() areas and blocks. */
  readonly vmapRamFlags: boolean;
  /** vmap_block.used_map records which pages are handed out. */
  readonly usedMap: boolean;
  /** /proc/kcore has a KCORE_REMAP segment for the kernel image. */
  readonly kcoreRemap: boolean;
  /** Unmappings of the vmalloc space are synced to all page tables before the TLB flush (x86-32 PAE without shared PMDs). */
  readonly syncUnmappings: boolean;
  /** PAGEMAP_SCAN as in version 29 of its patch: what is backed out, where a walk goes on, huge pages without FILE. */
  readonly scanVersion29: boolean;
  /** PAGEMAP_SCAN as before version 29: a buffer without room asks for the place of the first match. */
  readonly scanStopsWithoutRoom: boolean;
  /** VMCOREINFO has NUMBER(page_offset_base), as was proposed in 2018 (x86-64). */
  readonly pageOffsetNote: boolean;
  /** EFI runtime services with page tables of their own, efi_mm (x86-64). */
  readonly efi: boolean;
  /** KASAN's shadow, of which the most part is early shadow tables that are shared (x86-64); regions stay where they are then. */
  readonly kasan: boolean;
  /** The espfix area, in which one table stands for 65,536 stacks (x86-64). */
  readonly espfix: boolean;
}

/** Addresses in bytes; what is left out lies where it would without these. */
export interface RegionBases {
  readonly directMap?: bigint | undefined;
  readonly vmalloc?: bigint | undefined;
  readonly vmemmap?: bigint | undefined;
}

/** What can be wished for in a machine; what is left out gets its usual value. */
export interface MachineOptions {
  /** Bytes of RAM, a multiple of 2 MiB; 128 MiB when left out. */
  readonly ram?: number | undefined;
  /** Physical addresses below 4 GiB without RAM, in bytes; RAM goes on behind 4 GiB. */
  readonly pciHole?: { readonly start: number; readonly end: number } | undefined;
  readonly cpus?: number | undefined;
  /** NUMA nodes. */
  readonly nodes?: number | undefined;
  readonly paging?: Paging | undefined;
  /** Chooses where KASLR puts kernel, direct map, vmalloc space and vmemmap; without one nothing is moved. */
  readonly kaslrSeed?: number | undefined;
  /** Where regions begin, instead of where KASLR or the constants put them: multiples of 1 GiB, in this order (x86-64). */
  readonly bases?: RegionBases | undefined;
  /** Permanent slots of the fixmap, on which the configuration decides (x86). */
  readonly fixmapSlots?: number | undefined;
  /** Page-table isolation: a user half for each process. */
  readonly pti?: boolean | undefined;
  /** VMAP_BBMAP_BITS: pages of a vmap_block, a power of two from 64 to 1024; by default what CONFIG_NR_CPUS=8192 gives. */
  readonly blockPages?: number | undefined;
  readonly features?: Partial<MachineFeatures> | undefined;
}

/** The options after their check, nothing left out; sizes in bytes. */
export interface MachineConfiguration {
  readonly ram: number;
  readonly pciHole: { readonly start: number; readonly end: number };
  readonly cpus: number;
  readonly nodes: number;
  readonly paging: Paging;
  readonly kaslrSeed: number | undefined;
  readonly bases: RegionBases | undefined;
  readonly fixmapSlots: number;
  readonly pti: boolean;
  readonly blockPages: number;
  readonly features: MachineFeatures;
}

const mib = 2 ** 20;
const gib = 2 ** 30;

/** Fills in what is left out. Throws `Fault` for what no machine has. */
export function configurationOf(options: MachineOptions): MachineConfiguration {
  const { ram = 128 * mib, cpus = 2, nodes = 1, paging = 'x86-64-4', kaslrSeed, pti = false, fixmapSlots = 131, features = {} } = options;
  const pciHole = options.pciHole ?? { start: 3 * gib, end: 4 * gib };
  const blockPages = options.blockPages ?? (paging.startsWith('x86-32') ? 1024 : 256);
  const whole = (name: string, value: number, range: readonly [least: number, most: number]): void => {
    const [least, most] = range;
    if (!Number.isInteger(value) || value < least || value > most) throw bad(`${name} is ${value}; it can be from ${least} to ${most}`);
  };
  if (!pagings.includes(paging)) throw bad(`there is no paging mode ${paging}; there are ${pagings.join(', ')}`);
  const x8664Alone = ['efi', 'kasan', 'espfix', 'pageOffsetNote'] as const;
  if (!paging.startsWith('x86-64') && x8664Alone.some((name) => features[name] === true)) {
    throw bad(`${x8664Alone.filter((name) => features[name] === true).join(', ')}: these machines have it with x86-64 alone`);
  }
  whole('the number of CPUs', cpus, [1, 64]);
  whole('the number of NUMA nodes', nodes, [1, 8]);
  whole('the size of RAM in bytes', ram, [64 * mib, paging.startsWith('x86-32') ? 768 * mib : 4 * gib]);
  whole('the number of pages of a vmap_block', blockPages, [64, 1024]);
  if (ram % (2 * mib) !== 0) throw bad(`the size of RAM is ${ram} bytes; it must be a multiple of 2 MiB`);
  if (nodes * 64 * mib > ram) throw bad(`${nodes} NUMA nodes need at least ${nodes * 64} MiB of RAM`);
  if ((blockPages & (blockPages - 1)) !== 0) throw bad(`a vmap_block of ${blockPages} pages cannot be: their number is a power of two`);
  if (pciHole.start < 64 * mib || pciHole.end < pciHole.start || pciHole.end > 4 * gib || pciHole.start % (2 * mib) !== 0) {
    throw bad('the PCI hole must begin at a multiple of 2 MiB, at 64 MiB or above, and end at 4 GiB or below');
  }
  whole('the number of fixmap slots', fixmapSlots, [80, 1024]);
  if (options.bases !== undefined && !paging.startsWith('x86-64')) throw bad(`the regions of ${paging} lie where its constants say`);
  if (pti && paging === 'x86-32-pae-shared') throw bad('page-table isolation needs kernel PMDs of each process: paging x86-32-pae');
  if (kaslrSeed !== undefined) whole('the seed of KASLR', kaslrSeed, [0, 2 ** 32 - 1]);
  return {
    ram,
    pciHole,
    cpus,
    nodes,
    paging,
    kaslrSeed,
    bases: options.bases,
    fixmapSlots,
    pti,
    blockPages,
    features: { ...usualFeatures, ...features },
  };
}

const usualFeatures: MachineFeatures = {
  vmapRamFlags: true,
  usedMap: true,
  kcoreRemap: false,
  syncUnmappings: true,
  scanVersion29: false,
  scanStopsWithoutRoom: false,
  pageOffsetNote: false,
  efi: false,
  kasan: false,
  espfix: false,
};

function bad(message: string): Fault {
  return new Fault('argument', message);
}
