/** What pagemap and PAGEMAP_SCAN need to know of a process and its kernel, found once. */
import type { Address } from '../../base/address.ts';
import type { CancellationToken } from '../../base/cancellation.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { PageTable } from '../../pagetable/page-table.ts';
import type { Kernel } from '../kernel.ts';
import { vmas, vmFlag } from '../processes/mm.ts';
import type { Vma } from '../processes/mm.ts';
import { entryBits } from './pagemap-bits.ts';
import type { EntryBits } from './pagemap-bits.ts';
import { PagemapPages } from './pagemap-page.ts';
import type { WalkContext, WalkedEntry } from './pagemap-walk.ts';
import { specialSwapTypes } from './special-swap-types.ts';
import type { SpecialSwapTypes } from './special-swap-types.ts';

const purpose = 'reading the pages of a process';

/** What a marker's offset says (include/linux/swapops.h). */
export const marker = { uffdWp: 1, poisoned: 2, guard: 4 } as const;

/** Rules of PAGEMAP_SCAN that were proposed and not merged; struct pagemap_scan_private tells of them. */
export interface ScanRules {
  /** Version 29 of the patch, by its member walk_end_addr. */
  readonly isVersion29: boolean;
  /** Versions before it, by their member cur_buf: a buffer without room asks for the place of the first match. */
  readonly stopsWithoutRoom: boolean;
}

/**
 * The areas, page table and rules of one process. Throws `UserError` where its architecture's entries are not known or a type
 * is missing.
 */
export class PagemapProcess {
  readonly kernel: Kernel;
  readonly mm: Address;
  readonly areas: readonly Vma[];
  readonly bits: EntryBits;
  readonly pages: PagemapPages;
  /** Guard regions are told apart (PM_GUARD_REGION, PAGE_IS_GUARD: 6.15). */
  readonly tellsGuard: boolean;
  /** The bit of vm_flags of areas whose accesses userfaultfd tracks; undefined where the kernel has none (it came in 7.3). */
  readonly accessTracked: bigint | undefined;
  readonly scanRules: ScanRules;
  readonly #pageTable: PageTable;
  readonly #swapTypes: SpecialSwapTypes;
  /** Of an entry that names a frame: the part of its offset that is the frame's number (swp_offset_pfn()). */
  readonly #frameLimit: number;
  readonly #hugePageSizes = new Map<Address, number>();

  /** Throws `UserError` where types are missing, or the architecture's entries are not known. */
  constructor(kernel: Kernel, mm: Address, pageTable: PageTable) {
    const structs = kernel.structs(purpose);
    this.kernel = kernel;
    this.mm = mm;
    this.#pageTable = pageTable;
    this.areas = vmas(kernel, mm);
    // vmap_area.flags came back in 6.3, as the mark of exclusive pages came to all architectures; before 5.4 there was another.
    const flagged = structs.find('vmap_area') === undefined || structs.has('vmap_area', 'flags');
    const withoutExclusive = !flagged || structs.has('vmap_area', 'purge_list');
    this.bits = entryBits(kernel.machine.architecture, pageTable.mode, withoutExclusive);
    this.pages = new PagemapPages(kernel);
    this.#swapTypes = specialSwapTypes(kernel);
    this.#frameLimit = frameLimit(kernel, pageTable.mode.levels.length);
    // Both came in 6.15, as the bit did; guard regions alone are older.
    this.scanRules = {
      isVersion29: structs.find('pagemap_scan_private')?.has('walk_end_addr') === true,
      stopsWithoutRoom: structs.find('pagemap_scan_private')?.has('cur_buf') === true,
    };
    this.tellsGuard =
      kernel.addressOf('guard_install_set_pte') !== undefined &&
      (structs.has('vm_area_struct', 'vm_refcnt') || structs.has('folio', '_mm_id_mapcount'));
    const accessBit = kernel.types?.enumerator('VMA_UFFD_RWP_BIT');
    this.accessTracked = accessBit === undefined ? undefined : 1n << BigInt.asUintN(6, accessBit);
  }

  /** log2 of the kernel's page size. */
  get pageShift(): number {
    return this.#pageTable.mode.pageShift;
  }

  /** Base pages that the last upper table covers: PMD_SIZE / PAGE_SIZE. */
  get pmdPages(): number {
    const { levels, pageShift } = this.#pageTable.mode;
    return 2 ** ((levels.at(-2)?.shift ?? pageShift) - pageShift);
  }

  /** What pagemap-walk.ts needs; its loops ask `token`. */
  walkContext(token: CancellationToken): WalkContext {
    const { architecture } = this.kernel.machine;
    return {
      pageTable: this.#pageTable,
      areas: this.areas,
      emptyHugetlbIsHole: architecture === 'ppc64' || architecture === 'ppc64le',
      hugePageSize: (vma) => this.hugePageSize(vma),
      token,
    };
  }

  /** The names of the entry's bits. */
  flags(entry: WalkedEntry): readonly string[] {
    return this.#pageTable.mode.flags(entry.level, entry.low, entry.high);
  }

  /** Of an entry that is not present: whether it is no swap entry for all that (PROT_NONE of a large page with arm's LPAE). */
  keepsFrame(entry: WalkedEntry): boolean {
    return this.#pageTable.mode.keepsFrame(entry.level, entry.low, entry.high);
  }

  /** Whether an entry that is not present is a marker, and holds this mark. */
  isMarked(entry: WalkedEntry, mark: number): boolean {
    const { level, low, high } = entry;
    return this.bits.swapType(level, low, high) === this.#swapTypes.marker && (this.bits.swapOffset(level, low, high) & mark) !== 0;
  }

  /** pte_swp_uffd_wp_any(): by its own bit, or as a marker. */
  isSwapWriteProtected(entry: WalkedEntry): boolean {
    return this.bits.swapUffdWp(entry.level, entry.low, entry.high) || this.isMarked(entry, marker.uffdWp);
  }

  /** is_pfn_swap_entry(): whether an entry that is not present names a frame: migration, device memory, hwpoison. */
  namesFrame(entry: WalkedEntry): boolean {
    return this.#swapTypes.namesFrame(this.bits.swapType(entry.level, entry.low, entry.high));
  }

  /** The frame that such an entry names. */
  namedFrame(entry: WalkedEntry): number {
    return this.bits.swapOffset(entry.level, entry.low, entry.high) % this.#frameLimit;
  }

  /**
   * vm_normal_page(): whether the kernel counts the page behind a present entry as the area's; not so zero pages, and
   * frames of devices.
   */
  isNormalPage(vma: Vma, page: number, entry: WalkedEntry): boolean {
    const { level, low, high, frame } = entry;
    if (this.bits.hasSpecial) return !this.bits.special(level, low, high) && this.pages.hasPage(frame);
    if ((vma.flags & (vmFlag.pfnMap | vmFlag.mixedMap)) !== 0n && (vma.flags & vmFlag.mixedMap) === 0n) {
      const offset = page - Number(vma.start >> BigInt(this.pageShift));
      if (frame === Number(vma.pageOffset) + offset || !isCopyOnWrite(vma)) return false;
    }
    return !this.pages.isZeroPage(frame) && this.pages.hasPage(frame);
  }

  /** vm_normal_page_pmd(). */
  isNormalHugePage(vma: Vma, entry: WalkedEntry): boolean {
    const names = this.flags(entry);
    if (names.includes('DEVMAP') || names.includes('SPECIAL') || this.pages.isHugeZeroPage(entry.frame)) return false;
    if ((vma.flags & vmFlag.pfnMap) !== 0n) return false;
    return this.pages.hasPage(entry.frame);
  }

  /** huge_page_size(hstate_vma()), by the super block of the area's file. */
  hugePageSize(vma: Vma): number {
    let size = this.#hugePageSizes.get(vma.address);
    if (size === undefined) {
      size = attempt(() => this.#readHugePageSize(vma)) ?? 0;
      if (size < this.kernel.pageSize) {
        this.kernel.warn(`the size of the huge pages at 0x${vma.start.toString(16)} cannot be read; that of a pmd is assumed`);
        size = this.pmdPages * this.kernel.pageSize;
      }
      this.#hugePageSizes.set(vma.address, size);
    }
    return size;
  }

  #readHugePageSize(vma: Vma): number | undefined {
    const structs = this.kernel.structs(purpose);
    const info = structs.find('hugetlbfs_sb_info');
    if (vma.vmFile === undefined || info === undefined) return undefined;
    const inode = structs.get('file').pointer(vma.vmFile, 'f_inode');
    const superBlock = structs.get('inode').pointer(inode, 'i_sb');
    const state = info.pointer(structs.get('super_block').pointer(superBlock, 's_fs_info'), 'hstate');
    const order = structs.get('hstate').number(state, 'order');
    return order > 0 && order <= 40 ? this.kernel.pageSize * 2 ** order : undefined;
  }
}

function isCopyOnWrite(vma: Vma): boolean {
  // is_cow_mapping(): VM_MAYWRITE without VM_SHARED.
  return (vma.flags & 0x28n) === 0x20n;
}

/** SWP_PFN_MASK and one: MAX_PHYSMEM_BITS less PAGE_SHIFT bits, where it is below what an offset has. */
function frameLimit(kernel: Kernel, levels: number): number {
  const told = kernel.vmcoreinfo?.number('MAX_PHYSMEM_BITS');
  const bits = told === undefined ? (kernel.machine.architecture === 'x86-64' ? (levels === 5 ? 52 : 46) : 52) : Number(told);
  return 2 ** (bits - kernel.root.mode.pageShift);
}

function attempt<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return undefined;
  }
}

/** Whether symbols exist that only kernels with PAGEMAP_SCAN have (6.7). */
export function hasPagemapScan(kernel: Kernel): boolean {
  return ['pagemap_scan_output', 'pagemap_scan_pmd_entry', 'do_pagemap_cmd', 'pagemap_scan_test_walk'].some(
    (name) => kernel.addressOf(name) !== undefined,
  );
}

/** mm_struct.task_size: the first address that the process cannot have; undefined where the types do not tell. */
export function taskSize(kernel: Kernel, mm: Address): bigint | undefined {
  const shape = kernel.structs(purpose).get('mm_struct');
  if (!shape.has('task_size')) return undefined;
  const size = attempt(() => shape.unsigned(mm, 'task_size'));
  return size === 0n ? undefined : size;
}

/** Whether the last user of the address space is gone. */
export function isDead(kernel: Kernel, mm: Address): boolean {
  const shape = kernel.structs(purpose).get('mm_struct');
  return shape.has('mm_users.counter') && attempt(() => shape.number(mm, 'mm_users.counter')) === 0;
}
