/** The text of VMCOREINFO, key by key in the order of kernel/vmcore_info.c and arch/ARCH/kernel/vmcore_info*.c. */
import type { CTypes } from './c-declarations.ts';
import type { ImageBuilder } from './image-builder.ts';
import type { KernelMemory } from './kernel-memory.ts';
import { pageFlags, pageTypes } from './kernel-types.ts';
import type { MachineConfiguration } from './options.ts';
import type { Platform } from './platform.ts';

/** What the VMCOREINFO note is written from (kernel/vmcore_info.c). */
export interface VmcoreinfoInput {
  readonly configuration: MachineConfiguration;
  readonly platform: Platform;
  readonly memory: KernelMemory;
  readonly types: CTypes;
  readonly image: ImageBuilder;
  /** Symbols that are not those of the image alone. */
  readonly symbols: readonly (readonly [name: string, value: bigint])[];
  readonly release: string;
}

/** Lines as the kernel of `release` would write them, each ended by a newline. */
export function vmcoreinfoText(input: VmcoreinfoInput): string {
  const { platform, memory, types, image, release } = input;
  const values = new Map(input.symbols);
  const lines: string[] = [];
  const symbol = (name: string): void => {
    const place = image.places.get(name);
    const value = values.get(name) ?? (place === undefined ? undefined : memory.virtual(place));
    if (value !== undefined) lines.push(`SYMBOL(${name})=${value.toString(16)}`);
  };
  const size = (struct: string): number => lines.push(`SIZE(${struct})=${types.size(struct)}`);
  const offset = (struct: string, member: string): number => lines.push(`OFFSET(${struct}.${member})=${types.offset(struct, member)}`);
  const number = (name: string, value: bigint | number): number => lines.push(`NUMBER(${name})=${value}`);
  lines.push(`OSRELEASE=${release}`, 'PAGESIZE=4096');
  symbol('init_uts_ns');
  offset('uts_namespace', 'name');
  symbol('node_online_map');
  symbol('swapper_pg_dir');
  symbol('_stext');
  lines.push(`NUMBER(VMALLOC_START)=0x${(BigInt(platform.vmalloc.start) << 12n).toString(16)}`);
  const flat = platform.vmemmap === undefined;
  if (flat) {
    symbol('mem_map');
    symbol('contig_page_data');
  } else {
    // The kernel tells the address of vmemmap's first element, that of frame 0.
    symbol('vmemmap');
    symbol('mem_section');
    lines.push('LENGTH(mem_section)=2048');
    size('mem_section');
    offset('mem_section', 'section_mem_map');
    number('SECTION_SIZE_BITS', platform.sectionBits);
    number('MAX_PHYSMEM_BITS', platform.physicalBits);
  }
  for (const struct of ['page', 'pglist_data', 'zone', 'free_area', 'list_head']) size(struct);
  lines.push(`SIZE(nodemask_t)=${flat ? 4 : 128}`);
  for (const member of ['flags', '_refcount', 'mapping', 'lru', '_mapcount', 'private', 'compound_head']) offset('page', member);
  offset('pglist_data', 'node_zones');
  offset('pglist_data', 'nr_zones');
  if (flat) offset('pglist_data', 'node_mem_map');
  for (const member of ['node_start_pfn', 'node_spanned_pages', 'node_id']) offset('pglist_data', member);
  for (const member of ['free_area', 'vm_stat', 'spanned_pages']) offset('zone', member);
  offset('free_area', 'free_list');
  offset('list_head', 'next');
  offset('list_head', 'prev');
  lines.push('LENGTH(zone.free_area)=11', 'LENGTH(free_area.free_list)=5');
  number('NR_FREE_PAGES', 0);
  for (const name of ['lru', 'private', 'swapbacked', 'hwpoison'] as const) number(`PG_${name}`, pageFlags.indexOf(name));
  number('PG_swapcache', pageFlags.indexOf('owner_priv_1'));
  number('PG_head_mask', 1 << pageFlags.indexOf('head'));
  for (const name of ['slab', 'buddy', 'hugetlb', 'offline'] as const)
    number(`PAGE_${name.toUpperCase()}_MAPCOUNT_VALUE`, (pageTypes[name] << 24) | 0);
  for (const part of ['names', 'num_syms', 'token_table', 'token_index', 'offsets', 'relative_base']) symbol(`kallsyms_${part}`);
  architecture(input, { symbol, number, line: (text) => lines.push(text) });
  return `${lines.join('\n')}\n`;
}

function architecture(
  { configuration, platform, memory }: VmcoreinfoInput,
  add: {
    readonly symbol: (name: string) => void;
    readonly number: (name: string, value: bigint | number) => void;
    readonly line: (text: string) => void;
  },
): void {
  const { image } = platform;
  switch (platform.architecture) {
    case 'x86-64':
      add.number('phys_base', BigInt.asIntN(64, BigInt(image.physical) - (image.virtual - 0xffff_ffff_8000_0000n)));
      add.symbol('init_top_pgt');
      add.number('pgtable_l5_enabled', platform.mode.levels.length === 5 ? 1 : 0);
      add.symbol('node_data');
      add.line('LENGTH(node_data)=1024');
      add.line(`KERNELOFFSET=${platform.kaslrOffset.toString(16)}`);
      add.number('KERNEL_IMAGE_SIZE', 0x4000_0000);
      add.number('sme_mask', 0);
      if (configuration.features.pageOffsetNote) add.number('page_offset_base', BigInt.asIntN(64, platform.directOffset));
      break;
    case 'x86-32':
      add.line('CONFIG_X86_PAE=y');
      break;
    case 'arm64':
      add.symbol('node_data');
      add.line('LENGTH(node_data)=1024');
      add.number('VA_BITS', 48);
      add.line(`NUMBER(MODULES_VADDR)=0x${(BigInt(platform.modules.start) << 12n).toString(16)}`);
      add.line(`NUMBER(MODULES_END)=0x${(BigInt(platform.modules.end) << 12n).toString(16)}`);
      add.line(`NUMBER(VMALLOC_END)=0x${(BigInt(platform.vmalloc.end) << 12n).toString(16)}`);
      add.line('NUMBER(VMEMMAP_START)=0xfffffdffc0000000');
      add.line('NUMBER(VMEMMAP_END)=0xffffffffc0000000');
      add.line(`NUMBER(kimage_voffset)=0x${BigInt.asUintN(64, image.virtual - BigInt(image.physical)).toString(16)}`);
      add.line(`NUMBER(PHYS_OFFSET)=0x${(memory.ranges[0]?.start ?? 0).toString(16)}`);
      add.line('NUMBER(TCR_EL1_T1SZ)=0x10');
      add.line(`KERNELOFFSET=${platform.kaslrOffset.toString(16)}`);
      add.number('KERNELPACMASK', 0);
  }
}
