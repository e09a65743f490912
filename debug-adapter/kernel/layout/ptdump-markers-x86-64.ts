/** The markers of the x86-64 page-table dump as its table is filled in at boot (arch/x86/mm/dump_pagetables.c), for kernels without it. */
import { compareAddresses, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import type { PtdumpMarker } from '../../pagetable/ptdump-lines.ts';
import type { Kernel } from '../kernel.ts';
import { layoutX8664 } from './layout-x86-64.ts';
import { startKernelMap } from '../opening/root-x86-64.ts';

const espfixLines = 16;

/** The markers of an x86-64 dump, computed from the layout. */
export function x8664Markers(kernel: Kernel): PtdumpMarker[] {
  const layout = layoutX8664(kernel);
  const four = layout.levels === 4;
  const has = (symbol: string): boolean => kernel.addressOf(symbol) !== undefined;
  const markers: PtdumpMarker[] = [];
  const add = (address: bigint, name: string, maxLines = 0): void => {
    markers.push({ address: toAddress(address), name, maxLines });
  };
  add(0n, 'User Space');
  add(1n << 63n, 'Kernel Space');
  if (has('ldt_struct_alloc') || has('ldt_dup_context') || has('ldt_arch_exit_mmap')) {
    add(four ? 0xffff_8800_0000_0000n : 0xff10_0000_0000_0000n, 'LDT remap');
  }
  add(layout.pageOffset, 'Low Kernel Mapping');
  add(layout.vmallocStart, 'vmalloc() Area');
  add(layout.vmemmapStart, 'Vmemmap');
  if (has('kasan_early_shadow_pte')) {
    add(four ? 0xffff_ec00_0000_0000n : 0xffdf_fc00_0000_0000n, 'KASAN shadow');
    add(0xffff_fc00_0000_0000n, 'KASAN shadow end');
  }
  add(0xffff_fe00_0000_0000n, 'CPU entry Area');
  if (has('init_espfix_ap')) add(0xffff_ff00_0000_0000n, 'ESPfix Area', espfixLines);
  if (has('efi_mm')) add(0xffff_ffef_0000_0000n, 'EFI Runtime Services');
  add(startKernelMap, 'High Kernel Mapping');
  add(layout.modulesStart, 'Modules');
  add(layout.modulesEnd, 'End Modules');
  const fixmap = fixmapStart(kernel);
  if (fixmap !== undefined) add(fixmap, 'Fixmap Area');
  return markers.sort((a, b) => compareAddresses(a.address, b.address));
}

/** FIXADDR_START: FIXADDR_TOP less the permanent slots, whose number is an enumerator (arch/x86/include/asm/fixmap.h). */
function fixmapStart(kernel: Kernel): Address | undefined {
  const slots = kernel.types?.enumerator('__end_of_permanent_fixed_addresses');
  const fixaddrTop = 0xffff_ffff_ff7f_f000n;
  return slots === undefined ? undefined : toAddress(fixaddrTop - slots * 4096n);
}
