/** The layout of a 64-bit powerpc kernel on Book3S (arch/powerpc/include/asm/book3s/64/pgtable.h, radix.h). */
import { toAddress } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import type { Layout } from './layout.ts';
import { endOfRam, imageOffset, imageRegion, variable, Witnesses } from './layout-witnesses.ts';

const linearBase = 0xc000_0000_0000_0000n;
const isaSize = 0x1_0000n;
const phbSize = 0x8000_0000n;
/** Of the I/O space, at its end (arch/powerpc/include/asm/book3s/64/pgtable.h). */
const fixmapSize = 32n << 20n;

/**
 * The direct map is at 0xc000000000000000 by the ABI; the vmalloc, I/O and vmemmap spaces are where the kernel's variables say,
 * for they differ between radix page sizes.
 */
export function layoutPowerpc(kernel: Kernel): Layout {
  const found = new Witnesses(kernel);
  found.note('pageOffset', linearBase, 'the constant of 64-bit powerpc');
  found.note('linearMapEnd', linearBase + endOfRam(kernel), 'the end of RAM');
  found.note('imageOffset', imageOffset(kernel), 'the page tables, at _stext');
  found.noteVariable('vmallocBase', '__vmalloc_start');
  found.noteNumber('vmallocBase', 'VMALLOC_START');
  found.noteVariable('vmallocEnd', '__vmalloc_end');
  found.noteVariable('ioStart', '__kernel_io_start');
  found.noteVariable('ioEnd', '__kernel_io_end');
  found.noteVariable('vmemmapBase', 'vmemmap');
  found.note(
    'vmemmapBase',
    kernel.vmcoreinfo?.symbol('vmemmap') === undefined ? undefined : variable(kernel, 'vmemmap'),
    'VMCOREINFO SYMBOL(vmemmap)',
  );
  const io = found.value('ioStart');
  if (io !== undefined) {
    found.note('isaEnd', io + isaSize, 'ISA_IO_END');
    found.note('phbEnd', io + phbSize, 'PHB_IO_END');
  }
  const ioEnd = found.value('ioEnd');
  if (ioEnd !== undefined) found.note('ioremapEnd', ioEnd - fixmapSize, 'IOREMAP_END');
  const vmemmap = found.value('vmemmapBase');
  const pageSize = kernel.vmcoreinfo?.size('page') ?? kernel.types?.struct('page')?.size;
  if (vmemmap !== undefined && pageSize !== undefined) {
    const frames = endOfRam(kernel) / BigInt(kernel.pageSize);
    found.note('vmemmapEnd', vmemmap + frames * BigInt(pageSize), 'a struct page for each frame of RAM');
  }
  found.warnOfDisagreement();
  return {
    physBase: undefined,
    kaslrOffset: undefined,
    directMap: { start: toAddress(linearBase), end: linearBase + endOfRam(kernel), offset: linearBase },
    imageOffset: found.value('imageOffset'),
    regions: [
      ...imageRegion(kernel),
      ...found.region('direct-map', 'the linear map', ['pageOffset', 'linearMapEnd']),
      ...found.region('vmalloc-space', 'the vmalloc space', ['vmallocBase', 'vmallocEnd']),
      ...found.region('isa-io', 'ISA I/O space', ['ioStart', 'isaEnd']),
      ...found.region('phb-io', 'PCI I/O space', ['isaEnd', 'phbEnd']),
      ...found.region('ioremap', 'the ioremap space', ['phbEnd', 'ioremapEnd']),
      ...found.region('fixmap', 'the fixmap', ['ioremapEnd', 'ioEnd']),
      ...found.region('struct-page', 'vmemmap', ['vmemmapBase', 'vmemmapEnd']),
    ],
    findings: found.findings,
  };
}
