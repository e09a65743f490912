/**
 * The kernel's root table of a 32-bit arm image: swapper_pg_dir, just below the kernel image in the linear map, whose two
 * ends no note tells (arch/arm/kernel/head.S, arch/arm/kernel/machine_kexec.c).
 */
import { armLpae, armShort } from '../../arch/arm.ts';
import type { KernelRoot } from '../kernel.ts';
import { chooseRootByText } from './root-choice.ts';
import type { RootCandidate, RootContext } from './root-choice.ts';

/** PAGE_OFFSET of CONFIG_VMSPLIT_3G, _3G_OPT, _2G and _1G, the default first. */
const pageOffsets = [0xc000_0000n, 0xb000_0000n, 0x8000_0000n, 0x4000_0000n] as const;
/** RAM starts on a multiple of this (CONFIG_ARM_PATCH_PHYS_VIRT). */
const physicalAlignment = 0x20_0000n;

/** Throws `UserError('no-page-table')` where no candidate maps the kernel's text. */
export function findArmRoot(context: RootContext): KernelRoot {
  return chooseRootByText(context, candidates);
}

function* candidates(context: RootContext): Generator<RootCandidate> {
  const { vmcoreinfo, image } = context;
  const told = vmcoreinfo?.symbol('swapper_pg_dir');
  const first = image.memory.ranges[0]?.start;
  if (told !== undefined && first !== undefined) {
    const ram = (BigInt(first) / physicalAlignment) * physicalAlignment;
    for (const pageOffset of pageOffsets) {
      if (told < pageOffset) continue;
      const source = `VMCOREINFO SYMBOL(swapper_pg_dir), with the first RAM at a PAGE_OFFSET of 0x${pageOffset.toString(16)}`;
      yield* modes(context, pageOffset, { root: told - pageOffset + ram, source });
    }
  }
  const located = context.locate();
  const symbol = located?.symbols.find('swapper_pg_dir')?.address;
  if (located === undefined || symbol === undefined) return;
  const pageOffset = pageOffsets.find((one) => symbol >= one) ?? pageOffsets[0];
  const root = BigInt.asUintN(64, symbol - located.offset);
  yield* modes(context, pageOffset, { root, source: "swapper_pg_dir in the kernel's symbols, found in RAM" });
}

function* modes(
  { vmcoreinfo, image }: RootContext,
  pageOffset: bigint,
  at: { readonly root: bigint; readonly source: string },
): Generator<RootCandidate> {
  const options = { pageOffset, littleEndian: image.machine?.littleEndian ?? true };
  const long = vmcoreinfo?.value('CONFIG_ARM_LPAE') === 'y';
  if (long || vmcoreinfo === undefined) {
    const modeSource = long ? 'VMCOREINFO CONFIG_ARM_LPAE' : 'the tables map the kernel with long descriptors';
    yield { ...at, mode: armLpae(options), modeSource };
  }
  if (long) return;
  const modeSource = vmcoreinfo === undefined ? 'the tables map the kernel with short descriptors' : 'VMCOREINFO has no CONFIG_ARM_LPAE';
  yield { ...at, mode: armShort(options), modeSource };
}
