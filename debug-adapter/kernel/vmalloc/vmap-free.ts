/**
 * Free address space as mm/vmalloc.c keeps it since 5.2: areas on free_vmap_area_list, in a tree that knows the largest area
 * below each node. Before, what no area covers is free.
 */
import { formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import { layoutOf } from '../layout/layout.ts';
import { walkList } from '../containers/list.ts';
import { byAddress, vmapAreas } from './vmap-area.ts';
import { vmapPlaces } from './vmap-places.ts';

/** Addresses [start, end) in bytes that nobody has. */
export interface FreeArea {
  /** Of the vmap_area; undefined for a gap that the kernel does not record. */
  readonly address: Address | undefined;
  readonly start: Address;
  readonly end: Address;
}

/** What is free of the vmalloc space, by the kernel's own list or by the gaps between areas. */
export interface FreeAreas {
  /** Ascending as the kernel's list is. */
  readonly areas: readonly FreeArea[];
  /** False where gaps between the areas are told, inside the vmalloc space and the module area. */
  readonly recorded: boolean;
}

const topAddress = toAddress((1n << 64n) - 1n);

/** Free address space; read once for each kernel. */
export function freeAreas(kernel: Kernel): FreeAreas {
  return kernel.once(readFreeAreas);
}

function readFreeAreas(kernel: Kernel): FreeAreas {
  const place = vmapPlaces(kernel).free;
  if (place === undefined) return { areas: gaps(kernel), recorded: false };
  const shape = kernel.structs('listing free vmalloc areas').get('vmap_area');
  const areas: FreeArea[] = [];
  const objects = walkList(kernel.memory, place.head, shape.offset('list'), (message) => {
    kernel.warn(`vmalloc: ${message}; free areas behind it are missing`);
  });
  for (const address of objects) {
    try {
      areas.push({ address, start: shape.pointer(address, 'va_start'), end: shape.pointer(address, 'va_end') });
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      kernel.warn(`vmalloc: the free vmap_area at ${formatAddress(address)} cannot be read: ${error.reason}`);
    }
  }
  return { areas, recorded: true };
}

/** What lies between the areas of the vmalloc space and of the module area. */
function gaps(kernel: Kernel): FreeArea[] {
  const { busy, lazy } = vmapAreas(kernel);
  const taken = byAddress([...busy, ...lazy]);
  const found: FreeArea[] = [];
  for (const { kind, start: first, end: behind } of layoutOf(kernel).regions) {
    if (kind !== 'vmalloc-space' && kind !== 'module-space') continue;
    const last = behind > topAddress ? topAddress : toAddress(behind);
    let from = first;
    for (const { start, end } of taken) {
      if (end <= from || start >= last) continue;
      if (start > from) found.push({ address: undefined, start: from, end: start });
      from = end;
    }
    if (from < last) found.push({ address: undefined, start: from, end: last });
  }
  return found;
}
