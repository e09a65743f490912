/** The layout of a kernel of which VMCOREINFO and the page tables are the only witnesses. */
import type { Kernel } from '../kernel.ts';
import type { Layout } from './layout.ts';
import { imageOffset, imageRegion, Witnesses } from './layout-witnesses.ts';

/** The image and, where VMCOREINFO tells VMALLOC_START and VMALLOC_END, the vmalloc space; no direct map. */
export function layoutPlain(kernel: Kernel): Layout {
  const found = new Witnesses(kernel);
  found.note('imageOffset', imageOffset(kernel), 'the page tables, at _stext');
  found.noteNumber('vmallocBase', 'VMALLOC_START');
  found.noteNumber('vmallocEnd', 'VMALLOC_END');
  return {
    physBase: undefined,
    kaslrOffset: kernel.vmcoreinfo?.hexValue('KERNELOFFSET'),
    directMap: undefined,
    imageOffset: found.value('imageOffset'),
    regions: [...imageRegion(kernel), ...found.region('vmalloc-space', 'the vmalloc space', ['vmallocBase', 'vmallocEnd'])],
    findings: found.findings,
  };
}
