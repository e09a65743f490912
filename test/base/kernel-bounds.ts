/** Bounds on what is read of a kernel's own structures, each exceeded. */
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { walkList } from '../../debug-adapter/kernel/containers/list.ts';
import { rootSync } from '../../debug-adapter/kernel/findings/root-sync.ts';
import { describePerCpu } from '../../debug-adapter/kernel/identify/identify-cpu.ts';
import { describeEfiRuntime } from '../../debug-adapter/kernel/identify/identify-efi.ts';
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { pageOffsetMethods } from '../../debug-adapter/kernel/layout/page-offset-x86-64.ts';
import { markersAt, rowsAt } from '../../debug-adapter/kernel/layout/ptdump-table.ts';
import { cpuFreePage } from '../../debug-adapter/kernel/pages/cpu-free-pages.ts';
import { memorySections } from '../../debug-adapter/kernel/pages/memory-section.ts';
import { memoryNodes } from '../../debug-adapter/kernel/pages/numa.ts';
import { possibleCpus } from '../../debug-adapter/kernel/per-cpu.ts';
import { resources } from '../../debug-adapter/kernel/resource.ts';
import { cpuSlabs } from '../../debug-adapter/kernel/slab/slab-cpu.ts';
import { vmapAreas } from '../../debug-adapter/kernel/vmalloc/vmap-area.ts';
import { areaPages } from '../../debug-adapter/kernel/vmalloc/vmap-pages.ts';
import { vmapPlaces } from '../../debug-adapter/kernel/vmalloc/vmap-places.ts';
import { vmallocAddressesOf } from '../../debug-adapter/kernel/vmalloc/vmalloc-frames.ts';
import { StructKernel } from '../builders/struct-kernel.ts';
import { asked } from '../support/bound-case.ts';
import type { BoundCase, BoundName } from '../support/bound-case.ts';

/** Problems of what CPUs keep of the slab caches. */
function problemsOfCaches(kernel: Kernel): readonly (string | undefined)[] {
  const shape = kernel.structs('the test').get('kmem_cache');
  const head = kernel.needAddressOf('slab_caches', 'the test');
  return [...walkList(kernel.memory, head, shape.offset('list'), () => undefined)].map((cache) => cpuSlabs(kernel, cache).problem);
}

/** Rows of a table of three columns, which no symbol ends. */
function threeColumns(): string {
  const made = new StructKernel({ prot_bits: { size: 32, members: { mask: [0, 8], val: [8, 8], set: [16, 8], clear: [24, 8] } } });
  const table: Address = made.allocate(4 * 32);
  const name = made.text('W');
  for (let row = 0; row < 3; row++) {
    const at = toAddress(table + BigInt(row * 32));
    made.set(at, 'prot_bits', 'mask', 1);
    made.set(at, 'prot_bits', 'set', name);
  }
  const kernel = made.open();
  return `${rowsAt(kernel, table, Infinity)?.length ?? 0} rows; ${[...kernel.warnings].join()}`;
}

/** Three descriptors of EFI memory. */
function threeDescriptors(): string {
  const made = new StructKernel({
    efi: { size: 32, members: { memmap: [0, 'efi_memory_map'] } },
    efi_memory_map: { size: 32, members: { map: [0, 8], nr_map: [8, 4], desc_size: [16, 8] } },
  });
  const efi = made.make('efi', { 'memmap.map': made.allocate(3 * 48), 'memmap.nr_map': 3, 'memmap.desc_size': 48 });
  made.symbol('efi', efi);
  const kernel = made.open();
  describeEfiRuntime(kernel, toAddress(0n));
  return [...kernel.warnings].join();
}

const cutRuns = asked(({ kernel }) => vmapAreas(kernel).busy.map((area) => areaPages(kernel, area).cut));

export const kernelBounds = {
  nameBytes: { bounds: { nameBytes: 3 }, exceed: asked(({ kernel }) => resources(kernel)), says: /"name":"Sys"/ },
  pathComponents: { elsewhere: 'kernel/vma.test.ts' },
  cpus: {
    bounds: { cpus: 1 },
    exceed: asked(({ kernel }) => possibleCpus(kernel)),
    says: /the masks of CPUs claim room for \d+; the first 1 are looked at/,
  },
  nodes: {
    bounds: { nodes: 1 },
    exceed: asked(({ kernel }) => memoryNodes(kernel)),
    says: /an array of NUMA nodes claims 1024 of them; the first 1 are looked at/,
  },
  perCpuUnits: {
    bounds: { perCpuUnits: 1 },
    exceed: asked(({ kernel }) => describePerCpu(kernel, toAddress(1n))),
    says: /there are more than 1 units of per-CPU memory; the others are not told/,
  },
  perCpuLists: {
    bounds: { perCpuLists: 1 },
    exceed: asked(({ kernel }) => describePerCpu(kernel, toAddress(1n))),
    says: /pcpu_nr_slots claims \d+ lists of per-CPU chunks; the first 1 are read/,
  },
  moduleSections: { elsewhere: 'kernel/module-section.test.ts' },
  resources: {
    bounds: { resources: 1 },
    exceed: asked(({ kernel }) => resources(kernel).length),
    says: /^\[1,.*there are more than 1 resources of physical memory; the others are not told/,
  },
  efiDescriptors: {
    bounds: { efiDescriptors: 2 },
    exceed: threeDescriptors,
    says: /the EFI memory map claims 3 descriptors; the first 2 are read/,
  },
  memorySections: {
    bounds: { memorySections: 1 },
    exceed: asked(
      ({ kernel }) =>
        memorySections(kernel, { symbol: kernel.needAddressOf('mem_section', 'the test'), pageStructSize: 64 })?.pieces.length,
    ),
    says: /RAM has more than 1 sections of memory; struct pages of the others are not found/,
  },
  cpuFreePages: {
    bounds: { cpuFreePages: 0 },
    exceed: asked(({ kernel }) => cpuFreePage(kernel, 1)),
    says: /CPUs keep more than 0 free pages; the others are not told as such/,
  },
  partialSlabs: {
    bounds: { partialSlabs: -1 },
    exceed: asked(({ kernel }) => problemsOfCaches(kernel)),
    says: /the partial list of CPU \d+ does not end/,
  },
  frameUsers: { elsewhere: 'truth/identify-user.test.ts' },
  frameUserAreas: { elsewhere: 'truth/identify-user.test.ts' },
  framePlaces: { elsewhere: 'truth/frames.test.ts' },
  sheafObjects: { elsewhere: 'kernel/slab.test.ts' },
  vmapNodes: {
    bounds: { vmapNodes: 0 },
    exceed: asked(({ kernel }) => vmapPlaces(kernel).nodes.length),
    says: /^\[0,.*nr_vmap_nodes claims \d+ nodes; the first 0 are read/,
  },
  vmallocRuns: {
    bounds: { vmallocRuns: 1 },
    exceed: asked(({ kernel }) => vmallocAddressesOf(kernel, 1, 1)),
    says: /the vmalloc space maps more than 1 runs of memory; frames of the others are not told as its own/,
  },
  areaRuns: { bounds: { areaRuns: 1 }, exceed: cutRuns, says: /true/ },
  areaPages: { bounds: { areaPages: 1 }, exceed: cutRuns, says: /true/ },
  checkedPages: {
    bounds: { checkedPages: 1 },
    exceed: asked((session) => session.findings({})),
    says: /the vmalloc space has more than 1 pages; those behind were not compared with their areas/,
  },
  blockPages: {
    bounds: { blockPages: 1 },
    exceed: asked((session) => session.findings({})),
    says: /the vmap_block at 0x[0-9a-f]+ spans \d+ pages; the first 1 are looked at/,
  },
  directMapProbes: {
    bounds: { directMapProbes: 1 },
    exceed: asked(({ kernel }) => pageOffsetMethods(kernel)),
    says: /not among the first 1 places/,
  },
  ptdumpMarkers: {
    bounds: { ptdumpMarkers: 2 },
    exceed: asked(({ kernel }) => markersAt(kernel, kernel.needAddressOf('address_markers', 'the test')).length),
    says: /^\[2,.*the table of page-table dump markers at 0x[0-9a-f]+ has more than 2; the others are left out/,
  },
  ptdumpColumns: {
    bounds: { ptdumpColumns: 2 },
    exceed: threeColumns,
    says: /^2 rows; the table of page-table dump columns at 0x[0-9a-f]+ has more than 2; the others are left out/,
  },
  rootDifferences: {
    bounds: { rootDifferences: 0 },
    exceed: asked(({ kernel }) => rootSync(kernel, neverCancelled).warnings),
    says: /there are more than 0 differences; the rest was not looked for/,
  },
} satisfies Partial<Record<BoundName, BoundCase>>;
