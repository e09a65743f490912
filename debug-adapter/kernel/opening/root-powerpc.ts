/**
 * The kernel's root table of a 64-bit powerpc image with the radix MMU: swapper_pg_dir, in the linear map whose addresses
 * are the physical ones below a top nibble of c (arch/powerpc/kexec/vmcore_info.c, arch/powerpc/mm/book3s64).
 */
import { errors } from '../../base/errors.ts';
import { powerpcRadixMode } from '../../arch/powerpc-radix.ts';
import type { KernelRoot } from '../kernel.ts';
import { chooseRootByText } from './root-choice.ts';
import type { RootCandidate, RootContext } from './root-choice.ts';

const linearBase = 0xc000_0000_0000_0000n;

/**
 * Throws `UserError('no-page-table')` where no candidate maps the kernel's text, and `UserError('not-supported')` for kernels
 * on the hash MMU.
 */
export function findPowerpcRoot(context: RootContext): KernelRoot {
  if (context.vmcoreinfo?.number('RADIX_MMU') === 0n) {
    throw errors.notSupported(
      `${context.image.name}: its kernel uses the hash MMU, which has no page tables to walk for kernel addresses; take the dump of a kernel that runs on the radix MMU (POWER9 or later, without disable_radix)`,
    );
  }
  return chooseRootByText(context, candidates);
}

function* candidates(context: RootContext): Generator<RootCandidate> {
  const { vmcoreinfo } = context;
  const told = vmcoreinfo?.symbol('swapper_pg_dir');
  const swapper = told ?? context.locate()?.symbols.find('swapper_pg_dir')?.address;
  if (swapper === undefined || swapper < linearBase) return;
  const source =
    told === undefined ? "swapper_pg_dir in the kernel's symbols, found in RAM" : 'VMCOREINFO SYMBOL(swapper_pg_dir) in the linear map';
  for (const pageShift of [16, 12] as const) {
    if (vmcoreinfo?.pageSize !== undefined && vmcoreinfo.pageSize !== 2 ** pageShift) continue;
    const modeSource =
      vmcoreinfo?.pageSize === undefined ? `the tables map the kernel with ${2 ** (pageShift - 10)}K pages` : 'VMCOREINFO PAGESIZE';
    yield { root: swapper - linearBase, source, mode: powerpcRadixMode(pageShift), modeSource };
  }
}
