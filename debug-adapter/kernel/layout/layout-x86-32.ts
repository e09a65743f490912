/**
 * The layout of a 32-bit x86 kernel (arch/x86/include/asm/pgtable_32_areas.h): the direct map up to high_memory, behind a
 * gap the vmalloc space, and constants at the top, which the dump's own markers tell where it has them.
 */
import { toAddress } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import type { Layout, Region } from './layout.ts';
import { imageOffset, imageRegion, Witnesses } from './layout-witnesses.ts';
import { endByPageTables } from './linear-map.ts';
import { markersNamed } from './ptdump-table.ts';

const top = 1n << 32n;

/** Regions by the name of the marker that begins them; the next marker ends them. */
const regionsOfMarkers: Readonly<Record<string, readonly [kind: string, name: string]>> = {
  'Persistent kmap() Area': ['pkmap', 'the persistent kmap area'],
  'LDT remap': ['ldt-remap', 'the LDT remap area'],
  'CPU entry area': ['cpu-entry-area', 'the CPU entry area'],
  'Fixmap area': ['fixmap', 'the fixmap'],
};

/**
 * The direct map from PAGE_OFFSET up to high_memory and the regions above, by variables, VMCOREINFO and the kernel's own dump
 * markers.
 */
export function layoutX8632(kernel: Kernel): Layout {
  const found = new Witnesses(kernel);
  const markers = markersNamed(kernel, 'address_markers') ?? [];
  const at = (name: string): bigint | undefined => markers.find((marker) => marker.name === name)?.address;
  // Kernel image and direct map are one.
  found.note('pageOffset', imageOffset(kernel), 'the page tables, at _stext');
  found.note('pageOffset', at('Kernel Mapping'), "the kernel's dump markers");
  found.noteVariable('linearMapEnd', 'high_memory');
  found.noteNumber('vmallocBase', 'VMALLOC_START');
  found.note('vmallocBase', at('vmalloc() Area'), "the kernel's dump markers");
  found.note('vmallocEnd', at('vmalloc() End'), "the kernel's dump markers");
  found.warnOfDisagreement();
  const offset = found.value('pageOffset');
  if (offset !== undefined && found.value('linearMapEnd') === undefined && found.value('vmallocBase') === undefined) {
    found.note('linearMapEnd', endByPageTables(kernel, { start: offset, offset }), 'the page tables');
  }
  const end = found.value('linearMapEnd') ?? found.value('vmallocBase');
  const upper = markers.flatMap(({ name, address }, index): Region[] => {
    const region = regionsOfMarkers[name];
    return region === undefined
      ? []
      : [{ kind: region[0], name: region[1], start: toAddress(address), end: markers[index + 1]?.address ?? top }];
  });
  return {
    physBase: undefined,
    kaslrOffset: kernel.vmcoreinfo?.hexValue('KERNELOFFSET'),
    directMap: offset === undefined || end === undefined ? undefined : { start: toAddress(offset), end, offset },
    imageOffset: offset,
    regions: [
      ...imageRegion(kernel),
      ...found.region('direct-map', 'the direct map', ['pageOffset', 'linearMapEnd']),
      ...found.region('vmalloc-space', 'the vmalloc space', ['vmallocBase', 'vmallocEnd']),
      ...upper,
    ],
    findings: found.findings,
  };
}
