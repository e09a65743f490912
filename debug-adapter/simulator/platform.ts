/** Where a simulated kernel of each paging mode puts what, and how its entries look. */
import { arm64Mode, currentMemoryTypes } from '../arch/arm64.ts';
import type { PagingMode } from '../arch/paging-mode.ts';
import { x86Pae } from '../arch/x86-32.ts';
import { x8664Mode } from '../arch/x86-64.ts';
import type { NumberRange } from '../base/range.ts';
import { Arm64Encoder, X86Encoder } from './entry-encoder.ts';
import type { EntryEncoder } from './entry-encoder.ts';
import { Fault } from './fault.ts';
import type { MachineConfiguration, RegionBases } from './options.ts';
import { cpuEntryArea, x8632Regions } from './x86-regions.ts';

/** An architecture's part of a machine: where its regions lie, and how its entries are written. */
export interface Platform {
  readonly architecture: 'x86-64' | 'x86-32' | 'arm64';
  readonly pointerSize: 4 | 8;
  readonly mode: PagingMode;
  readonly encoder: EntryEncoder;
  readonly ram: readonly NumberRange[];
  /** Virtual address of physical address 0 in the direct map, modulo 2^64. */
  readonly directOffset: bigint;
  readonly image: { readonly virtual: bigint; readonly physical: number; readonly size: number };
  readonly kaslrOffset: bigint;
  /** Page numbers (address / 4096) [start, end) of the vmalloc space and of the module area. */
  readonly vmalloc: NumberRange;
  readonly modules: NumberRange;
  /** Address of frame 0's struct page in the virtual memory map; undefined where mem_map is flat. */
  readonly vmemmap: bigint | undefined;
  /** log2 of the bytes of a section of sparse memory. */
  readonly sectionBits: number;
  readonly physicalBits: number;
  /** Whether processes have their own copies of the kernel's upper entries (x86), and from which entry of the root on. */
  readonly kernelEntries: { readonly first: number; readonly end: number } | undefined;
  /** Whether a process's kernel PMDs are the kernel's own pages (PAE), copied entry by entry, or neither. */
  readonly kernelPmds: 'shared' | 'copied' | 'none';
  /** Page number of the first address that no process can have. */
  readonly userEnd: number;
  /** Soft-dirty bits (CONFIG_MEM_SOFT_DIRTY), and userfaultfd's write protection (HAVE_ARCH_USERFAULTFD_WP). */
  readonly hasSoftDirty: boolean;
  readonly hasUserfaultWriteProtect: boolean;
}

const mib = 2 ** 20;
const gib = 2 ** 30;
const pageOf = (address: bigint): number => Number(BigInt.asUintN(64, address) >> 12n);

/** A number from 0 up to `limit`, the same for the same seed. */
export function chooser(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/**
 * Constants and region bases of the paging mode, moved as the configuration's KASLR seed says. `imageSize` is bytes of the
 * kernel image.
 */
export function platformOf(configuration: MachineConfiguration, imageSize: number): Platform {
  switch (configuration.paging) {
    case 'x86-64-4':
    case 'x86-64-5':
      return x8664(configuration, imageSize);
    case 'x86-32-pae':
    case 'x86-32-pae-shared':
      return x8632(configuration, imageSize);
    case 'arm64-4k':
      return arm64(configuration, imageSize);
  }
}

/** RAM of a PC: without the hole below 1 MiB, and around the PCI hole. */
function pcRam({ ram, pciHole }: MachineConfiguration): NumberRange[] {
  const low = Math.min(ram, pciHole.start);
  const ranges = [
    { start: 0, end: 0x9_f000 },
    { start: mib, end: low },
  ];
  return ram > low ? [...ranges, { start: 4 * gib, end: 4 * gib + ram - low }] : ranges;
}

/** Bases of the regions that memory KASLR moves, without it (Documentation/arch/x86/x86_64/mm.rst). */
const x8664Bases = {
  4: { direct: 0xffff_8880_0000_0000n, vmalloc: 0xffff_c900_0000_0000n, vmemmap: 0xffff_ea00_0000_0000n, vmallocSize: 32n << 40n },
  5: { direct: 0xff11_0000_0000_0000n, vmalloc: 0xffa0_0000_0000_0000n, vmemmap: 0xffd4_0000_0000_0000n, vmallocSize: 12_800n << 40n },
} as const;

/** Whether regions can lie so: in order, without overlap, below the CPU entry area. Throws `Fault`. */
function checkBases(of: Required<{ [Name in keyof RegionBases]: bigint }>, levels: 4 | 5): void {
  const { direct, vmallocSize } = x8664Bases[levels];
  const order = [direct, of.directMap, of.vmalloc - (1n << 40n), of.vmemmap - vmallocSize, cpuEntryArea - (1n << 40n)];
  const wrong = Object.values(of).some((address) => address % (1n << 30n) !== 0n);
  if (wrong || order.some((address, index) => index > 0 && address < (order[index - 1] ?? 0n))) {
    throw new Fault(
      'argument',
      `direct map, vmalloc space and vmemmap begin at multiples of 1 GiB, in this order, from 0x${direct.toString(16)} on, and do not overlap`,
    );
  }
}

function x8664(configuration: MachineConfiguration, imageSize: number): Platform {
  const levels = configuration.paging === 'x86-64-5' ? 5 : 4;
  const bases = x8664Bases[levels];
  const choose = configuration.kaslrSeed === undefined ? undefined : chooser(configuration.kaslrSeed);
  // The image by 2 MiB within the first GiB, the regions by 1 GiB, each behind the one before (arch/x86/mm/kaslr.c).
  const imageSteps = (Math.min(configuration.ram, configuration.pciHole.start) / 2 - imageSize) / (2 * mib) - 8;
  const kaslrOffset = choose === undefined ? 0n : BigInt(choose(480)) << 21n;
  const physical = 16 * mib + (choose === undefined ? 0 : choose(Math.max(1, Math.min(400, Math.floor(imageSteps)))) * 2 * mib);
  // KASAN's shadow has one place: with it regions stay where they are (CONFIG_RANDOMIZE_MEMORY depends on !KASAN).
  const chooseMove = configuration.features.kasan ? undefined : choose;
  const moves = [0, 1, 2].map(() => (chooseMove === undefined ? 0n : BigInt(chooseMove(0x1000)) << 30n));
  const direct = configuration.bases?.directMap ?? bases.direct + (moves[0] ?? 0n);
  const vmallocStart = configuration.bases?.vmalloc ?? bases.vmalloc + (moves[1] ?? 0n);
  const vmemmap = configuration.bases?.vmemmap ?? bases.vmemmap + (moves[2] ?? 0n);
  if (configuration.bases !== undefined) checkBases({ directMap: direct, vmalloc: vmallocStart, vmemmap }, levels);
  return {
    architecture: 'x86-64',
    pointerSize: 8,
    mode: x8664Mode({ levels, encryptionMask: 0n }),
    encoder: new X86Encoder({ levels, pae: false, global: !configuration.pti }),
    ram: pcRam(configuration),
    directOffset: direct,
    image: { virtual: 0xffff_ffff_8100_0000n + kaslrOffset, physical, size: imageSize },
    kaslrOffset,
    vmalloc: { start: pageOf(vmallocStart), end: pageOf(vmallocStart + bases.vmallocSize) },
    modules: { start: pageOf(0xffff_ffff_c000_0000n), end: pageOf(0xffff_ffff_ff00_0000n) },
    vmemmap,
    sectionBits: 27,
    physicalBits: levels === 5 ? 52 : 46,
    kernelEntries: { first: 256, end: 512 },
    kernelPmds: 'none',
    userEnd: levels === 5 ? 2 ** 44 - 1 : 2 ** 35 - 1,
    hasSoftDirty: true,
    hasUserfaultWriteProtect: true,
  };
}

function x8632(configuration: MachineConfiguration, imageSize: number): Platform {
  const directOffset = 0xc000_0000n;
  const start = (Number(directOffset) + configuration.ram + 8 * mib) / 4096;
  return {
    architecture: 'x86-32',
    pointerSize: 4,
    mode: x86Pae({ pageOffset: directOffset }),
    encoder: new X86Encoder({ levels: 3, pae: true, global: !configuration.pti }),
    ram: pcRam(configuration),
    directOffset,
    image: { virtual: 0xc100_0000n, physical: 16 * mib, size: imageSize },
    kaslrOffset: 0n,
    vmalloc: { start, end: Number(x8632Regions.vmallocEnd) / 4096 },
    modules: { start, end: Number(x8632Regions.vmallocEnd) / 4096 },
    vmemmap: undefined,
    sectionBits: 29,
    physicalBits: 36,
    kernelEntries: { first: 3, end: 4 },
    kernelPmds: configuration.paging === 'x86-32-pae-shared' ? 'shared' : 'copied',
    userEnd: 0xc000_0000 / 4096 - 1,
    hasSoftDirty: false,
    hasUserfaultWriteProtect: false,
  };
}

function arm64(configuration: MachineConfiguration, imageSize: number): Platform {
  const start = gib;
  const choose = configuration.kaslrSeed === undefined ? undefined : chooser(configuration.kaslrSeed);
  const kaslrOffset = choose === undefined ? 0n : BigInt(choose(0x4000)) << 21n;
  return {
    architecture: 'arm64',
    pointerSize: 8,
    mode: arm64Mode({ pageShift: 12, virtualBits: 48, wideAddresses: 'none', memoryTypes: currentMemoryTypes, protNoneBit: () => 11 }),
    encoder: new Arm64Encoder(4),
    ram: [{ start, end: start + configuration.ram }],
    directOffset: BigInt.asUintN(64, 0xffff_0000_0000_0000n - BigInt(start)),
    image: { virtual: 0xffff_8000_8000_0000n + kaslrOffset, physical: start + 2 * mib, size: imageSize },
    kaslrOffset,
    vmalloc: { start: pageOf(0xffff_8000_8000_0000n), end: pageOf(0xffff_fdff_bf80_0000n) },
    modules: { start: pageOf(0xffff_8000_0000_0000n), end: pageOf(0xffff_8000_8000_0000n) },
    // vmemmap begins with the first frame of RAM: frame 0 would lie before.
    vmemmap: BigInt.asUintN(64, 0xffff_fdff_c000_0000n - BigInt(start / 4096) * 64n),
    sectionBits: 27,
    physicalBits: 48,
    kernelEntries: undefined,
    kernelPmds: 'none',
    userEnd: 2 ** 36,
    hasSoftDirty: false,
    hasUserfaultWriteProtect: true,
  };
}
