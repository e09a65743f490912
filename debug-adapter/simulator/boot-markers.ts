/** address_markers[] of x86, filled in as at boot (arch/x86/mm/dump_pagetables.c): what the page-table dump goes by. */
import type { CTypes } from './c-declarations.ts';
import type { ImageBuilder } from './image-builder.ts';
import type { KernelMemory } from './kernel-memory.ts';
import type { MachineConfiguration } from './options.ts';
import type { Platform } from './platform.ts';
import { cpuEntryArea, efiEnd, espfixArea, fixmapTops, kasanEnd, kernelMap, x8632Regions, x8664Regions } from './x86-regions.ts';

interface MarkerBuilder {
  readonly configuration: MachineConfiguration;
  readonly platform: Platform;
  readonly memory: KernelMemory;
  readonly types: CTypes;
  readonly image: ImageBuilder;
}

type Marker = readonly [name: string, address: bigint, mostLines?: number];

const espfixLines = 16;

/** Writes the array with its end marker, and each marker's name, into the kernel's data. */
export function placeMarkers({ configuration, platform, memory, types, image }: MarkerBuilder): void {
  const markers = platform.architecture === 'x86-64' ? markers64(configuration, platform) : markers32(configuration, platform);
  const size = types.size('addr_marker');
  const at = image.place('data', 'address_markers', { size: size * (markers.length + 1) });
  const member = (index: number, name: string): number => at + index * size + types.offset('addr_marker', name);
  markers.forEach(([name, address, mostLines = 0], index) => {
    const text = image.place('data', `.marker${index}`, { size: 32 });
    memory.setText(text, name, 32);
    memory.setLong(member(index, 'start_address'), address);
    memory.setPointer(member(index, 'name'), text);
    memory.setWord(member(index, 'max_lines'), mostLines);
  });
  memory.setLong(member(markers.length, 'start_address'), memory.addressMask);
}

function addressOf(page: number): bigint {
  return BigInt(page) << 12n;
}

/** FIXADDR_START. */
function fixmapStart(configuration: MachineConfiguration, top: bigint): bigint {
  return top - BigInt(configuration.fixmapSlots) * 4096n;
}

function markers64(configuration: MachineConfiguration, platform: Platform): readonly Marker[] {
  const { features } = configuration;
  const constants = x8664Regions[platform.mode.levels.length === 5 ? 5 : 4];
  const kasan: readonly Marker[] = [
    ['KASAN shadow', constants.kasanStart],
    ['KASAN shadow end', kasanEnd],
  ];
  return [
    ['User Space', 0n],
    ['Kernel Space', 1n << 63n],
    ['LDT remap', constants.ldtRemap],
    ['Low Kernel Mapping', platform.directOffset],
    ['vmalloc() Area', addressOf(platform.vmalloc.start)],
    ['Vmemmap', platform.vmemmap ?? 0n],
    ...(features.kasan ? kasan : []),
    ['CPU entry Area', cpuEntryArea],
    ...(features.espfix ? [['ESPfix Area', espfixArea, espfixLines] as const] : []),
    ...(features.efi ? [['EFI Runtime Services', efiEnd] as const] : []),
    ['High Kernel Mapping', kernelMap],
    ['Modules', addressOf(platform.modules.start)],
    ['End Modules', addressOf(platform.modules.end)],
    ['Fixmap Area', fixmapStart(configuration, fixmapTops['x86-64'])],
  ];
}

function markers32(configuration: MachineConfiguration, platform: Platform): readonly Marker[] {
  return [
    ['User Space', 0n],
    ['Kernel Mapping', platform.directOffset],
    ['vmalloc() Area', addressOf(platform.vmalloc.start)],
    ['vmalloc() End', addressOf(platform.vmalloc.end)],
    ['Persistent kmap() Area', x8632Regions.persistentKmap],
    ['LDT remap', x8632Regions.ldtRemap],
    ['CPU entry area', x8632Regions.cpuEntryArea],
    ['Fixmap area', fixmapStart(configuration, fixmapTops['x86-32'])],
  ];
}
