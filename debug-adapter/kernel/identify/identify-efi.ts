/** EFI runtime memory by the firmware's memory map (struct efi.memmap, include/linux/efi.h). */
import { limits } from '../../base/limits.ts';
import { addToAddress, formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { IdentifyDetail } from '../../protocol/facts.ts';
import type { Kernel } from '../kernel.ts';

interface EfiRange {
  readonly type: number;
  readonly physical: bigint;
  readonly start: bigint;
  readonly end: bigint;
}

/** EFI_MEMORY_RUNTIME. */
const runtime = 1n << 63n;

/** UEFI 2.10, 7.2.3: EFI_MEMORY_TYPE. */
const typeNames = [
  'reserved memory',
  'loader code',
  'loader data',
  'boot services code',
  'boot services data',
  'runtime services code',
  'runtime services data',
  'conventional memory',
  'unusable memory',
  'ACPI tables',
  'ACPI non-volatile storage',
  'memory-mapped I/O',
  'memory-mapped I/O port space',
  'PAL code',
  'persistent memory',
];

/** The range of the firmware's runtime services that is given this virtual address. */
export function describeEfiRuntime(kernel: Kernel, address: Address): readonly IdentifyDetail[] {
  const found = kernel.once(runtimeRanges).find(({ start, end }) => address >= start && address < end);
  if (found === undefined) return [];
  const physical = found.physical + (address - found.start);
  return [
    {
      kind: 'efi-runtime',
      summary: `EFI ${typeNames[found.type] ?? `memory of type ${found.type}`}, physical ${formatAddress(physical)}; mapped while the firmware is called`,
      type: found.type,
      physical: formatAddress(physical),
      start: formatAddress(found.start),
      end: formatAddress(found.end),
    },
  ];
}

function runtimeRanges(kernel: Kernel): readonly EfiRange[] {
  const efi = kernel.addressOf('efi');
  if (efi === undefined || kernel.types === undefined) return [];
  const shape = kernel.structs('EFI memory').find('efi');
  if (shape?.has('memmap.map') !== true || !shape.has('memmap.nr_map') || !shape.has('memmap.desc_size')) return [];
  return (
    optionalRead(() => {
      const { memory } = kernel;
      const map = shape.pointer(efi, 'memmap.map');
      const claimed = shape.number(efi, 'memmap.nr_map');
      const count = map === 0n ? 0 : Math.min(claimed, limits.efiDescriptors);
      if (claimed > limits.efiDescriptors)
        kernel.warn(`the EFI memory map claims ${claimed} descriptors; the first ${limits.efiDescriptors} are read`);
      const size = shape.number(efi, 'memmap.desc_size');
      const ranges: EfiRange[] = [];
      for (let index = 0; index < count; index++) {
        // efi_memory_desc_t: type, padding, phys_addr, virt_addr, num_pages, attribute.
        const at = addToAddress(map, index * size);
        const start = memory.u64(addToAddress(at, 16));
        const bytes = memory.u64(addToAddress(at, 24)) << 12n;
        if (start === 0n || (memory.u64(addToAddress(at, 32)) & runtime) === 0n) continue;
        ranges.push({ type: memory.u32(at), physical: memory.u64(addToAddress(at, 8)), start, end: start + bytes });
      }
      return ranges;
    }) ?? []
  );
}
