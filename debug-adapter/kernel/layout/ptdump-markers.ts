/**
 * The markers of a page-table dump. A kernel that has the dump has the table too, filled in at boot: it is read. For other
 * kernels the markers are computed from the layout.
 */
import { addToAddress, compareAddresses, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { limits } from '../../base/limits.ts';
import type { PtdumpMarker } from '../../pagetable/ptdump-lines.ts';
import type { Kernel } from '../kernel.ts';
import { layoutOf } from './layout.ts';
import { x8664Markers } from './ptdump-markers-x86-64.ts';
import { markersNamed, shapeOf, tryTable } from './ptdump-table.ts';

/** What a marker list is for: the kernel's half, the firmware's space, or a process alone in its root. */
export type MarkedSpace = 'kernel' | 'efi' | 'process';

/** Markers in ascending order, as the kernel's address_markers[]; empty where nothing tells them. */
export function ptdumpMarkers(kernel: Kernel, space: MarkedSpace): readonly PtdumpMarker[] {
  const { architecture } = kernel.machine;
  if (architecture === 'x86-64' || architecture === 'x86-32') return kernel.once(kernelMarkers);
  if (space === 'efi') return efiMarkers(kernel);
  if (space === 'kernel') return kernel.once(architecture === 's390x' ? s390Markers : kernelMarkers);
  const user = marker(0n, 'User Space');
  // With shared roots the kernel's half follows.
  return kernel.root.mode.split === 'shared' ? [user, ...kernel.once(kernelMarkers)] : [user];
}

function marker(address: bigint, name: string, maxLines = 0): PtdumpMarker {
  return { address: toAddress(address), name, maxLines };
}

function kernelMarkers(kernel: Kernel): readonly PtdumpMarker[] {
  return markersNamed(kernel, 'address_markers') ?? computedMarkers(kernel);
}

/** Marker names of each architecture's own table by the kinds of regions; the second is of the end. */
const markerNames: Readonly<Record<string, Readonly<Record<string, readonly [start: string, end?: string]>>>> = {
  'x86-32': {
    'direct-map': ['Kernel Mapping'],
    'vmalloc-space': ['vmalloc() Area', 'vmalloc() End'],
    pkmap: ['Persistent kmap() Area'],
    'ldt-remap': ['LDT remap'],
    'cpu-entry-area': ['CPU entry area'],
    fixmap: ['Fixmap area'],
  },
  arm64: {
    'direct-map': ['Linear Mapping start', 'Linear Mapping end'],
    'kasan-shadow': ['Kasan shadow start', 'Kasan shadow end'],
    'bpf-space': ['BPF start', 'BPF end'],
    'module-space': ['Modules start', 'Modules end'],
    'vmalloc-space': ['vmalloc() area', 'vmalloc() end'],
    'struct-page': ['vmemmap start', 'vmemmap end'],
    'pci-io': ['PCI I/O start', 'PCI I/O end'],
    fixmap: ['Fixmap start', 'Fixmap end'],
  },
  riscv64: {
    fixmap: ['Fixmap start', 'Fixmap end'],
    'pci-io': ['PCI I/O start', 'PCI I/O end'],
    'struct-page': ['vmemmap start', 'vmemmap end'],
    'vmalloc-space': ['vmalloc() area', 'vmalloc() end'],
    'direct-map': ['Linear mapping'],
    'kasan-shadow': ['Kasan shadow start', 'Kasan shadow end'],
    'module-space': ['Modules/BPF mapping'],
    'kernel-image': ['Kernel mapping'],
  },
  powerpc: {
    'direct-map': ['Start of kernel VM'],
    'vmalloc-space': ['vmalloc() Area', 'vmalloc() End'],
    'isa-io': ['isa I/O start', 'isa I/O end'],
    'phb-io': ['phb I/O start', 'phb I/O end'],
    ioremap: ['I/O remap start', 'I/O remap end'],
    'struct-page': ['vmemmap start'],
  },
  s390x: {
    'direct-map': ['Identity Mapping Start', 'Identity Mapping End'],
    'struct-page': ['vmemmap Area Start', 'vmemmap Area End'],
    'vmalloc-space': ['vmalloc Area Start', 'vmalloc Area End'],
    'module-space': ['Modules Area Start', 'Modules Area End'],
    'kernel-image': ['Kernel Image Start', 'Kernel Image End'],
    amode31: ['Amode31 Area Start', 'Amode31 Area End'],
    'real-memory-copy': ['Real Memory Copy Area Start', 'Real Memory Copy Area End'],
  },
  arm: {
    'module-space': ['Modules'],
    'direct-map': ['Kernel Mapping'],
    'vmalloc-space': ['vmalloc() Area', 'vmalloc() End'],
    fixmap: ['Fixmap Area'],
    vectors: ['Vectors', 'Vectors End'],
  },
};

/** For kernels without the dump: a marker at each region's start (and end, where the architecture has one), by address. */
export function computedMarkers(kernel: Kernel): readonly PtdumpMarker[] {
  const { architecture } = kernel.machine;
  if (architecture === 'x86-64') return x8664Markers(kernel);
  const names = markerNames[architecture.startsWith('ppc') ? 'powerpc' : architecture] ?? {};
  const found: PtdumpMarker[] = [];
  if (architecture === 'x86-32') found.push(marker(0n, 'User Space'));
  for (const region of layoutOf(kernel).regions) {
    const name = names[region.kind];
    if (name === undefined) continue;
    found.push(marker(region.start, name[0]));
    if (name[1] !== undefined) found.push(marker(region.end, name[1]));
  }
  if (found.length === 0) found.push(marker(kernel.root.mode.kernelBase, 'Kernel Space'));
  return found.sort((a, b) => compareAddresses(a.address, b.address));
}

/** A list built at boot of both ends of each area (arch/s390/mm/dump_pagetables.c:pt_dump_init). */
function s390Markers(kernel: Kernel): readonly PtdumpMarker[] {
  const title = marker(0n, 'Kernel Virtual Address Space');
  const read = tryTable(kernel, 'table of page-table dump markers', () => readS390Markers(kernel));
  return [title, ...(read ?? computedMarkers(kernel))];
}

function readS390Markers(kernel: Kernel): PtdumpMarker[] | undefined {
  const pointer = kernel.addressOf('markers');
  const counter = kernel.addressOf('markers_cnt');
  const shape = shapeOf(kernel, 'addr_marker');
  if (pointer === undefined || counter === undefined || shape?.has('is_start') !== true) return markersNamed(kernel, 'address_markers');
  const { memory } = kernel;
  const list = memory.pointer(pointer);
  const claimed = memory.u32(counter);
  const count = Math.min(claimed, limits.ptdumpMarkers);
  if (claimed > count) kernel.warn(`the page-table dump claims ${claimed} markers; only the first ${count} are taken`);
  const found: PtdumpMarker[] = [];
  for (let index = 0; index < count; index++) {
    const at: Address = addToAddress(list, index * shape.size);
    // The list begins and ends with a marker that has no name.
    const text = shape.pointer(at, 'name');
    if (text === 0n) continue;
    const name = memory.cString(text, 64);
    found.push(marker(shape.unsigned(at, 'start_address'), `${name} ${shape.number(at, 'is_start') === 0 ? 'End' : 'Start'}`));
  }
  return found.length === 0 ? undefined : found;
}

/** arm64 and riscv call the ends of the runtime services' space by name (drivers/firmware/efi/arm-runtime.c, riscv ptdump.c). */
function efiMarkers(kernel: Kernel): readonly PtdumpMarker[] {
  const read = markersNamed(kernel, 'efi_addr_markers');
  if (read !== undefined) return read;
  const end = kernel.machine.architecture === 'riscv64' ? 1n << 30n : 1n << BigInt(Math.min(48, kernel.root.mode.virtualBits));
  return [marker(0n, 'UEFI runtime start'), marker(end, 'UEFI runtime end')];
}
