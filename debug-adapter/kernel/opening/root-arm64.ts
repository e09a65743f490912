/**
 * The kernel's root table of an arm64 image: swapper_pg_dir, which TTBR1_EL1 points to (arch/arm64/kernel/vmcore_info.c,
 * arch/arm64/include/asm/memory.h, mm/proc.S).
 */
import { toAddress, toPhysAddr } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { arm64Mode, currentMemoryTypes, formerMemoryTypes } from '../../arch/arm64.ts';
import type { Arm64Options } from '../../arch/arm64.ts';
import type { Image } from '../../image/image.ts';
import { PageTable } from '../../pagetable/page-table.ts';
import type { Kernel, KernelRoot } from '../kernel.ts';
import { chooseRoot } from './root-choice.ts';
import type { RootCandidate, RootContext } from './root-choice.ts';

/** Sizes of an address space by granule that kernels can be built for, the commonest first. */
const sizes: readonly (readonly [pageShift: 12 | 14 | 16, virtualBits: readonly number[]])[] = [
  [12, [48, 39, 52, 47, 36]],
  [14, [47, 48, 52, 36]],
  [16, [52, 48, 42]],
];

/**
 * Candidates are swapper_pg_dir by VMCOREINFO, or by the symbols of the image that is found in RAM. Throws
 * `UserError('no-page-table')` where none maps the kernel's text.
 */
export function findArm64Root(context: RootContext): KernelRoot {
  const { image, vmcoreinfo } = context;
  const text = vmcoreinfo?.symbol('_stext') ?? context.locate()?.symbols.find('_stext')?.address;
  return chooseRoot(image, candidates(context, text), { mustMap: text, mapsKernel: () => false });
}

function* candidates(context: RootContext, text: bigint | undefined): Generator<RootCandidate> {
  const { image, vmcoreinfo } = context;
  const swapper = vmcoreinfo?.symbol('swapper_pg_dir');
  const imageOffset = vmcoreinfo?.number('kimage_voffset');
  if (swapper !== undefined && imageOffset !== undefined) {
    const root = BigInt.asUintN(64, swapper - imageOffset);
    for (const shape of shapes(context)) {
      yield candidate(context, { root, source: 'VMCOREINFO SYMBOL(swapper_pg_dir) and NUMBER(kimage_voffset)', ...shape, text });
    }
  }
  const located = context.locate();
  const symbol = located?.symbols.find('swapper_pg_dir')?.address;
  if (located === undefined || symbol === undefined) return;
  const root = BigInt.asUintN(64, symbol - located.offset);
  for (const shape of shapes(context)) {
    yield candidate({ ...context, image }, { root, source: "swapper_pg_dir in the kernel's symbols, found in RAM", ...shape, text });
  }
}

interface Shape {
  readonly pageShift: 12 | 14 | 16;
  readonly virtualBits: number;
  readonly modeSource: string;
}

/** Granule and size of the space, as VMCOREINFO says, or all that there are. */
function* shapes({ vmcoreinfo }: RootContext): Generator<Shape> {
  const pageSize = vmcoreinfo?.pageSize;
  const configured = vmcoreinfo?.number('VA_BITS');
  const t1sz = vmcoreinfo?.number('TCR_EL1_T1SZ') ?? vmcoreinfo?.number('tcr_el1_t1sz');
  for (const [pageShift, choices] of sizes) {
    if (pageSize !== undefined && pageSize !== 2 ** pageShift) continue;
    // With the 64K granule the tables are those of VA_BITS even where the CPU has less; with the others, levels are
    // folded away at run time.
    if (pageShift === 16 && configured !== undefined) {
      yield { pageShift, virtualBits: Number(configured), modeSource: 'VMCOREINFO NUMBER(VA_BITS)' };
    } else if (t1sz !== undefined) {
      yield { pageShift, virtualBits: 64 - Number(t1sz), modeSource: 'VMCOREINFO NUMBER(TCR_EL1_T1SZ)' };
    } else if (configured !== undefined) {
      yield { pageShift, virtualBits: Number(configured), modeSource: 'VMCOREINFO NUMBER(VA_BITS)' };
    } else {
      for (const virtualBits of choices) yield { pageShift, virtualBits, modeSource: `the tables map the kernel with ${virtualBits} bits` };
    }
  }
}

function candidate(
  context: RootContext,
  at: Shape & { readonly root: bigint; readonly source: string; readonly text: bigint | undefined },
): RootCandidate {
  const { root, source, pageShift, virtualBits, modeSource } = at;
  const wideAddresses = pageShift === 16 ? 'lpa' : virtualBits === 52 ? 'lpa2' : 'none';
  const options = (memoryTypes: Arm64Options['memoryTypes']): Arm64Options => ({
    pageShift,
    virtualBits,
    wideAddresses,
    memoryTypes,
    protNoneBit: () => context.opened()?.onceOr(protNoneBitOf, 11) ?? 11,
  });
  const current = arm64Mode(options(currentMemoryTypes));
  const former = textAttribute(context.image, { mode: current, root, text: at.text }) === 4;
  return { root, source, mode: former ? arm64Mode(options(formerMemoryTypes)) : current, modeSource };
}

/** Attribute index of the leaf that maps the kernel's text, which is normal memory: it tells the order of MAIR_EL1. */
function textAttribute(
  image: Image,
  at: { readonly mode: ReturnType<typeof arm64Mode>; readonly root: bigint; readonly text: bigint | undefined },
): number | undefined {
  if (at.text === undefined || at.root < 0n || at.root >= 1n << 52n) return undefined;
  const leaf = new PageTable(image.memory, at.mode, toPhysAddr(at.root)).translate(toAddress(at.text)).levels.at(-1);
  return leaf?.leaf === true ? Number((leaf.entry >> 2n) & 7n) : undefined;
}

/** ~PG_buddy of kernels in which types of pages are single bits of the lower half. */
const buddyBefore611 = -129n;

/**
 * PAGE_NONE stands first in protection_map: since 6.11 with bit 11 (PTE_PRESENT_INVALID), before with bit 58. Where no symbol
 * tells, the type of free pages does, which moved to the upper half in 6.11 too.
 */
export function protNoneBitOf(kernel: Kernel): 11 | 58 {
  const map = kernel.addressOf('protection_map');
  if (map === undefined) return kernel.vmcoreinfo?.number('PAGE_BUDDY_MAPCOUNT_VALUE') === buddyBefore611 ? 58 : 11;
  try {
    return ((kernel.memory.u64(map) >> 58n) & 1n) === 1n ? 58 : 11;
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return 11;
  }
}
