/** Builds a machine's memory as it is when its kernel has started: image, page tables, struct pages, allocators, first tasks. */
import { buildEfi } from './boot-efi.ts';
import { buildKasanShadow } from './boot-kasan.ts';
import { bootVmalloc } from './boot-vmalloc.ts';
import { bootProcesses, placeProcessVariables } from './boot-process.ts';
import { bootTasks } from './boot-tasks.ts';
import { placeMarkers } from './boot-markers.ts';
import { buildTables } from './boot-tables.ts';
import { encodeBtf } from './btf-encoder.ts';
import { Core } from './core.ts';
import type { CacheName } from './core.ts';
import type { CTypes } from './c-declarations.ts';
import { Fault } from './fault.ts';
import { ImageBuilder, imageSize } from './image-builder.ts';
import { encodeKallsyms } from './kallsyms-table.ts';
import type { KallsymsPart } from './kallsyms-table.ts';
import { functionNames } from './kernel-functions.ts';
import { buildUserHalf } from './isolation.ts';
import { KernelMemory } from './kernel-memory.ts';
import { kernelTypes } from './kernel-types.ts';
import { buildMemoryMap } from './memory-map.ts';
import type { MemoryMapBuilt } from './memory-map.ts';
import { configurationOf } from './options.ts';
import type { MachineConfiguration, MachineOptions } from './options.ts';
import { PageAllocator } from './page-allocator.ts';
import { platformOf } from './platform.ts';
import type { Platform } from './platform.ts';
import { SlabCache } from './slab.ts';
import { Tables } from './tables.ts';
import { vmcoreinfoText } from './vmcoreinfo-text.ts';

const release = '6.12.0-simulated';
const banner = `Linux version ${release} (pagewalk@simulator) (gcc) #1 SMP PREEMPT_DYNAMIC\n`;
const kallsymsAt = 2 ** 20;
const btfAt = 2 ** 20 + 2 ** 19;
/** Bytes of a CPU's per-CPU area. */
const perCpuSize = 4096;

/** Boots a machine. Throws `Fault` for options that no machine can have. */
export function boot(options: MachineOptions): Core {
  const configuration = configurationOf(options);
  const platform = platformOf(configuration, imageSize);
  const memory = memoryOf(platform);
  const types = kernelTypes({
    pointerSize: platform.pointerSize,
    architecture: platform.architecture,
    vmapRamFlags: configuration.features.vmapRamFlags,
    usedMap: configuration.features.usedMap,
    blockPages: configuration.blockPages,
    fixmapSlots: configuration.fixmapSlots,
    scanMembers: scanMembers(configuration.features),
  });
  const image = new ImageBuilder(memory);
  let next = platform.image.physical + imageSize;
  const early = (size: number, align: number): number => {
    const at = Math.ceil(next / align) * align;
    next = at + size;
    return at;
  };
  placeText(memory, image, configuration);
  const map = buildMemoryMap({ configuration, platform, memory, types, image, early });
  const tables = new Tables(memory, platform, configuration.pti && platform.architecture !== 'arm64');
  const rootSize = configuration.pti && platform.architecture !== 'arm64' ? 8192 : 4096;
  const root = image.place('data', 'swapper_pg_dir', { size: rootSize, align: rootSize });
  image.name(platform.architecture === 'x86-64' ? 'init_top_pgt' : 'swapper_pg_dir', root, 'D');
  const builder = { configuration, platform, memory, tables, image, root, page: () => early(4096, 4096) };
  buildTables(builder, map.pieces, types.size('page'));
  if (configuration.features.kasan) buildKasanShadow(builder, early);
  if (configuration.pti && platform.architecture !== 'arm64') buildUserHalf(builder);
  if (configuration.features.efi) buildEfi(builder, types);
  const pages = new PageAllocator(memory, { types, map, zones: map.zones });
  const perCpu = placePerCpu({ configuration, platform, memory, types, image, early });
  const variables = { configuration, platform, memory, types, image };
  placeVariables(variables, map);
  placeProcessVariables(variables);
  const caches = makeCaches({ memory, types, pages, early });
  const vmapPlaces = early(types.size('vmap_node') * configuration.cpus, 64);
  freeTheRest({ memory, pages, map }, next);
  const names = placeNames(variables);
  const core = new Core({
    configuration,
    platform,
    memory,
    types,
    tables,
    pages,
    caches,
    symbols: image.places,
    perCpu: perCpu.places,
    zeroCounter: perCpu.zeroCounter,
    root,
    vmcoreinfo: vmcoreinfoText({ ...variables, symbols: [...map.symbols, ...names], release }),
  });
  bootVmalloc(core, vmapPlaces);
  bootTasks(core);
  bootProcesses(core);
  return core;
}

/** What tells versions of the PAGEMAP_SCAN patch apart. */
function scanMembers({ scanVersion29, scanStopsWithoutRoom }: MachineConfiguration['features']): ('walk_end_addr' | 'cur_buf')[] {
  return [...(scanVersion29 ? ['walk_end_addr' as const] : []), ...(scanStopsWithoutRoom ? ['cur_buf' as const] : [])];
}

function memoryOf(platform: Platform): KernelMemory {
  try {
    return new KernelMemory({ ranges: platform.ram }, platform);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Fault(
      'argument',
      `this computer has no room for ${platform.ram.reduce((sum, { start, end }) => sum + end - start, 0)} bytes of simulated RAM`,
    );
  }
}

interface Variables {
  readonly configuration: MachineConfiguration;
  readonly platform: Platform;
  readonly memory: KernelMemory;
  readonly types: CTypes;
  readonly image: ImageBuilder;
}

function placeText(memory: KernelMemory, image: ImageBuilder, { features }: MachineConfiguration): void {
  const start = image.start('text');
  // Where no code is stands int3.
  memory.fill(start, 0xcc, image.start('rodata') - start);
  image.name('_text', start, 'T');
  image.name('_stext', start, 'T');
  for (const name of functionNames) image.place('text', name, { size: 256 });
  if (memory.pointerSize === 8) image.place('text', 'vmemmap_populate', { size: 256 });
  else image.place('text', 'vmalloc_fault', { size: 256 });
  if (features.efi) image.place('text', 'efi_sync_low_kernel_mappings', { size: 256 });
  image.place('entry', '__entry_text_start', { size: 4096, align: 4096 });
  image.place('entry', 'asm_exc_page_fault', { size: 256 });
  image.name('__entry_text_end', image.start('rodata') - 4096, 'T');
  image.name('_etext', image.start('rodata') - 4096, 'T');
  image.place('rodata', '__start_rodata', { size: 64 });
  const text = image.place('rodata', 'linux_banner', { size: 128 });
  memory.setText(text, banner, 128);
}

/** The areas of the CPUs, one behind the other; on x86-64 the symbols are offsets into them, elsewhere addresses in the image. */
function placePerCpu(at: Variables & { readonly early: (size: number, align: number) => number }): {
  places: Map<string, number[]>;
  zeroCounter: bigint;
} {
  const { configuration, platform, memory, types, image, early } = at;
  const units = early(perCpuSize * configuration.cpus, 4096);
  const absolute = platform.architecture === 'x86-64';
  const template = absolute ? 0 : image.place('data', '__per_cpu_start', { size: perCpuSize, align: 4096 });
  const offsets = image.place('data', '__per_cpu_offset', { size: 64 * memory.pointerSize });
  const base = absolute ? 0n : (memory.virtual(template) as bigint);
  for (let cpu = 0; cpu < configuration.cpus; cpu++) {
    memory.setLong(offsets + cpu * memory.pointerSize, BigInt.asUintN(64, memory.virtual(units + cpu * perCpuSize) - base));
  }
  const places = new Map<string, number[]>();
  let next = 64;
  const place = (name: string, size: number): bigint => {
    const offset = Math.ceil(next / 64) * 64;
    next = offset + size;
    places.set(
      name,
      Array.from({ length: configuration.cpus }, (_, cpu) => units + cpu * perCpuSize + offset),
    );
    if (absolute) image.absolute(name, BigInt(offset));
    else image.name(name, template + offset, 'D');
    return base + BigInt(offset);
  };
  if (absolute) {
    image.absolute('__per_cpu_start', 0n);
    image.absolute('__per_cpu_end', BigInt(perCpuSize));
  } else image.name('__per_cpu_end', template + perCpuSize, 'D');
  place('vmap_block_queue', types.size('vmap_block_queue'));
  place('runqueues', types.size('rq'));
  place('idle_threads', memory.pointerSize);
  if (platform.architecture !== 'arm64') place('cpu_tlbstate', types.size('tlb_state'));
  return { places, zeroCounter: place('no_counter', 4) };
}

function placeVariables({ configuration, platform, memory, types, image }: Variables, map: MemoryMapBuilt): void {
  const { cpus } = configuration;
  const word = memory.pointerSize;
  const variable = (name: string, value: bigint, size = word): void => {
    const at = image.place('data', name, { size, align: 8 });
    if (size === 4) memory.setU32(at, Number(BigInt.asUintN(32, value)));
    else memory.setLong(at, value);
  };
  const cpuMask = (1n << BigInt(cpus)) - 1n;
  for (const name of ['__cpu_possible_mask', '__cpu_online_mask']) {
    const at = image.place('data', name, { size: types.size('cpumask') });
    memory.setU32(at, Number(cpuMask & 0xffff_ffffn));
    memory.setU32(at + 4, Number(cpuMask >> 32n));
  }
  variable('nr_cpu_ids', BigInt(cpus), 4);
  variable('__num_online_cpus', BigInt(cpus), 4);
  variable('simulated_cpu', 0n, 4);
  if (platform.architecture !== 'arm64') {
    const at = image.place('data', 'boot_cpu_data', { size: types.size('cpuinfo_x86') });
    memory.setU8(at + types.offset('cpuinfo_x86', 'x86_phys_bits'), platform.physicalBits);
    memory.setU8(at + types.offset('cpuinfo_x86', 'x86_virt_bits'), platform.mode.virtualBits);
    // X86_FEATURE_PTI
    memory.setU32(at + types.offset('cpuinfo_x86', 'x86_capability[7]'), configuration.pti ? 1 << 11 : 0);
    const mask = image.place('data', '__supported_pte_mask', { size: 8 });
    memory.setU32(mask, 0xffff_ffff);
    memory.setU32(mask + 4, 0xffff_ffff);
    placeMarkers({ configuration, platform, memory, types, image });
    image.place('data', 'pgd_list', { size: 2 * word });
    memory.listInit(image.places.get('pgd_list') ?? 0);
  }
  if (platform.architecture === 'x86-64') {
    variable('page_offset_base', platform.directOffset);
    variable('vmalloc_base', BigInt(platform.vmalloc.start) << 12n);
    variable('vmemmap_base', platform.vmemmap ?? 0n);
    variable('phys_base', physBase(platform));
  } else if (platform.architecture === 'arm64') {
    variable('memstart_addr', BigInt(memory.ranges[0]?.start ?? 0));
  } else {
    variable('high_memory', platform.directOffset + BigInt(memory.ranges.at(-1)?.end ?? 0));
    variable('max_low_pfn', BigInt((memory.ranges.at(-1)?.end ?? 0) / 4096));
  }
  const uts = image.place('data', 'init_uts_ns', { size: types.size('uts_namespace') });
  const utsMember = (name: string, text: string): void => {
    memory.setText(uts + types.offset('uts_namespace', `name.${name}`), text, 65);
  };
  utsMember('sysname', 'Linux');
  utsMember('nodename', 'simulator');
  utsMember('release', release);
  utsMember('version', '#1 SMP PREEMPT_DYNAMIC');
  utsMember('machine', { 'x86-64': 'x86_64', 'x86-32': 'i686', arm64: 'aarch64' }[platform.architecture]);
  const modules = image.place('data', 'modules', { size: 2 * word });
  memory.listInit(modules);
  for (const name of ['init_mm', 'init_task', 'init_signals'] as const) {
    image.place('data', name, {
      size: types.size({ init_mm: 'mm_struct', init_task: 'task_struct', init_signals: 'signal_struct' }[name]),
      align: 64,
    });
  }
  for (const name of [
    'vmap_nodes',
    'nr_vmap_nodes',
    'vmap_zone_size',
    'vmap_lazy_nr',
    'nr_vmalloc_pages',
    'simulated_pid',
    'simulated_swap',
  ])
    image.place('data', name, { size: 8, align: 8 });
  image.place('data', 'empty_zero_page', { size: 4096, align: 4096 });
  image.place('data', 'swapper_space', { size: types.size('xarray') });
  image.place('data', 'free_vmap_area_root', { size: word });
  image.place('data', 'free_vmap_area_list', { size: 2 * word });
  if (map.zones.length === 0) throw new RangeError('no zone has memory');
}

/** Physical address of the image less the one that its virtual address would have. */
export function physBase(platform: Platform): bigint {
  return BigInt.asUintN(64, BigInt(platform.image.physical) - (platform.image.virtual - 0xffff_ffff_8000_0000n));
}

function makeCaches({
  memory,
  types,
  pages,
  early,
}: {
  memory: KernelMemory;
  types: CTypes;
  pages: PageAllocator;
  early: (size: number, align: number) => number;
}): Record<CacheName, SlabCache> {
  const place = (size: number): number => early(size, 64);
  const cache = (name: CacheName, size: number, align?: number): SlabCache =>
    new SlabCache(memory, { types, pages, place, name, size, ...(align === undefined ? {} : { align }) });
  return {
    vmap_area: cache('vmap_area', types.size('vmap_area')),
    vm_struct: cache('vm_struct', types.size('vm_struct')),
    vmap_block: cache('vmap_block', types.size('vmap_block')),
    xa_node: cache('xa_node', types.size('xa_node')),
    task_struct: cache('task_struct', types.size('task_struct'), 64),
    signal_cache: cache('signal_cache', types.size('signal_struct'), 64),
    mm_struct: cache('mm_struct', types.size('mm_struct'), 64),
    vm_area_struct: cache('vm_area_struct', types.size('vm_area_struct')),
    maple_node: cache('maple_node', types.size('maple_node'), 256),
    pgd_cache: cache('pgd_cache', 32, 32),
    'kmalloc-64': cache('kmalloc-64', 64),
    'kmalloc-256': cache('kmalloc-256', 256),
    dentry: cache('dentry', types.size('dentry')),
    inode_cache: cache('inode_cache', types.size('inode')),
    filp: cache('filp', types.size('file')),
  };
}

/** What was not used up to here goes to the page allocator: RAM above 1 MiB that neither image nor `early` memory takes. */
function freeTheRest({ memory, pages, map }: { memory: KernelMemory; pages: PageAllocator; map: MemoryMapBuilt }, earlyEnd: number): void {
  const { image } = memory.shape;
  const taken = { start: Math.floor(image.physical / 4096), end: Math.ceil(earlyEnd / 4096) };
  const free = (start: number, end: number): void => {
    for (let frame = start; frame < end; frame++) {
      const page = map.pageAt(frame);
      memory.setU32(page, 0);
      memory.setU32(page + pages.countOffset, 0);
    }
    for (const zone of map.zones) {
      const from = Math.max(start, zone.start);
      const to = Math.min(end, zone.end);
      if (from < to) pages.seed(from, to);
    }
  };
  for (const range of memory.ranges) {
    const start = Math.max(range.start / 4096, range.start < 2 ** 20 ? 2 ** 20 / 4096 : 0);
    const end = range.end / 4096;
    if (start >= end) continue;
    if (taken.start >= start && taken.start < end) {
      if (taken.end >= end) throw new Fault('argument', 'the RAM is too small for the kernel and its struct pages');
      free(start, taken.start);
      free(taken.end, end);
    } else free(start, end);
  }
}

/** kallsyms and BTF, which come last: they tell where all else is. */
function placeNames({ platform, memory, types, image }: Variables): (readonly [name: string, value: bigint])[] {
  const rodata = image.start('rodata');
  image.name('_end', image.start('data') + 2 ** 21 - 4096, 'B');
  image.name('_sdata', image.start('data'), 'D');
  const btf = encodeBtf(types);
  memory.write(rodata + btfAt, btf);
  image.name('__start_BTF', rodata + btfAt, 'R');
  image.name('__stop_BTF', rodata + btfAt + btf.length, 'R');
  const shape = {
    pointerSize: platform.pointerSize,
    relativeBase: memory.virtual(image.start('text')) as bigint,
    absolutePerCpu: platform.architecture === 'x86-64',
  };
  const at = rodata + kallsymsAt;
  const parts = Object.keys(encodeKallsyms([{ name: 'a', type: 'T', address: shape.relativeBase }], shape).offsets) as KallsymsPart[];
  parts.forEach((part, index) => {
    image.name(part, at + index, 'R');
  });
  // Their sizes do not depend on the addresses, so that a second pass knows its own.
  const { offsets } = encodeKallsyms(image.symbols(), shape);
  for (const part of parts) image.name(part, at + offsets[part], 'R');
  const { bytes, offsets: found } = encodeKallsyms(image.symbols(), shape);
  for (const part of parts) if (found[part] !== offsets[part]) throw new RangeError(`${part} lies elsewhere in the second pass`);
  memory.write(at, bytes);
  return parts
    .filter((part) => part !== 'kallsyms_markers' && part !== 'kallsyms_seqs_of_names')
    .map((part) => [part, memory.virtual(at + found[part])]);
}
