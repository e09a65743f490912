/** Regions of x86 whose places are constants (arch/x86/include/asm/pgtable_64_types.h, pgtable_32_areas.h, fixmap.h). */

/** CPU_ENTRY_AREA_BASE of x86-64. */
export const cpuEntryArea = 0xffff_fe00_0000_0000n;
/** ESPFIX_BASE_ADDR. */
export const espfixArea = 0xffff_ff00_0000_0000n;
/** EFI_VA_START: runtime services lie below it, down to EFI_VA_END. */
export const efiStart = 0xffff_ffff_0000_0000n;
/** First address behind the memory that EFI runtime services are mapped in. */
export const efiEnd = 0xffff_ffef_0000_0000n;
/** __START_KERNEL_map. */
export const kernelMap = 0xffff_ffff_8000_0000n;
/** Bytes of one CPU's part of the CPU entry area: sizeof(struct cpu_entry_area). */
export const cpuEntrySize = 0x3_b000;

/** What 32-bit x86 has at the top of the address space, each in 2 MiB of its own. */
export const x8632Regions = {
  /** PKMAP_BASE; the vmalloc space ends two pages below. */
  persistentKmap: 0xff60_0000n,
  vmallocEnd: 0xff5f_e000n,
  ldtRemap: 0xff80_0000n,
  cpuEntryArea: 0xffa0_0000n,
  cpuEntrySize: 0x2_b000,
} as const;

/** FIXADDR_TOP: the page of the fixmap's slot 0. */
export const fixmapTops = { 'x86-64': 0xffff_ffff_ff7f_f000n, 'x86-32': 0xffff_f000n } as const;

/** LDT_BASE_ADDR, the guard hole's end (GUARD_HOLE_END_ADDR) and the KASAN shadow by paging levels. */
export const x8664Regions = {
  4: { ldtRemap: 0xffff_8800_0000_0000n, kasanStart: 0xffff_ec00_0000_0000n },
  5: { ldtRemap: 0xff10_0000_0000_0000n, kasanStart: 0xffdf_fc00_0000_0000n },
} as const;
/** First address behind KASAN's shadow memory. */
export const kasanEnd = 0xffff_fc00_0000_0000n;
/** KASAN_SHADOW_OFFSET: the shadow of A is at (A >> 3) + this. */
export const kasanOffset = 0xdfff_fc00_0000_0000n;

/** Where kernels with KCORE_REMAP map the entry trampoline: behind the CPU entry areas. */
export function entryTrampoline(cpus: number): bigint {
  return cpuEntryArea + 4096n + BigInt(cpus * cpuEntrySize);
}
