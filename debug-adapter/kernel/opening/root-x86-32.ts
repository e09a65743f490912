/**
 * The kernel's root table of a 32-bit x86 image: swapper_pg_dir, in the linear map at PAGE_OFFSET, which no note tells
 * (arch/x86/kernel/vmcore_info_32.c, arch/x86/Kconfig VMSPLIT_*).
 */
import { x86Pae, x86TwoLevel } from '../../arch/x86-32.ts';
import type { PagingMode } from '../../arch/paging-mode.ts';
import type { KernelRoot } from '../kernel.ts';
import { chooseRootByText } from './root-choice.ts';
import type { RootCandidate, RootContext } from './root-choice.ts';
import { physicalBits } from '../x86-cpu.ts';

/** PAGE_OFFSET of CONFIG_VMSPLIT_3G, _3G_OPT, _2G, _2G_OPT and _1G, the default first. */
const pageOffsets = [0xc000_0000n, 0xb000_0000n, 0x8000_0000n, 0x7800_0000n, 0x4000_0000n] as const;
const physicalAddressExtension = 0x20n;

/** PAE or 2 levels, whichever maps the kernel's text. Throws `UserError('no-page-table')` where no candidate does. */
export function findX8632Root(context: RootContext): KernelRoot {
  return chooseRootByText(context, candidates);
}

function* candidates(context: RootContext): Generator<RootCandidate> {
  const { vmcoreinfo, image } = context;
  const told = vmcoreinfo?.symbol('swapper_pg_dir');
  if (told !== undefined) {
    for (const pageOffset of pageOffsets) {
      if (told < pageOffset) continue;
      const source = `VMCOREINFO SYMBOL(swapper_pg_dir) less a PAGE_OFFSET of 0x${pageOffset.toString(16)}`;
      yield* modes(context, pageOffset, { root: told - pageOffset, source });
    }
  }
  for (const cpu of image.cpus) {
    const cr3 = cpu.control.find((register) => register.name === 'cr3')?.value;
    if (cr3 === undefined || cr3 === 0n) continue;
    // Under page-table isolation bit 12 chooses the user half of a root of two pages.
    const root = cr3 & 0xffff_ffe0n;
    for (const pageOffset of pageOffsets) {
      yield* modes(context, pageOffset, { root, source: `CR3 of CPU ${cpu.index}` });
      if ((root & 0x1000n) !== 0n)
        yield* modes(context, pageOffset, { root: root & ~0x1000n, source: `CR3 of CPU ${cpu.index} without its PTI bit` });
    }
  }
  const located = context.locate();
  const symbol = located?.symbols.find('swapper_pg_dir')?.address;
  if (located === undefined || symbol === undefined) return;
  yield* modes(context, located.offset, { root: symbol - located.offset, source: "swapper_pg_dir in the kernel's symbols, found in RAM" });
}

function* modes(context: RootContext, pageOffset: bigint, at: { root: bigint; source: string }): Generator<RootCandidate> {
  const { vmcoreinfo, image } = context;
  const pae = { pageOffset, physicalBits: () => physicalBits(context.opened()) };
  const choice = (mode: PagingMode, modeSource: string): RootCandidate => ({ ...at, mode, modeSource });
  const cr4 = image.cpus.map((cpu) => cpu.control.find((register) => register.name === 'cr4')?.value).find((value) => value !== undefined);
  if (vmcoreinfo?.value('CONFIG_X86_PAE') === 'y') yield choice(x86Pae(pae), 'VMCOREINFO CONFIG_X86_PAE');
  else if (cr4 !== undefined) {
    yield (cr4 & physicalAddressExtension) === 0n
      ? choice(x86TwoLevel({ pageOffset }), 'CR4.PAE of a CPU')
      : choice(x86Pae(pae), 'CR4.PAE of a CPU');
  } else if (vmcoreinfo !== undefined) yield choice(x86TwoLevel({ pageOffset }), 'VMCOREINFO has no CONFIG_X86_PAE');
  else {
    yield choice(x86Pae(pae), 'the tables map the kernel with PAE');
    yield choice(x86TwoLevel({ pageOffset }), 'the tables map the kernel with 2 levels');
  }
}
