/** The layout of a 64-bit riscv kernel (Documentation/arch/riscv/vm-layout.rst, arch/riscv/kernel/vmcore_info.c). */
import { toAddress } from '../../base/address.ts';
import { UserError } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import type { Layout } from './layout.ts';
import { endOfRam, imageOffset, imageRegion, Witnesses } from './layout-witnesses.ts';

const top = 1n << 64n;
const pciSize = 16n << 20n;
/** A pmd for the slots and 4 MiB for the device tree (arch/riscv/include/asm/pgtable.h). */
const fixmapSize = 6n << 20n;

/** Bases by `kernel_map` (struct kernel_mapping) and VMCOREINFO; each finding names its witness. */
export function layoutRiscv(kernel: Kernel): Layout {
  const found = new Witnesses(kernel);
  const info = kernel.vmcoreinfo;
  found.note('linearMapOffset', mapping(kernel, 'va_pa_offset'), 'kernel_map.va_pa_offset');
  found.note('pageOffset', mapping(kernel, 'page_offset'), 'kernel_map.page_offset');
  found.noteNumber('pageOffset', 'PAGE_OFFSET');
  found.note('imageOffset', info?.number('va_kernel_pa_offset'), 'VMCOREINFO NUMBER(va_kernel_pa_offset)');
  found.note('imageOffset', imageOffset(kernel), 'the page tables, at _stext');
  found.note('kaslrOffset', mapping(kernel, 'virt_offset'), 'kernel_map.virt_offset');
  for (const [quantity, name] of [
    ['vmallocBase', 'VMALLOC_START'],
    ['vmallocEnd', 'VMALLOC_END'],
    ['vmemmapBase', 'VMEMMAP_START'],
    ['vmemmapEnd', 'VMEMMAP_END'],
    ['modulesStart', 'MODULES_VADDR'],
    ['modulesEnd', 'MODULES_END'],
    ['imageStart', 'KERNEL_LINK_ADDR'],
  ] as const) {
    found.noteNumber(quantity, name);
  }
  const vmemmap = found.value('vmemmapBase');
  if (vmemmap !== undefined) {
    found.note('pciStart', vmemmap - pciSize, 'VMEMMAP_START');
    found.note('pciEnd', vmemmap, 'VMEMMAP_START');
    found.note('fixmapStart', vmemmap - pciSize - fixmapSize, 'VMEMMAP_START');
    found.note('fixmapEnd', vmemmap - pciSize, 'VMEMMAP_START');
  }
  found.warnOfDisagreement();
  const offset = found.value('linearMapOffset');
  const pageOffset = found.value('pageOffset');
  const end = offset === undefined ? undefined : BigInt.asUintN(64, endOfRam(kernel) + offset);
  const directMap =
    offset === undefined || pageOffset === undefined || end === undefined || end <= pageOffset
      ? undefined
      : { start: toAddress(pageOffset), end, offset: BigInt.asIntN(64, offset) };
  if (directMap !== undefined) found.note('linearMapEnd', directMap.end, 'the end of RAM');
  const image = found.value('imageStart');
  return {
    physBase: info?.number('phys_ram_base'),
    kaslrOffset: found.value('kaslrOffset'),
    directMap,
    imageOffset: found.value('imageOffset'),
    regions: [
      ...found.region('fixmap', 'the fixmap', ['fixmapStart', 'fixmapEnd']),
      ...found.region('pci-io', 'PCI I/O space', ['pciStart', 'pciEnd']),
      ...found.region('vmalloc-space', 'the vmalloc space', ['vmallocBase', 'vmallocEnd']),
      ...found.region('struct-page', 'vmemmap', ['vmemmapBase', 'vmemmapEnd']),
      ...found.region('direct-map', 'the linear map', ['pageOffset', 'linearMapEnd']),
      ...found.region('module-space', 'the module and BPF area', ['modulesStart', 'modulesEnd']),
      ...(image === undefined
        ? imageRegion(kernel)
        : [{ kind: 'kernel-image', name: 'the kernel mapping', start: toAddress(image), end: top }]),
    ],
    findings: found.findings,
  };
}

/** A member of the kernel's struct kernel_mapping. */
function mapping(kernel: Kernel, member: string): bigint | undefined {
  const at = kernel.addressOf('kernel_map');
  if (at === undefined || kernel.types === undefined) return undefined;
  try {
    const shape = kernel.structs('the layout').find('kernel_mapping');
    return shape?.has(member) === true ? shape.unsigned(at, member) : undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return undefined;
  }
}
