/**
 * Where the regions of an x86-64 kernel lie, each base found by every method that the image allows, so that
 * disagreement shows. VMCOREINFO has never held page_offset_base; the best witness is the kernel's own variable.
 */
import { toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import type { Finding, Kernel } from '../kernel.ts';
import type { Layout } from './layout.ts';
import { variable, Witnesses } from './layout-witnesses.ts';
import { fixedPageOffsets, pageOffsetMethods } from './page-offset-x86-64.ts';
import { startKernelMap } from '../opening/root-x86-64.ts';

/** The regions of Documentation/arch/x86/x86_64/mm.rst as this kernel has them, randomised bases included. */
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

/** Bases without KASLR (Documentation/arch/x86/x86_64/mm.rst). */
const fixedBases = {
  4: { vmalloc: 0xffff_c900_0000_0000n, vmemmap: 0xffff_ea00_0000_0000n },
  5: { vmalloc: 0xffa0_0000_0000_0000n, vmemmap: 0xffd4_0000_0000_0000n },
} as const;

const vmallocSize = { 4: 32n << 40n, 5: 12_800n << 40n } as const;
const linkAddress = 0xffff_ffff_8100_0000n;
/** MODULES_END (arch/x86/include/asm/pgtable_64_types.h). */
const modulesEnd = 0xffff_ffff_ff00_0000n;

/**
 * Bases of the direct map, vmalloc space, vmemmap, KASAN's shadow and the constant regions, found once a kernel; each finding
 * names its witness.
 */
export function layoutX8664(kernel: Kernel): X8664Layout {
  return kernel.once(findLayout);
}

/** The layout in the words of all architectures. */
export function regionsX8664(kernel: Kernel): Layout {
  const layout = layoutX8664(kernel);
  const { physBase, kaslrOffset, findings, pageOffset, vmallocStart, modulesStart } = layout;
  const regions: readonly (readonly [start: bigint, end: bigint, kind: string, name: string])[] = [
    [pageOffset, vmallocStart, 'direct-map', 'the direct map'],
    [vmallocStart, layout.vmallocEnd, 'vmalloc-space', 'the vmalloc space'],
    [layout.vmemmapStart, layout.vmemmapEnd, 'struct-page', 'vmemmap'],
    [0xffff_fe00_0000_0000n, 0xffff_fe80_0000_0000n, 'cpu-entry-area', 'the CPU entry area'],
    [0xffff_ff00_0000_0000n, 0xffff_ff80_0000_0000n, 'espfix', 'the espfix area'],
    [0xffff_ffef_0000_0000n, 0xffff_ffff_0000_0000n, 'efi-runtime', 'EFI runtime services'],
    [startKernelMap, modulesStart, 'kernel-image', 'the kernel image'],
    [modulesStart, layout.modulesEnd, 'module-space', 'the module area'],
    [0xffff_ffff_ff60_0000n, 0xffff_ffff_ff60_1000n, 'vsyscall', 'the vsyscall page'],
    [layout.modulesEnd, 0xffff_ffff_ff7f_f000n, 'fixmap', 'the fixmap'],
  ];
  return {
    physBase,
    kaslrOffset,
    directMap: { start: pageOffset, end: vmallocStart, offset: pageOffset },
    imageOffset: physBase === undefined ? undefined : startKernelMap - BigInt.asIntN(64, physBase),
    regions: regions.map(([start, end, kind, name]) => ({ kind, name, start: toAddress(start), end })),
    findings,
  };
}

function findLayout(kernel: Kernel): X8664Layout {
  const found = new Witnesses(kernel);
  const { findings } = found;
  const note = found.note.bind(found);
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
  note('physBase', physBaseFromSegments(kernel, text), 'the PT_LOAD that holds _stext');
  note('kaslrOffset', info?.hexValue('KERNELOFFSET'), 'VMCOREINFO KERNELOFFSET');
  if (start !== undefined) note('kaslrOffset', BigInt.asUintN(64, start - linkAddress), '_text less the default link address');

  for (const { method, value: base, sound } of pageOffsetMethods(kernel)) if (sound) note('pageOffset', base, method);
  note('vmallocBase', variable(kernel, 'vmalloc_base'), "the kernel's variable vmalloc_base");
  note('vmallocBase', info?.number('VMALLOC_START'), 'VMCOREINFO NUMBER(VMALLOC_START)');
  note('vmemmapBase', variable(kernel, 'vmemmap_base'), "the kernel's variable vmemmap_base");
  note('vmemmapBase', info?.symbol('vmemmap'), 'VMCOREINFO SYMBOL(vmemmap)');

  const value = found.value.bind(found);
  found.warnOfDisagreement();
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
    pageOffset: toAddress(value('pageOffset') ?? fixedPageOffsets[levels][0]),
    vmallocStart: toAddress(vmallocStart),
    vmallocEnd: toAddress(vmallocStart + vmallocSize[levels]),
    vmemmapStart: toAddress(vmemmapStart),
    vmemmapEnd: toAddress(vmemmapStart + vmemmapSize),
    modulesStart: toAddress(startKernelMap + imageSize),
    modulesEnd: toAddress(modulesEnd),
    findings,
  };
}

/** The kernel image's segment in /proc/kcore and in a dump with virtual addresses. */
function physBaseFromSegments(kernel: Kernel, text: bigint | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const holder = kernel.image.virtualSegments.find(
    ({ virtual, size }) => virtual >= startKernelMap && text >= virtual && text < virtual + size,
  );
  return holder?.physical === undefined ? undefined : BigInt.asUintN(64, holder.physical - (holder.virtual - startKernelMap));
}
