/**
 * Where the regions of an x86-64 kernel lie, each base found by every method that the image allows, so that
 * disagreement shows. VMCOREINFO has never held page_offset_base; the best witness is the kernel's own variable.
 */
import { toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { MemoryFault } from '../base/errors.ts';
import type { Finding, Kernel } from './kernel.ts';
import { startKernelMap } from './root-x86-64.ts';

export interface X8664Layout {
  readonly levels: 4 | 5;
  readonly physBase: bigint | undefined;
  readonly kaslrOffset: bigint | undefined;
  /** Start of the direct map of physical memory. */
  readonly pageOffset: Address;
  readonly vmallocStart: Address;
  /** First byte behind the vmalloc space. */
  readonly vmallocEnd: Address;
  readonly vmemmapStart: Address;
  readonly vmemmapEnd: Address;
  readonly modulesStart: Address;
  readonly modulesEnd: Address;
  readonly findings: readonly Finding[];
}

/** Bases without KASLR (Documentation/arch/x86/x86_64/mm.rst; 4-level page offset before 4.20 in second place). */
const fixedBases = {
  4: {
    pageOffset: [0xffff_8880_0000_0000n, 0xffff_8800_0000_0000n],
    vmalloc: 0xffff_c900_0000_0000n,
    vmemmap: 0xffff_ea00_0000_0000n,
  },
  5: {
    pageOffset: [0xff11_0000_0000_0000n, 0xff10_0000_0000_0000n],
    vmalloc: 0xffa0_0000_0000_0000n,
    vmemmap: 0xffd4_0000_0000_0000n,
  },
} as const;

const vmallocSize = { 4: 32n << 40n, 5: 12_800n << 40n } as const;
const linkAddress = 0xffff_ffff_8100_0000n;
/** MODULES_END (arch/x86/include/asm/pgtable_64_types.h). */
const modulesEnd = 0xffff_ffff_ff00_0000n;

export function layoutX8664(kernel: Kernel): X8664Layout {
  return kernel.once(findLayout);
}

function findLayout(kernel: Kernel): X8664Layout {
  const findings: Finding[] = [];
  const note = (quantity: string, value: bigint | undefined, source: string): void => {
    if (value !== undefined) findings.push({ quantity, value, source });
  };
  const levels = kernel.root.mode.virtualBits > 48 ? 5 : 4;
  const info = kernel.vmcoreinfo;
  const text = info?.symbol('_stext') ?? kernel.addressOf('_stext');
  const start = kernel.addressOf('_text') ?? text;

  const physBaseNote = info?.number('phys_base');
  note('physBase', physBaseNote === undefined ? undefined : BigInt.asUintN(64, physBaseNote), 'VMCOREINFO NUMBER(phys_base)');
  note('physBase', variable(kernel, 'phys_base'), "the kernel's variable phys_base");
  const textPhysical = text === undefined ? undefined : kernel.root.pageTable.translate(toAddress(text)).physical;
  if (text !== undefined && textPhysical !== undefined) {
    note('physBase', BigInt.asUintN(64, BigInt(textPhysical) - (text - startKernelMap)), 'the page tables, at _stext');
  }
  note('kaslrOffset', info?.hexValue('KERNELOFFSET'), 'VMCOREINFO KERNELOFFSET');
  if (start !== undefined) note('kaslrOffset', BigInt.asUintN(64, start - linkAddress), '_text less the default link address');

  note('pageOffset', variable(kernel, 'page_offset_base'), "the kernel's variable page_offset_base");
  note('pageOffset', pageOffsetFromSegments(kernel), 'the last PT_LOAD that has both addresses');
  note('pageOffset', pageOffsetFromTables(kernel, levels), 'the page tables: the first mapping that grows with physical memory');
  note('pageOffset', fixedPageOffset(kernel, levels), 'the constant of this paging mode, confirmed by the page tables');
  note('vmallocBase', variable(kernel, 'vmalloc_base'), "the kernel's variable vmalloc_base");
  note('vmallocBase', info?.number('VMALLOC_START'), 'VMCOREINFO NUMBER(VMALLOC_START)');
  note('vmemmapBase', variable(kernel, 'vmemmap_base'), "the kernel's variable vmemmap_base");
  note('vmemmapBase', info?.symbol('vmemmap'), 'VMCOREINFO SYMBOL(vmemmap)');

  const value = (quantity: string): bigint | undefined => findings.find((finding) => finding.quantity === quantity)?.value;
  warnOfDisagreement(kernel, findings);
  const fixed = fixedBases[levels];
  const vmallocStart = value('vmallocBase') ?? fixed.vmalloc;
  const vmemmapStart = value('vmemmapBase') ?? fixed.vmemmap;
  if (value('vmallocBase') === undefined) note('vmallocBase', fixed.vmalloc, 'the constant of this paging mode');
  if (value('vmemmapBase') === undefined) note('vmemmapBase', fixed.vmemmap, 'the constant of this paging mode');
  const imageSize = info?.number('KERNEL_IMAGE_SIZE') ?? 0x4000_0000n;
  const vmemmapSize = levels === 4 ? 1n << 40n : 512n << 40n;
  return {
    levels,
    physBase: value('physBase'),
    kaslrOffset: value('kaslrOffset'),
    pageOffset: toAddress(value('pageOffset') ?? fixed.pageOffset[0]),
    vmallocStart: toAddress(vmallocStart),
    vmallocEnd: toAddress(vmallocStart + vmallocSize[levels]),
    vmemmapStart: toAddress(vmemmapStart),
    vmemmapEnd: toAddress(vmemmapStart + vmemmapSize),
    modulesStart: toAddress(startKernelMap + imageSize),
    modulesEnd: toAddress(modulesEnd),
    findings,
  };
}

function variable(kernel: Kernel, name: string): bigint | undefined {
  const address = kernel.addressOf(name);
  if (address === undefined) return undefined;
  try {
    return kernel.memory.u64(address);
  } catch (error) {
    if (error instanceof MemoryFault) return undefined;
    throw error;
  }
}

/** makedumpfile's way; the last fitting segment, since 4.19's KCORE_REMAP segments come first and mislead. */
function pageOffsetFromSegments(kernel: Kernel): bigint | undefined {
  const fitting = kernel.image.virtualSegments.filter(
    ({ virtual, physical }) =>
      physical !== undefined && virtual >= 0xff00_0000_0000_0000n && virtual < startKernelMap && virtual >= physical,
  );
  const last = fitting.at(-1);
  return last?.physical === undefined ? undefined : last.virtual - last.physical;
}

const mostProbes = 100_000;

/**
 * Goes up the kernel half in steps of 1 GiB (the alignment that memory KASLR keeps), over holes in whole entries, to the
 * first place where physical memory is mapped in its own order.
 */
function pageOffsetFromTables(kernel: Kernel, levels: 4 | 5): bigint | undefined {
  const { pageTable } = kernel.root;
  const gib = 1n << 30n;
  const probe = Math.ceil((kernel.physical.ranges[0]?.start ?? 0) / 4096) * 4096;
  let base = levels === 4 ? 0xffff_8800_0000_0000n : 0xff10_0000_0000_0000n;
  for (let probes = 0; probes < mostProbes && base < startKernelMap; probes++) {
    if (mapsPhysical(kernel, base, probe) || mapsPhysical(kernel, base, 0x10_0000)) return base;
    const found = pageTable.translate(toAddress(base));
    const hole = found.physical === undefined ? BigInt(found.pageSize) : gib;
    const step = hole > gib ? hole : gib;
    base = (base / step) * step + step;
  }
  return undefined;
}

function fixedPageOffset(kernel: Kernel, levels: 4 | 5): bigint | undefined {
  return fixedBases[levels].pageOffset.find((base) => mapsPhysical(kernel, base, 0x10_0000));
}

function mapsPhysical(kernel: Kernel, base: bigint, physical: number): boolean {
  return kernel.root.pageTable.translate(toAddress(base + BigInt(physical))).physical === physical;
}

function warnOfDisagreement(kernel: Kernel, findings: readonly Finding[]): void {
  const first = new Map<string, Finding>();
  for (const finding of findings) {
    const known = first.get(finding.quantity);
    if (known === undefined) first.set(finding.quantity, finding);
    else if (known.value !== finding.value) {
      kernel.warn(
        `${finding.quantity}: ${known.source} says 0x${known.value.toString(16)}, ${finding.source} says 0x${finding.value.toString(16)}; the first is used`,
      );
    }
  }
}
