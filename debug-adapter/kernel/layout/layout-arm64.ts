/**
 * The layout of an arm64 kernel (arch/arm64/include/asm/memory.h, Documentation/arch/arm64/memory.rst). The kernel notes
 * most of it (arch/arm64/kernel/vmcore_info.c); where it does not, the constants follow from VA_BITS.
 */
import { toAddress } from '../../base/address.ts';
import { neverCancelled } from '../../base/cancellation.ts';
import { mappedRuns } from '../../pagetable/mapped-runs.ts';
import type { Kernel } from '../kernel.ts';
import type { Layout } from './layout.ts';
import { endOfRam, imageOffset, imageRegion, Witnesses } from './layout-witnesses.ts';

const top = 1n << 64n;
const gib = 1n << 30n;

/**
 * Bases by VMCOREINFO first, then the kernel's variables, then constants of VA_BITS; each finding names its witness. An unknown
 * base leaves its region out.
 */
export function layoutArm64(kernel: Kernel): Layout {
  const found = new Witnesses(kernel);
  const info = kernel.vmcoreinfo;
  const bits = BigInt(kernel.root.mode.virtualBits);
  const configured = info?.number('VA_BITS') ?? bits;
  // A kernel built for 52 bits counts its linear map from there also where the CPU has fewer.
  const linearBase = top - (1n << configured);
  found.noteNumber('physOffset', 'PHYS_OFFSET');
  found.noteVariable('physOffset', 'memstart_addr');
  found.note('imageOffset', info?.number('kimage_voffset'), 'VMCOREINFO NUMBER(kimage_voffset)');
  found.note('imageOffset', imageOffset(kernel), 'the page tables, at _stext');
  found.note('kaslrOffset', info?.hexValue('KERNELOFFSET'), 'VMCOREINFO KERNELOFFSET');
  for (const [quantity, name] of [
    ['modulesStart', 'MODULES_VADDR'],
    ['modulesEnd', 'MODULES_END'],
    ['vmallocBase', 'VMALLOC_START'],
    ['vmallocEnd', 'VMALLOC_END'],
    ['vmemmapBase', 'VMEMMAP_START'],
    ['vmemmapEnd', 'VMEMMAP_END'],
  ] as const) {
    found.noteNumber(quantity, name);
  }
  const linearEnd = top - (1n << (configured < 48n ? configured - 1n : 47n));
  noteFormer(kernel, found, { linearEnd, configured });
  if (found.value('modulesStart') === undefined) found.note('modulesStart', linearEnd, 'VA_BITS');
  if (found.value('modulesEnd') === undefined) found.note('modulesEnd', linearEnd + 2n * gib, 'VA_BITS');
  if (found.value('vmallocBase') === undefined) found.note('vmallocBase', found.value('modulesEnd'), 'the end of the modules');
  noteTop(kernel, found);
  found.warnOfDisagreement();

  const offset = found.value('physOffset');
  const base = kernel.root.mode.kernelBase;
  const directMap =
    offset === undefined ? undefined : { start: toAddress(base), end: linearEnd, offset: linearBase - BigInt.asIntN(64, offset) };
  if (directMap !== undefined) {
    found.note('pageOffset', linearBase, 'VA_BITS');
    found.note('linearMapEnd', BigInt.asUintN(64, endOfRam(kernel) + directMap.offset), 'the end of RAM');
  }
  return {
    physBase: undefined,
    kaslrOffset: found.value('kaslrOffset'),
    directMap,
    imageOffset: found.value('imageOffset'),
    regions: [
      ...imageRegion(kernel),
      { kind: 'direct-map', name: 'the linear map', start: toAddress(base), end: linearEnd },
      ...found.region('bpf-space', 'the area of BPF programs', ['bpfStart', 'bpfEnd']),
      ...found.region('module-space', 'the module area', ['modulesStart', 'modulesEnd']),
      ...found.region('vmalloc-space', 'the vmalloc space', ['vmallocBase', 'vmallocEnd']),
      ...found.region('struct-page', 'vmemmap', ['vmemmapBase', 'vmemmapEnd']),
      ...found.region('pci-io', 'PCI I/O space', ['pciStart', 'pciEnd']),
      ...found.region('fixmap', 'the fixmap', ['fixmapStart', 'fixmapEnd']),
    ],
    findings: found.findings,
  };
}

const mib = 1n << 20n;

/**
 * Kernels that do not note their module area (before 6.1): it has 128 MiB and ends where the image is linked to begin
 * (KIMAGE_VADDR); before 5.17 the area of BPF programs lies below it. The vmalloc space goes up to vmemmap.
 */
function noteFormer(kernel: Kernel, found: Witnesses, of: { readonly linearEnd: bigint; readonly configured: bigint }): void {
  const text = kernel.addressOf('_text') ?? kernel.addressOf('_stext');
  const offset = found.value('kaslrOffset');
  if (found.value('modulesEnd') !== undefined || text === undefined || offset === undefined) return;
  const linked = BigInt.asUintN(64, text - offset) & ~(2n * mib - 1n);
  if (linked < of.linearEnd + 128n * mib || linked > of.linearEnd + gib) return;
  found.note('modulesStart', linked - 128n * mib, 'the link address of the image');
  found.note('modulesEnd', linked, 'the link address of the image');
  if (linked - 128n * mib > of.linearEnd) {
    found.note('bpfStart', of.linearEnd, 'VA_BITS');
    found.note('bpfEnd', linked - 128n * mib, 'the link address of the image');
  }
  found.note('vmallocBase', linked, 'the link address of the image');
  noteVmallocEnd(kernel, found, of.configured);
}

/**
 * The end of the vmalloc space is counted from vmemmap, which up to 5.10 ended 2 MiB below the top, and since has as much again
 * behind it (arch/arm64/include/asm/memory.h, pgtable.h). Struct pages of RAM lie in its lower part: the page tables show in which.
 */
function noteVmallocEnd(kernel: Kernel, found: Witnesses, configured: bigint): void {
  const { mode } = kernel.root;
  const size = 1n << (configured - 1n - (BigInt(mode.pageShift) - 6n));
  const source = 'the page tables, where the struct pages are';
  if (mapsAnyOf(kernel, top - size - 2n * mib, top - 2n * mib)) {
    const pud = mode.levels.find(({ name }) => name === 'pud') ?? mode.levels[0];
    found.note('vmallocEnd', top - (1n << BigInt(pud?.shift ?? 30)) - size - 64n * 1024n, source);
  } else found.note('vmallocEnd', top - 2n * size - 256n * mib, source);
}

function mapsAnyOf(kernel: Kernel, start: bigint, end: bigint): boolean {
  const range = { start: Number(start >> 12n), end: Number(end >> 12n) };
  return mappedRuns(kernel.root.pageTable, { range, user: false, token: neverCancelled }).runs.length > 0;
}

/** What lies above vmemmap where that ends 1 GiB below the top (since 6.9): PCI I/O space and the fixmap. */
function noteTop(kernel: Kernel, found: Witnesses): void {
  const vmemmapEnd = found.value('vmemmapEnd');
  if (vmemmapEnd !== top - gib) return;
  found.note('pciStart', vmemmapEnd + 8n * mib, 'VMEMMAP_END');
  found.note('pciEnd', vmemmapEnd + 24n * mib, 'VMEMMAP_END');
  const slots = kernel.types?.enumerator('__end_of_fixed_addresses');
  if (slots === undefined) return;
  const fixmapEnd = top - 8n * mib;
  found.note('fixmapStart', fixmapEnd - slots * BigInt(kernel.pageSize), 'the number of fixmap slots');
  found.note('fixmapEnd', fixmapEnd, 'FIXADDR_TOP');
}
