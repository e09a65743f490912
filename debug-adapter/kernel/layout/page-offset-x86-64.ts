/**
 * Where the direct map of an x86-64 kernel begins, by every method that tools use. VMCOREINFO has never told it: the patch
 * that would have added page_offset_base was not merged, and so each tool deduces it in its own way. Shown side by side, the
 * methods say which of them can be relied on in this image.
 */
import { limits } from '../../base/limits.ts';
import { toAddress } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import { variable } from './layout-witnesses.ts';
import { startKernelMap } from '../opening/root-x86-64.ts';

/** One of the ways in which tools have found the base of the direct map, and what it gives for this dump. */
export interface PageOffsetMethod {
  /** In words, as `info` prints it. */
  readonly method: string;
  readonly value: bigint | undefined;
  /** Why there is no value, or what to know of it. */
  readonly note: string;
  /** Whether the method is sound wherever it gives a value: the layout believes the first of those. */
  readonly sound: boolean;
}

/** Bases without memory KASLR: since 4.20, and before the LDT remap took that place (Documentation/arch/x86/x86_64/mm.rst). */
export const fixedPageOffsets = {
  4: [0xffff_8880_0000_0000n, 0xffff_8800_0000_0000n],
  5: [0xff11_0000_0000_0000n, 0xff10_0000_0000_0000n],
} as const;

const lowestBase = 0xff00_0000_0000_0000n;
/** Memory KASLR moves the base by whole entries of the third level (arch/x86/mm/kaslr.c). */
const baseUnit = 1n << 30n;

/** Every method with its value, or why it gives none; found once a kernel. */
export function pageOffsetMethods(kernel: Kernel): readonly PageOffsetMethod[] {
  return kernel.once(findMethods);
}

function findMethods(kernel: Kernel): readonly PageOffsetMethod[] {
  const levels = kernel.root.mode.virtualBits > 48 ? 5 : 4;
  return [byVariable(kernel), byNote(kernel), ...bySegments(kernel), byTables(kernel, levels), ...byConstants(kernel, levels)];
}

function byVariable(kernel: Kernel): PageOffsetMethod {
  const method = "the kernel's variable page_offset_base";
  const value = variable(kernel, 'page_offset_base');
  if (value !== undefined && value !== 0n) return { method, value, note: '', sound: true };
  const unreadable = value === 0n ? 'it is 0' : 'it cannot be read';
  const note = kernel.addressOf('page_offset_base') === undefined ? 'the kernel has no such symbol, or no symbols are known' : unreadable;
  return { method, value: undefined, note, sound: true };
}

function byNote(kernel: Kernel): PageOffsetMethod {
  const number = kernel.vmcoreinfo?.number('page_offset_base');
  return {
    method: 'VMCOREINFO NUMBER(page_offset_base)',
    value: number === undefined ? undefined : BigInt.asUintN(64, number),
    note: number === undefined ? 'no released kernel writes it' : '',
    sound: true,
  };
}

/** makedumpfile's ways; KCORE_REMAP segments of 4.19 come before those of RAM and have both addresses, too. */
function bySegments(kernel: Kernel): PageOffsetMethod[] {
  const bases = kernel.image.virtualSegments.flatMap(({ virtual, physical }) =>
    physical !== undefined && virtual >= lowestBase && virtual < startKernelMap && virtual >= physical ? [virtual - physical] : [],
  );
  const count = kernel.image.virtualSegments.length;
  const none =
    count === 0 ? 'the file has no program headers' : `none of ${count} program headers has both a direct-map address and a physical one`;
  const aligned = bases.filter((base) => base % baseUnit === 0n);
  return [
    {
      method: 'the last PT_LOAD that has both addresses, its base in units of 1 GiB',
      value: aligned.at(-1),
      note: aligned.length > 0 ? '' : none,
      sound: true,
    },
    {
      method: 'the first PT_LOAD that has both addresses',
      value: bases[0],
      note: bases.length > 0 ? 'what makedumpfile took before 1.6.5: misled by the KCORE_REMAP segments of 4.19' : none,
      sound: false,
    },
  ];
}

/**
 * Goes up the kernel half in steps of 1 GiB (the alignment that memory KASLR keeps), over holes in whole entries, to the
 * first place where physical memory is mapped in its own order.
 */
function byTables(kernel: Kernel, levels: 4 | 5): PageOffsetMethod {
  const method = 'the page tables: the first mapping that grows with physical memory';
  const { pageTable } = kernel.root;
  const probe = Math.ceil((kernel.physical.ranges[0]?.start ?? 0) / 4096) * 4096;
  let base: bigint = fixedPageOffsets[levels][1];
  for (let probes = 0; base < startKernelMap; probes++) {
    if (probes >= limits.directMapProbes) return { method, value: undefined, note: `not among the first ${probes} places`, sound: true };
    if (mapsPhysical(kernel, base, probe) || mapsPhysical(kernel, base, 0x10_0000)) return { method, value: base, note: '', sound: true };
    const found = pageTable.translate(toAddress(base));
    const hole = found.physical === undefined ? BigInt(found.pageSize) : baseUnit;
    const step = hole > baseUnit ? hole : baseUnit;
    base = (base / step) * step + step;
  }
  return { method, value: undefined, note: 'they map low memory nowhere, or cannot be read', sound: true };
}

function byConstants(kernel: Kernel, levels: 4 | 5): PageOffsetMethod[] {
  const [current, former] = fixedPageOffsets[levels];
  const method = (value: bigint, words: string): PageOffsetMethod => {
    const confirmed = mapsPhysical(kernel, value, 0x10_0000);
    return {
      method: words,
      value,
      note: confirmed ? 'confirmed: the page tables map physical memory there' : 'the page tables do not map physical memory there',
      sound: confirmed,
    };
  };
  return [
    method(current, `the constant of ${levels} levels since 4.20`),
    method(former, `the constant of ${levels} levels before 4.20, which makedumpfile falls back to`),
  ];
}

function mapsPhysical(kernel: Kernel, base: bigint, physical: number): boolean {
  return kernel.root.pageTable.translate(toAddress(base + BigInt(physical))).physical === physical;
}
