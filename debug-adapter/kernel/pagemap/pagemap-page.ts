/** What pagemap asks of a struct page and its folio: anonymous or not, and how often mapped (include/linux/mm.h, page-flags.h). */
import { addToAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { headOf } from '../pages/folio.ts';
import type { Kernel } from '../kernel.ts';
import { variable } from '../layout/layout-witnesses.ts';
import { pageOfFrame } from '../pages/page-frame.ts';
import type { StructShape, Structs } from '../structs.ts';

const purpose = 'reading the pages of a process';

/** Set in page.mapping of anonymous pages (PAGE_MAPPING_ANON). */
const mappingAnon = 1n;

/**
 * Answers by frame number (pages of 4 KiB). What a missing type or struct page leaves untold is warned of once and counts as
 * unknown.
 */
export class PagemapPages {
  readonly #kernel: Kernel;
  readonly #structs: Structs;
  readonly #page: StructShape;
  readonly #folio: StructShape | undefined;
  readonly #headBit: bigint | undefined;
  readonly #doubleMapBit: bigint | undefined;
  /** From a head page to the count of mappings of the whole: offset in bytes. */
  readonly #entireOffset: number | undefined;
  readonly #highestFrame: number;
  readonly #zeroFrame: number | undefined;
  readonly #zeroFrames: number;
  readonly #hugeZeroFrame: number | undefined;
  #told = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    const structs = kernel.structs(purpose);
    this.#structs = structs;
    this.#page = structs.get('page');
    this.#folio = structs.find('folio');
    this.#headBit = bitOf(structs.types.enumerator('PG_head'));
    this.#doubleMapBit = bitOf(structs.types.enumerator('PG_double_map'));
    this.#entireOffset = entireMapcountOffset(this.#page, this.#folio);
    const highest = variable(kernel, 'highest_memmap_pfn');
    this.#highestFrame = highest === undefined ? Infinity : Number(highest);
    this.#zeroFrame = zeroFrameOf(kernel);
    // s390 and mips have one zero page for each cache colour (is_zero_pfn() of include/linux/pgtable.h).
    this.#zeroFrames = Math.floor(Number(variable(kernel, 'zero_page_mask') ?? 0n) / kernel.pageSize) + 1;
    const hugeZero = variable(kernel, 'huge_zero_pfn');
    const unset = (1n << BigInt(kernel.memory.pointerSize * 8)) - 1n;
    this.#hugeZeroFrame = hugeZero === undefined || hugeZero === unset || hugeZero === 0n ? undefined : Number(hugeZero);
  }

  /** Whether the kernel has a struct page for it: `pfn > highest_memmap_pfn` is a bad entry. */
  hasPage(frame: number): boolean {
    return frame <= this.#highestFrame;
  }

  /** Whether it is one of the kernel's pages of zeros (is_zero_pfn()). */
  isZeroPage(frame: number): boolean {
    return this.#zeroFrame !== undefined && frame >= this.#zeroFrame && frame < this.#zeroFrame + this.#zeroFrames;
  }

  /** is_huge_zero_pmd(), of the first frame that a pmd maps. */
  isHugeZeroPage(frame: number): boolean {
    return frame === this.#hugeZeroFrame;
  }

  /** Whether the folio of a frame is anonymous; undefined where its struct page cannot be read, which is told. */
  isAnonymous(frame: number): boolean | undefined {
    return this.#about(frame, (page) => {
      const head = headOf(this.#kernel, page);
      const mapping = this.#folio?.has('mapping') === true ? this.#folio.unsigned(head, 'mapping') : this.#page.unsigned(head, 'mapping');
      return (mapping & mappingAnon) !== 0n;
    });
  }

  /** folio_precise_page_mapcount() == 1; undefined where it cannot be read. */
  isMappedOnce(frame: number): boolean | undefined {
    return this.#about(frame, (page) => this.#mapcount(page) === 1);
  }

  /** Of a huge page of hugetlbfs: whether one process at most has it mapped (folio_likely_mapped_shared()). */
  isHugetlbMappedOnce(frame: number): boolean | undefined {
    return this.#about(frame, (page) => this.#entireMapcount(headOf(this.#kernel, page)) <= 1);
  }

  /** hugetlb_pmd_shared(): whether the table in `tableFrame` is shared between processes. */
  isSharedTable(tableFrame: number): boolean | undefined {
    const { architecture } = this.#kernel.machine;
    if (architecture !== 'x86-64' && architecture !== 'arm64' && architecture !== 'riscv64') return false;
    const descriptor = this.#structs.find('ptdesc');
    return this.#about(tableFrame, (page) =>
      descriptor?.has('pt_share_count.counter') === true
        ? descriptor.number(page, 'pt_share_count.counter') > 0
        : this.#page.number(page, '_refcount.counter') > 1,
    );
  }

  #about<Value>(frame: number, look: (page: Address) => Value): Value | undefined {
    const page = pageOfFrame(this.#kernel, frame);
    if (page === undefined) {
      this.#tell(() => `no struct page is known for frame 0x${frame.toString(16)}; whether its page is of a file or shared cannot be told`);
      return undefined;
    }
    // Entries that are garbage name frames without struct pages by the million: none is read in vain.
    const { memory } = this.#structs;
    if (memory.frameOf(Number(page >> 12n)) < 0) {
      this.#tell(() => untold(memory.explain(page).message));
      return undefined;
    }
    try {
      return look(page);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      this.#tell(() => untold(error.reason));
      return undefined;
    }
  }

  /** Warns of the first frame about which something cannot be told. */
  #tell(message: () => string): void {
    if (!this.#told) this.#kernel.warn(message());
    this.#told = true;
  }

  #flag(page: Address, bit: bigint | undefined): boolean {
    return bit !== undefined && (this.#page.unsigned(page, 'flags') & bit) !== 0n;
  }

  #mapcount(page: Address): number {
    const head = headOf(this.#kernel, page);
    // Below -1 it is no count but the page's type.
    const raw = this.#page.number(page, '_mapcount.counter');
    let count = raw < -1 ? 0 : raw + 1;
    if (!this.#flag(head, this.#headBit)) return count;
    count += this.#entireMapcount(head);
    // Before 6.2 each page of a folio that was mapped in both ways counted one too many.
    if (this.#doubleMapBit !== undefined && this.#flag(addToAddress(head, this.#page.size), this.#doubleMapBit)) count--;
    return count;
  }

  #entireMapcount(head: Address): number {
    return this.#entireOffset === undefined ? 0 : this.#structs.memory.i32(addToAddress(head, this.#entireOffset)) + 1;
  }
}

function untold(reason: string): string {
  return `struct pages cannot be read (${reason}); whether their pages are of a file or shared cannot be told`;
}

function bitOf(number: bigint | undefined): bigint | undefined {
  return number === undefined ? undefined : 1n << number;
}

/** A member of the folio since 6.0, of the first tail page before. */
function entireMapcountOffset(page: StructShape, folio: StructShape | undefined): number | undefined {
  const member = ['_entire_mapcount', '_compound_mapcount', '_total_mapcount'].find((name) => folio?.has(name));
  if (folio !== undefined && member !== undefined) return folio.offset(member);
  return page.has('compound_mapcount') ? page.size + page.offset('compound_mapcount') : undefined;
}

function zeroFrameOf(kernel: Kernel): number | undefined {
  const frame = variable(kernel, 'zero_pfn') ?? variable(kernel, 'zero_page_pfn');
  if (frame !== undefined && frame !== 0n) return Number(frame);
  const page = kernel.addressOf('empty_zero_page');
  const physical = page === undefined ? -1 : kernel.memory.frameOf(Number(page >> 12n));
  return physical < 0 ? undefined : Math.floor((physical * 4096) / kernel.pageSize);
}
