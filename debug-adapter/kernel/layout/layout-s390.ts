/** The layout of an s390 kernel (arch/s390/boot/startup.c:setup_kernel_memory_layout, arch/s390/kernel/vmcore_info.c). */
import { toAddress } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import type { Layout } from './layout.ts';
import { endOfRam, imageOffset, imageRegion, variable, Witnesses } from './layout-witnesses.ts';

/**
 * The identity mapping is at IDENTITYBASE, or at 0 in kernels that do not note it; other bases are VMCOREINFO's and the
 * kernel's variables.
 */
export function layoutS390(kernel: Kernel): Layout {
  const found = new Witnesses(kernel);
  const info = kernel.vmcoreinfo;
  found.note('pageOffset', info?.hexValue('IDENTITYBASE'), 'VMCOREINFO IDENTITYBASE');
  // Before the identity mapping could move, it began at 0.
  if (found.value('pageOffset') === undefined) found.note('pageOffset', 0n, 'the identity mapping of kernels that do not note it');
  found.note('imageOffset', imageOffset(kernel), 'the page tables, at _stext');
  found.note('kaslrOffset', info?.hexValue('KERNELOFFSET'), 'VMCOREINFO KERNELOFFSET');
  found.note('physBase', info?.hexValue('KERNELOFFPHYS'), 'VMCOREINFO KERNELOFFPHYS');
  found.note('amode31Start', info?.hexValue('SAMODE31'), 'VMCOREINFO SAMODE31');
  found.note('amode31End', info?.hexValue('EAMODE31'), 'VMCOREINFO EAMODE31');
  found.noteVariable('realMemoryCopy', '__memcpy_real_area');
  const copy = found.value('realMemoryCopy');
  if (copy !== undefined) found.note('realMemoryCopyEnd', copy + 4096n, 'one page');
  found.noteVariable('vmallocBase', 'VMALLOC_START');
  found.noteNumber('vmallocBase', 'VMALLOC_START');
  found.noteVariable('vmallocEnd', 'VMALLOC_END');
  found.noteVariable('modulesStart', 'MODULES_VADDR');
  found.noteVariable('modulesEnd', 'MODULES_END');
  found.noteVariable('vmemmapBase', 'vmemmap');
  const vmemmap = found.value('vmemmapBase');
  const size = variable(kernel, 'vmemmap_size');
  if (vmemmap !== undefined && size !== undefined) found.note('vmemmapEnd', vmemmap + size, "the kernel's variable vmemmap_size");
  const base = found.value('pageOffset') ?? 0n;
  const end = base + (variable(kernel, 'ident_map_size') ?? endOfRam(kernel));
  found.note('linearMapEnd', end, 'the size of the identity mapping');
  found.warnOfDisagreement();
  return {
    physBase: found.value('physBase'),
    kaslrOffset: found.value('kaslrOffset'),
    directMap: { start: toAddress(base), end, offset: base },
    imageOffset: found.value('imageOffset'),
    regions: [
      ...imageRegion(kernel),
      ...found.region('amode31', 'the amode31 area', ['amode31Start', 'amode31End']),
      ...found.region('direct-map', 'the identity mapping', ['pageOffset', 'linearMapEnd']),
      ...found.region('real-memory-copy', 'the real memory copy area', ['realMemoryCopy', 'realMemoryCopyEnd']),
      ...found.region('struct-page', 'vmemmap', ['vmemmapBase', 'vmemmapEnd']),
      ...found.region('vmalloc-space', 'the vmalloc space', ['vmallocBase', 'vmallocEnd']),
      ...found.region('module-space', 'the module area', ['modulesStart', 'modulesEnd']),
    ],
    findings: found.findings,
  };
}
