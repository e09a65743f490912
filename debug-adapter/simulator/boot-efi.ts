/**
 * EFI runtime services (arch/x86/platform/efi/efi_64.c): efi_mm with a root of its own, in which firmware memory is mapped
 * one to one and again below -4 GiB; of the kernel it has copies of the upper entries.
 */
import type { TableBuilder } from './table-builder.ts';
import { ensureEntry, pageOf } from './table-builder.ts';
import type { CTypes } from './c-declarations.ts';
import { kernelProtection, protection } from './protection.ts';
import { efiStart } from './x86-regions.ts';

/** efi_memory_desc_t */
interface Descriptor {
  readonly type: number;
  readonly physical: number;
  readonly pages: number;
  readonly runtime: boolean;
}

const descriptorSize = 48;
const runtimeAttribute = 1n << 63n;
const types = { bootServicesData: 4, runtimeCode: 5, runtimeData: 6 } as const;
const runtimePages = 16;
const large = 512;
/**
 * Physical address of memory of the boot services that the kernel took away from efi_mm: set_memory_*() leaves an entry that
 * is not present, and stores its frame inverted (arch/x86/include/asm/pgtable-invert.h). It is the one of the crash that was
 * reported on 2019-11-06; whether RAM is there does not matter.
 */
const takenAway = 0x11a0_0000;

/** Makes efi_mm and its root; of the kernel's half it copies what efi_sync_low_kernel_mappings() would. */
export function buildEfi(builder: TableBuilder, structs: CTypes): void {
  const { image, memory, tables } = builder;
  const mm = image.place('data', 'efi_mm', { size: structs.size('mm_struct'), align: 64 });
  const root = builder.page();
  if (builder.configuration.pti) builder.page();
  memory.setPointer(mm + structs.offset('mm_struct', 'pgd'), root);
  memory.setU32(mm + structs.offset('mm_struct', 'mm_users'), 2);
  memory.setU32(mm + structs.offset('mm_struct', 'mm_count'), 1);
  memory.listInit(mm + structs.offset('mm_struct', 'mmlist'));
  const efi: TableBuilder = { ...builder, root };
  copyKernelEntries(builder, efi);
  const code = Array.from({ length: runtimePages }, () => builder.page())[0] ?? 0;
  const data = Array.from({ length: runtimePages }, () => builder.page())[0] ?? 0;
  const map: readonly Descriptor[] = [
    { type: types.runtimeCode, physical: code, pages: runtimePages, runtime: true },
    { type: types.runtimeData, physical: data, pages: runtimePages, runtime: true },
    { type: types.bootServicesData, physical: takenAway, pages: large, runtime: false },
  ];
  let next = pageOf(efiStart);
  const places = map.map(({ type, physical, pages, runtime }) => {
    if (!runtime) return 0;
    next -= pages;
    const bits = (type === types.runtimeCode ? kernelProtection.code : kernelProtection.data) & ~protection.global;
    for (let index = 0; index < pages; index++) {
      const to = { address: physical + index * 4096, bits };
      for (const first of [next, physical / 4096]) tables.setLeaf(tables.last, ensureEntry(efi, first + index, tables.last), to);
    }
    return next;
  });
  const level = tables.levelOf('pmd') ?? 0;
  tables.setEntry(ensureEntry(efi, takenAway / 4096, level), invertedEntry(takenAway));
  placeMap(builder, structs, { map, places });
}

/** RW, ACCESSED, DIRTY and NX without PRESENT and PSE, and the frame's bits complemented. */
function invertedEntry(physical: number): bigint {
  const frameMask = 0x000f_ffff_ffff_f000n;
  return (1n << 63n) | (~BigInt(physical) & frameMask) | 0x62n;
}

/** efi_sync_low_kernel_mappings(): entries of the upper half, those of the last 512 GiB from -4 GiB on alone. */
function copyKernelEntries(builder: TableBuilder, efi: TableBuilder): void {
  const { tables } = builder;
  const pud = tables.levelOf('pud') ?? 0;
  const last = pageOf(efiStart);
  for (let level = 0; level < pud; level++) {
    const isRoot = level === 0;
    const [from, to] = [tables.walk(builder.root, last, level).at, ensureEntry(efi, last, level)];
    const own = tables.index(level, last);
    for (let index = isRoot ? 256 : 0; index < tables.entries(level); index++)
      if (index !== own) tables.copyEntry(to + (index - own) * 8, from + (index - own) * 8);
  }
  const [from, to] = [tables.walk(builder.root, last, pud).at, ensureEntry(efi, last, pud)];
  for (let index = tables.index(pud, last); index < tables.entries(pud); index++) {
    const offset = (index - tables.index(pud, last)) * 8;
    tables.copyEntry(to + offset, from + offset);
  }
}

/** struct efi with the firmware's memory map. */
function placeMap(
  { image, memory, page }: TableBuilder,
  structs: CTypes,
  of: { readonly map: readonly Descriptor[]; readonly places: readonly number[] },
): void {
  const at = page();
  of.map.forEach(({ type, physical, pages, runtime }, index) => {
    const descriptor = at + index * descriptorSize;
    memory.setU32(descriptor, type);
    memory.setLong(descriptor + 8, BigInt(physical));
    memory.setPage(descriptor + 16, of.places[index] ?? 0);
    memory.setLong(descriptor + 24, BigInt(pages));
    memory.setLong(descriptor + 32, runtime ? runtimeAttribute : 0n);
  });
  const efi = image.place('data', 'efi', { size: structs.size('efi') });
  const member = (name: string): number => efi + structs.offset('efi', name);
  memory.setPointer(member('memmap.map'), at);
  memory.setPointer(member('memmap.map_end'), at + of.map.length * descriptorSize);
  memory.setU32(member('memmap.nr_map'), of.map.length);
  memory.setWord(member('memmap.desc_size'), descriptorSize);
}
