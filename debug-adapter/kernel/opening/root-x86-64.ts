/**
 * The kernel's root table of an x86-64 image: from VMCOREINFO, else from a CPU's CR3. Each candidate is tried: it counts
 * only when it maps what it must map (arch/x86/kernel/vmcore_info_64.c, arch/x86/include/asm/pgtable.h).
 */
import { toAddress } from '../../base/address.ts';
import { x8664Mode } from '../../arch/x86-64.ts';
import type { Image } from '../../image/image.ts';
import type { PageTable } from '../../pagetable/page-table.ts';
import type { Vmcoreinfo } from '../../symbols/vmcoreinfo.ts';
import type { KernelRoot } from '../kernel.ts';
import { chooseRoot } from './root-choice.ts';
import type { RootCandidate, RootContext } from './root-choice.ts';
import { physicalBits } from '../x86-cpu.ts';

/** Virtual address at which the kernel image's mapping begins (__START_KERNEL_map). */
export const startKernelMap = 0xffff_ffff_8000_0000n;
const la57 = 0x1000n;
const pageSize = 0x1000n;

/** Finds the root, or throws `no-page-table`. */
export function findX8664Root(context: RootContext): KernelRoot {
  const text = context.vmcoreinfo?.symbol('_stext');
  return chooseRoot(context.image, candidates(context), { mustMap: text, mapsKernel: mapsKernelText });
}

function* candidates(context: RootContext): Generator<RootCandidate> {
  const { image, vmcoreinfo } = context;
  const encryptionMask = BigInt.asUintN(64, vmcoreinfo?.number('sme_mask') ?? 0n);
  const levelChoices = pagingLevels(image, vmcoreinfo);
  for (const { root, source } of rootCandidates(context)) {
    for (const { levels, source: modeSource } of levelChoices) {
      const mode = x8664Mode({ levels, encryptionMask, physicalBits: () => physicalBits(context.opened()) });
      yield { root, source, mode, modeSource };
    }
  }
}

function* rootCandidates(context: RootContext): Generator<{ root: bigint; source: string }> {
  const { image, vmcoreinfo } = context;
  const physBase = vmcoreinfo?.number('phys_base');
  for (const name of ['swapper_pg_dir', 'init_top_pgt', 'init_level4_pgt']) {
    const virtual = vmcoreinfo?.symbol(name);
    if (virtual === undefined || physBase === undefined) continue;
    yield {
      root: BigInt.asUintN(64, virtual - startKernelMap + physBase),
      source: `VMCOREINFO SYMBOL(${name}) and NUMBER(phys_base)`,
    };
    break;
  }
  for (const cpu of image.cpus) {
    const cr3 = cpu.control.find((register) => register.name === 'cr3')?.value;
    if (cr3 === undefined || cr3 === 0n) continue;
    // Bits 0-11 hold the PCID; bit 12 chooses the user half under page-table isolation.
    const root = cr3 & 0x000f_ffff_ffff_f000n;
    yield { root: root & ~pageSize, source: `CR3 of CPU ${cpu.index} without PCID and PTI bits` };
    if ((root & pageSize) !== 0n) yield { root, source: `CR3 of CPU ${cpu.index} without PCID` };
  }
  const located = context.locate();
  const symbol = located?.symbols.find('init_top_pgt') ?? located?.symbols.find('init_level4_pgt');
  if (located === undefined || symbol === undefined) return;
  yield { root: BigInt.asUintN(64, symbol.address - located.offset), source: "init_top_pgt in the kernel's symbols, found in RAM" };
}

function pagingLevels(image: Image, vmcoreinfo: Vmcoreinfo | undefined): { levels: 4 | 5; source: string }[] {
  const enabled = vmcoreinfo?.number('pgtable_l5_enabled');
  if (enabled !== undefined) {
    return [{ levels: enabled === 0n ? 4 : 5, source: 'VMCOREINFO NUMBER(pgtable_l5_enabled)' }];
  }
  const cr4 = image.cpus.map((cpu) => cpu.control.find((register) => register.name === 'cr4')?.value).find((value) => value !== undefined);
  if (cr4 !== undefined) return [{ levels: (cr4 & la57) === 0n ? 4 : 5, source: 'CR4.LA57 of a CPU' }];
  return [
    { levels: 4, source: 'the tables map the kernel with 4 levels' },
    { levels: 5, source: 'the tables map the kernel with 5 levels' },
  ];
}

/** Whether anything is mapped in the 1 GiB where the kernel image lies, tried at each 2 MiB. */
function mapsKernelText(table: PageTable): boolean {
  for (let offset = 0n; offset < 0x4000_0000n; offset += 0x20_0000n) {
    if (table.translate(toAddress(startKernelMap + offset)).physical !== undefined) return true;
  }
  return false;
}
