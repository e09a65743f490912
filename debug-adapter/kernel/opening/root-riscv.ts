/** The kernel's root table of a riscv image: swapper_pg_dir (arch/riscv/kernel/vmcore_info.c, arch/riscv/mm/init.c). */
import { toAddress, toPhysAddr } from '../../base/address.ts';
import { riscvMode } from '../../arch/riscv.ts';
import { PageTable } from '../../pagetable/page-table.ts';
import type { KernelRoot } from '../kernel.ts';
import { chooseRootByText } from './root-choice.ts';
import type { RootCandidate, RootContext } from './root-choice.ts';

const sizes = [48, 39, 57] as const;
/** Bits 59-63 of normal memory on a T-Head CPU; all zero or Svpbmt's bits elsewhere. */
const theadNormal = 0b0_1110n;

/** Throws `UserError('no-page-table')` where no candidate maps the kernel's text. */
export function findRiscvRoot(context: RootContext): KernelRoot {
  return chooseRootByText(context, candidates);
}

function* candidates(context: RootContext, text: bigint | undefined): Generator<RootCandidate> {
  for (const { root, source } of roots(context)) {
    const told = context.vmcoreinfo?.number('VA_BITS');
    for (const virtualBits of sizes) {
      if (told !== undefined && told !== BigInt(virtualBits)) continue;
      const modeSource = told === undefined ? `the tables map the kernel as Sv${virtualBits}` : 'VMCOREINFO NUMBER(VA_BITS)';
      const plain = riscvMode({ virtualBits, thead: false });
      if (text === undefined || root < 0n || root >= 1n << 52n) continue;
      const leaf = new PageTable(context.image.memory, plain, toPhysAddr(root)).translate(toAddress(text)).levels.at(-1);
      const thead = leaf?.leaf === true && leaf.entry >> 59n === theadNormal;
      yield { root, source, mode: thead ? riscvMode({ virtualBits, thead }) : plain, modeSource };
    }
  }
}

function* roots(context: RootContext): Generator<{ root: bigint; source: string }> {
  const { vmcoreinfo } = context;
  const swapper = vmcoreinfo?.symbol('swapper_pg_dir');
  const offset = vmcoreinfo?.number('va_kernel_pa_offset');
  if (swapper !== undefined && offset !== undefined) {
    yield { root: BigInt.asUintN(64, swapper - offset), source: 'VMCOREINFO SYMBOL(swapper_pg_dir) and NUMBER(va_kernel_pa_offset)' };
  }
  const located = context.locate();
  const symbol = located?.symbols.find('swapper_pg_dir')?.address;
  if (located === undefined || symbol === undefined) return;
  yield { root: BigInt.asUintN(64, symbol - located.offset), source: "swapper_pg_dir in the kernel's symbols, found in RAM" };
}
