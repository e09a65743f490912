/**
 * What each architecture's kernel does about roots that differ: which ranges a process has for itself, and whether a fault
 * (or the next switch to the process) brings an entry back in step. Decided by symbols, types and what VMCOREINFO tells.
 */
import { toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import { layoutX8664 } from '../layout/layout-x86-64.ts';
import { contextWord, pointerInVariable } from '../processes/page-table-roots.ts';
import type { PageTableRoot } from '../processes/page-table-roots.ts';
import type { EntryDifference } from './root-sync-compare.ts';
import { hasPageTableIsolation } from '../x86-cpu.ts';

/** What becomes of a difference when the kernel runs on, and so whether it is wrong. */
export interface Remedy {
  readonly heals: boolean;
  /** Faults are how this kernel brings the entry to processes: that it is missing is no sign of anything wrong. */
  readonly routine?: true;
  /** What happens, as the end of a sentence. */
  readonly words: string;
}

/** How one architecture keeps the kernel's half of all root tables alike. */
export interface RootSyncRules {
  /** What becomes of a difference, in the kernel's half of a root or in the half of page-table isolation that user mode sees. */
  remedy(difference: EntryDifference, of: { readonly root: PageTableRoot; readonly userHalf: boolean }): Remedy;
  /** Why an entry that only this root has is its own affair; undefined when it is not. */
  privateReason(difference: EntryDifference, root: PageTableRoot): string | undefined;
  /** Why a whole root is no copy of init_mm's; undefined when it is. */
  foreignReason(root: PageTableRoot): string | undefined;
}

interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

/** The rules of the dump's architecture; of one whose fault handler is not known, every remedy says so and heals nothing. */
export function rootSyncRules(kernel: Kernel): RootSyncRules {
  const { architecture } = kernel.machine;
  const heal = healers[architecture];
  const ldt = architecture === 'x86-32' || architecture === 'x86-64' ? ldtSlot(kernel) : undefined;
  // A firmware's root is brought up to date at each call of the firmware only (arch/x86/platform/efi/efi_64.c).
  const lazyFirmware = kernel.addressOf('efi_sync_low_kernel_mappings') !== undefined;
  return {
    remedy: (difference, { root, userHalf }) => {
      if (userHalf) return { heals: false, words: 'no fault heals the half that user mode sees' };
      if (heal !== undefined) return heal(kernel, difference, root);
      return { heals: false, words: 'whether a fault heals it is not known for this architecture' };
    },
    privateReason: (difference, root) => {
      if (ldt === undefined || difference.kind !== 'stale' || difference.start < ldt.start || difference.end > ldt.end) return undefined;
      const tables = root.mms.map((mm) => contextWord(kernel, mm, ['ldt']));
      // Without page-table isolation, and in a process without an LDT, nothing belongs there.
      if (tables.length > 0 && tables.every((table) => table === 0n)) return undefined;
      return "the process's own LDT is mapped there";
    },
    foreignReason: (root) => {
      if (lazyFirmware && root.owners.includes('efi_mm')) {
        return "it is the firmware's (efi_mm), which efi_sync_low_kernel_mappings brings up to date before each call";
      }
      return undefined;
    },
  };
}

type Healer = (kernel: Kernel, difference: EntryDifference, root: PageTableRoot) => Remedy;

const healers: Readonly<Partial<Record<Kernel['machine']['architecture'], Healer>>> = {
  'x86-32': healX86,
  'x86-64': healX86,
  arm: healArm,
  riscv64: healRiscv,
  riscv32: healRiscv,
  arc: healArc,
};

const noSymbols: Remedy = { heals: false, words: 'whether a fault heals it cannot be told without symbols' };

function notMissing(difference: EntryDifference): Remedy | undefined {
  if (difference.kind === 'missing') return undefined;
  return { heals: false, words: 'no fault heals it, because the entry is there' };
}

function overlaps(difference: EntryDifference, range: Range): boolean {
  return difference.start < range.end && difference.end > range.start;
}

/** arch/x86/mm/fault.c:vmalloc_fault, on 32 bits always but for 5.8, on 64 bits until 5.7; it serves vmalloc addresses only. */
function healX86(kernel: Kernel, difference: EntryDifference): Remedy {
  const range = kernel.machine.architecture === 'x86-64' ? layoutRange(kernel) : vmallocX8632(kernel);
  const inVmalloc = overlaps(difference, range);
  if (difference.kind === 'different' && inVmalloc && kernel.addressOf('vmalloc_sync_one') !== undefined) {
    return { heals: false, words: 'no fault heals it, because the entry is there, and synchronising it stops at a BUG (vmalloc_sync_one)' };
  }
  const present = notMissing(difference);
  if (present !== undefined) {
    const later = inVmalloc && kernel.addressOf('vmalloc_sync_one') !== undefined;
    return later ? { heals: false, words: `${present.words}; only a later synchronisation of vmalloc mappings takes it away` } : present;
  }
  if (kernel.symbols.count === 0) return noSymbols;
  if (kernel.addressOf('vmalloc_fault') === undefined)
    return { heals: false, words: 'this kernel has no vmalloc fault that would heal it' };
  if (inVmalloc) return { heals: true, words: "the first access faults, and vmalloc_fault copies init_mm's entry" };
  return { heals: false, words: 'no fault heals it outside the vmalloc range' };
}

function layoutRange(kernel: Kernel): Range {
  const layout = layoutX8664(kernel);
  return { start: layout.vmallocStart, end: layout.vmallocEnd };
}

const mebibyte = 1n << 20n;

/** arch/x86/include/asm/pgtable_32_areas.h: from 8 MiB behind high_memory to the page tables of highmem, below the LDT's slot. */
function vmallocX8632(kernel: Kernel): Range {
  const highMemory = pointerInVariable(kernel, 'high_memory', 0);
  const start = vmallocStart(kernel) ?? (highMemory === undefined ? undefined : highMemory + 8n * mebibyte);
  const entryArea = cpuEntryArea(kernel);
  const slot = directorySize(kernel);
  const belowLdt = entryArea === undefined ? undefined : entryArea - slot;
  const highmem = kernel.addressOf('pkmap_page_table') !== undefined;
  return { start: start ?? 0n, end: belowLdt === undefined ? 1n << 32n : highmem ? belowLdt - slot : belowLdt };
}

function vmallocStart(kernel: Kernel): bigint | undefined {
  const told = kernel.vmcoreinfo?.number('VMALLOC_START');
  return told === undefined ? undefined : BigInt.asUintN(kernel.memory.pointerSize * 8, told);
}

/** PMD_SIZE: what one entry above the last level covers. */
function directorySize(kernel: Kernel): bigint {
  return 1n << BigInt(kernel.root.mode.levels.at(-2)?.shift ?? 21);
}

/** CPU_ENTRY_AREA_BASE: its first page maps the IDT (arch/x86/include/asm/cpu_entry_area.h: CPU_ENTRY_AREA_RO_IDT). */
function cpuEntryArea(kernel: Kernel): Address | undefined {
  const pointers = [
    pointerInVariable(kernel, 'idt_descr', 2),
    ...kernel.image.cpus.map((cpu) => cpu.control.find(({ name }) => name === 'idt_base')?.value),
  ];
  const align = directorySize(kernel);
  const found = pointers.find((pointer) => pointer !== undefined && pointer !== 0n && pointer % align === 0n);
  return found === undefined ? undefined : toAddress(found);
}

/**
 * Where page-table isolation maps the LDT of a process that has one (arch/x86/kernel/ldt.c: map_ldt_struct): on 32 bits in
 * the entry below the CPU entry area; on 64 bits in a top-level entry that has moved once, together with that area.
 */
function ldtSlot(kernel: Kernel): Range | undefined {
  if (kernel.types !== undefined && !hasPageTableIsolation(kernel)) return undefined;
  const area = cpuEntryArea(kernel);
  const { mode } = kernel.root;
  if (mode.addressBits === 32) {
    const size = directorySize(kernel);
    return area === undefined ? undefined : { start: area - size, end: area };
  }
  const fiveLevels = mode.virtualBits === 57;
  const size = 1n << BigInt(mode.levels[0]?.shift ?? 39);
  const former = area === 0xffff_fe80_0000_0000n;
  const start = fiveLevels
    ? former
      ? 0xff90_0000_0000_0000n
      : 0xff10_0000_0000_0000n
    : former
      ? 0xffff_fe00_0000_0000n
      : 0xffff_8800_0000_0000n;
  return { start, end: start + size };
}

/**
 * arch/arm/mm/fault.c:do_translation_fault copies any kernel entry that is missing. Sections that ioremap put into or took
 * from init_mm reach a process when it is switched to: the count vmalloc_seq tells (arch/arm/mm/ioremap.c).
 */
function healArm(kernel: Kernel, difference: EntryDifference, root: PageTableRoot): Remedy {
  const present = notMissing(difference);
  if (present === undefined) {
    if (kernel.symbols.count > 0 && kernel.addressOf('do_translation_fault') === undefined) {
      return { heals: false, words: 'this kernel has no do_translation_fault that would heal it' };
    }
    return { heals: true, routine: true, words: "the first access faults, and do_translation_fault copies init_mm's entry" };
  }
  const initMm = kernel.addressOf('init_mm');
  const sequence = (mm: Address | undefined): bigint | undefined => (mm === undefined ? undefined : contextWord(kernel, mm, armSequences));
  const kernels = sequence(initMm);
  const own = root.mms.map((mm) => sequence(mm));
  const start = vmallocStart(kernel) ?? armVmallocStart(kernel);
  const inVmalloc = start !== undefined && overlaps(difference, { start, end: 0xff80_0000n });
  if (inVmalloc && kernels !== undefined && own.length > 0 && own.every((one) => one !== undefined && one !== kernels)) {
    return { heals: true, words: "the next switch to it copies init_mm's entries, because its vmalloc_seq is behind" };
  }
  return present;
}

const armSequences = ['vmalloc_seq.counter', 'vmalloc_seq', 'kvm_seq'] as const;

/** VMALLOC_START of arch/arm/include/asm/pgtable.h: high_memory rounded up past the next 8 MiB. */
function armVmallocStart(kernel: Kernel): bigint | undefined {
  const highMemory = pointerInVariable(kernel, 'high_memory', 0);
  return highMemory === undefined ? undefined : ((highMemory + 8n * mebibyte) / (8n * mebibyte)) * 8n * mebibyte;
}

/**
 * arch/riscv/mm/fault.c:vmalloc_fault, which is inlined; on 64 bits only kernels that do not fill all top-level entries of
 * the vmalloc range beforehand (arch/riscv/mm/init.c:preallocate_pgd_pages_range) still have it.
 */
function healRiscv(kernel: Kernel, difference: EntryDifference): Remedy {
  const present = notMissing(difference);
  if (present !== undefined) return present;
  const preallocated = {
    heals: false,
    words: "no fault heals it: this kernel fills init_mm's top-level entries before any process is made",
  };
  const names = ['preallocate_pgd_pages_range', 'new_vmalloc'];
  if (names.some((name) => kernel.addressOf(name) !== undefined)) return preallocated;
  const start = vmallocStart(kernel);
  const told = kernel.vmcoreinfo?.number('VMALLOC_END');
  if (start === undefined || told === undefined) {
    return { heals: false, words: 'a fault heals it if it lies in the vmalloc range, which this dump does not tell' };
  }
  const end = BigInt.asUintN(kernel.memory.pointerSize * 8, told);
  if (!overlaps(difference, { start, end })) return { heals: false, words: 'no fault heals it outside the vmalloc range' };
  if (kernel.machine.architecture === 'riscv64' && isFilled(kernel, { start, end })) return preallocated;
  return { heals: true, routine: true, words: "the first access faults, and vmalloc_fault copies init_mm's entry" };
}

/** Whether init_mm has every top-level entry of a range. */
function isFilled(kernel: Kernel, range: Range): boolean {
  const { pageTable, mode } = kernel.root;
  const step = 1n << BigInt(mode.levels[0]?.shift ?? 30);
  if (range.end - range.start > step << BigInt(mode.levels[0]?.indexBits ?? 9)) return false;
  for (let address = range.start; address < range.end; address += step) {
    const { levels } = pageTable.translate(toAddress(address));
    if ((levels[0]?.flags.length ?? 0) === 0) return false;
  }
  return true;
}

/** arch/arc/mm/fault.c:handle_kernel_vaddr_fault; the kernel's translated addresses are all vmalloc's. */
function healArc(kernel: Kernel, difference: EntryDifference): Remedy {
  const present = notMissing(difference);
  if (present !== undefined) return present;
  if (kernel.symbols.count === 0) return noSymbols;
  if (kernel.addressOf('handle_kernel_vaddr_fault') === undefined) {
    return { heals: false, words: 'this kernel has no handle_kernel_vaddr_fault that would heal it' };
  }
  return { heals: true, routine: true, words: "the first access faults, and handle_kernel_vaddr_fault copies init_mm's entry" };
}
