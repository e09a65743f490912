/** Slots of the fixmap (include/asm-generic/fixmap.h: __fix_to_virt), by the names of enum fixed_addresses. */
import { formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import type { IdentifyDetail } from '../../protocol/facts.ts';
import type { Kernel } from '../kernel.ts';
import { layoutOf, regionOfKind } from './layout.ts';
import { variable } from './layout-witnesses.ts';

/** The slot that holds `address`; none outside the fixmap and where its place is not known. */
export function describeFixmap(kernel: Kernel, address: Address): readonly IdentifyDetail[] {
  const top = kernel.once(fixmapTop);
  const slots = kernel.once(fixmapSlots);
  if (top === undefined || slots.length === 0) return [];
  const page = toAddress(address - (address % BigInt(kernel.pageSize)));
  const slot = Number((top - page) / BigInt(kernel.pageSize));
  const count = slots.find(({ name }) => name === '__end_of_fixed_addresses')?.value ?? 0;
  const region = regionOfKind(layoutOf(kernel), 'fixmap');
  if (page > top || slot >= count) return [];
  // Slots that only booting uses lie in other regions of 32-bit x86; slot 0, which most kernels leave free, in the next one.
  if (slot > 0 && region !== undefined && (address < region.start || address >= region.end)) return [];
  if (slot === 0 && layoutOf(kernel).regions.some(({ kind, start, end }) => kind !== 'fixmap' && address >= start && address < end))
    return [];
  const name = nameOf(slots, slot);
  return [
    {
      kind: 'fixmap',
      summary: `fixmap slot ${slot}${name === undefined ? ', which has no use' : `, ${name}`}`,
      slot,
      name: name ?? null,
      start: formatAddress(page),
    },
  ];
}

/** FIXADDR_TOP: the page of slot 0; slots go down from there. */
function fixmapTop(kernel: Kernel): bigint | undefined {
  if (kernel.machine.architecture === 'x86-32') return variable(kernel, '__FIXADDR_TOP') ?? 0xffff_f000n;
  return regionOfKind(layoutOf(kernel), 'fixmap')?.end;
}

interface Slot {
  readonly name: string;
  readonly value: number;
}

function fixmapSlots(kernel: Kernel): readonly Slot[] {
  const slots = (kernel.types?.enum('fixed_addresses')?.enumerators ?? []).map(({ name, value }) => ({ name, value: Number(value) }));
  return slots.sort((a, b) => a.value - b.value);
}

/** Enumerators name the first slot of a range, or with `_END` its lowest number. */
function nameOf(slots: readonly Slot[], slot: number): string | undefined {
  let found: Slot | undefined;
  for (const one of slots) {
    if (one.value > slot) break;
    if (found === undefined || one.value > found.value || found.name.startsWith('__end_of')) found = one;
  }
  if (found === undefined || found.name.startsWith('__end_of')) return undefined;
  const beyond = slot - found.value;
  if (beyond === 0) return found.name;
  return `${found.name}+${beyond}`;
}
