/** Execution and the kernel's own check of it (CONFIG_DEBUG_WX), per architecture. */
import type { PagingMode } from '../../arch/paging-mode.ts';
import { entryKind } from '../../arch/paging-mode.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import { right } from '../../pagetable/table-check-nodes.ts';
import type { TableCheckOptions } from '../../pagetable/table-check.ts';
import type { Kernel } from '../kernel.ts';

type KernelCounts = NonNullable<TableCheckOptions['kernelCounts']>;

/** What DEBUG_WX counts in the kernel's page table; undefined where the architecture has no such check. */
export interface KernelCheck {
  readonly counts: KernelCounts;
  /** One sentence where its answer is not what the CPU would allow. */
  readonly blind: string | null;
}

/** x86: page-size bit, and NX in the upper half. */
const pageSize = 0x80;

/** note_page of arch/ARCH/mm/{dump_pagetables,ptdump,dump}.c: which entries each counts. */
export function kernelCheck(kernel: Kernel): KernelCheck | undefined {
  const { architecture } = kernel.machine;
  const { mode } = kernel.root;
  switch (architecture) {
    case 'x86-64':
      return mayForbidExecution(kernel) ? { counts: x86Counts(mode), blind: null } : undefined;
    case 'x86-32':
      if (!mayForbidExecution(kernel) || mode.levels[0]?.entrySize === 4) return undefined;
      // The effective rights begin with the page-directory-pointer entry, which has no RW bit: since 5.6 none is ever left.
      return {
        counts: () => false,
        blind: 'with PAE the kernel sees no rights in the upper level and finds nothing writable (effective_prot in mm/dump_pagetables.c)',
      };
    case 's390x':
      // The first page of lowcore holds code (arch/s390/mm/dump_pagetables.c:note_prot_wx).
      return { counts: (entry) => entry.page !== 0 && leafAllows(mode, entry), blind: null };
    case 'arm64':
    case 'riscv64':
    case 'riscv32':
    case 'ppc64':
    case 'ppc64le':
    case 'arm':
      return { counts: (entry) => leafAllows(mode, entry), blind: null };
    default:
      return undefined;
  }
}

/** The last entry alone counts, whatever the tables above forbid. */
function leafAllows(mode: PagingMode, { level, low, high }: Parameters<KernelCounts>[0]): boolean {
  if (mode.kind(level, low, high) !== entryKind.leaf) return false;
  const { write, execute } = mode.rights(level, low, high, false);
  return write && execute;
}

/** Effective rights; whether an entry is present is not asked. */
function x86Counts(mode: PagingMode): KernelCounts {
  return ({ level, low, high, above }) => {
    const leaf = mode.levels[level]?.depth === 4 || (low & pageSize) !== 0;
    if (!leaf || (above & right.write) === 0 || (above & right.execute) === 0) return false;
    const { write, execute } = mode.rights(level, low, high, false);
    return write && execute;
  };
}

/** False on an x86 CPU without NX, or with `noexec=off`: __supported_pte_mask then lacks bit 63. */
export function mayForbidExecution(kernel: Kernel): boolean {
  if (!kernel.machine.architecture.startsWith('x86')) return true;
  if (kernel.root.mode.levels[0]?.entrySize === 4) return false;
  const mask = kernel.addressOf('__supported_pte_mask');
  if (mask === undefined) return true;
  return optionalRead(() => kernel.memory.u64(mask) >> 63n === 1n) ?? true;
}

/**
 * In pages of 4096 bytes: the vsyscall page (arch/x86/include/uapi/asm/vsyscall.h), with the fixmap's vvar, HPET and pvclock
 * pages below it of kernels up to 3.15; the vdso of 32-bit x86 with COMPAT_VDSO; arm's vectors.
 */
const vsyscallPage = 0xffff_ffff_ff600;
const formerUserPages = 16;
const formerVdsoPage = 0xffffe;
const armVectorsPage = 0xffff0;

/** Kernel pages that the ABI opens to user mode, or that hold code which writes to itself. */
export function intendedRights(kernel: Kernel): NonNullable<TableCheckOptions['intended']> {
  switch (kernel.machine.architecture) {
    case 'x86-64':
      return (page, what) => what === 'user' && page <= vsyscallPage && page >= vsyscallPage - formerUserPages;
    case 'x86-32':
      return (page, what) => what === 'user' && page === formerVdsoPage;
    case 'arm':
      return (page, what) => what === 'user' && (page === armVectorsPage || page === armVectorsPage + 1);
    case 's390x':
      return (page, what) => what === 'writable-executable' && page === 0;
    default:
      return () => false;
  }
}
