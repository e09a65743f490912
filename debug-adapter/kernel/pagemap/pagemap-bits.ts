/**
 * What Linux keeps in user page-table entries beyond what the hardware takes: soft-dirty, uffd-wp and special marks, and the
 * swap type and offset of entries that are not present (arch/…/include/asm/pgtable.h, include/linux/swapops.h). Entries pass
 * as two 32-bit halves and nothing is allocated for one.
 */
import { Arm64Mode } from '../../arch/arm64.ts';
import { entryKind } from '../../arch/paging-mode.ts';
import type { PagingMode } from '../../arch/paging-mode.ts';
import { errors } from '../../base/errors.ts';
import type { ArchitectureName } from '../../image/image.ts';

/** What bits of an entry mean to /proc/PID/pagemap on one architecture; entries are two 32-bit halves. */
export interface EntryBits {
  /** Whether entries can be special at all (CONFIG_ARCH_HAS_PTE_SPECIAL). */
  readonly hasSpecial: boolean;
  /** Of entries that are present. */
  softDirty(level: number, low: number, high: number): boolean;
  /** The userfaultfd write-protect mark of an entry that is present. */
  uffdWp(level: number, low: number, high: number): boolean;
  /** The special mark (no struct page is behind it) of an entry that is present. */
  special(level: number, low: number, high: number): boolean;
  /** Of entries that are not present and not none. */
  swapSoftDirty(level: number, low: number, high: number): boolean;
  /** The userfaultfd write-protect mark of an entry that is neither present nor none. */
  swapUffdWp(level: number, low: number, high: number): boolean;
  /** The swap file's number, or the kind of a migration, device or marker entry (include/linux/swapops.h): 0 to 31. */
  swapType(level: number, low: number, high: number): number;
  /** Below 2^52. */
  swapOffset(level: number, low: number, high: number): number;
}

/** Bits of the low and the high half. */
type Mask = readonly [low: number, high: number];
const nothing: Mask = [0, 0];

interface Masks {
  readonly softDirty?: Mask;
  readonly uffdWp?: Mask;
  readonly special?: Mask;
  readonly swapSoftDirty?: Mask;
  readonly swapUffdWp?: Mask;
  readonly swapType: EntryBits['swapType'];
  readonly swapOffset: EntryBits['swapOffset'];
}

/**
 * The bits of an architecture in a paging mode. `withoutExclusive` is for kernels before 6.3, when some architectures gave swap
 * entries a mark of their own for exclusive pages and moved what lay there. Throws `UserError` where Pagewalk does not know them.
 */
export function entryBits(architecture: ArchitectureName, mode: PagingMode, withoutExclusive = false): EntryBits {
  switch (architecture) {
    case 'x86-64':
      return ofMasks({
        softDirty: [0x800, 0],
        uffdWp: [0x400, 0],
        special: [0x200, 0],
        swapSoftDirty: [0x2, 0],
        swapUffdWp: [0x4, 0],
        swapType: (_level, _low, high) => high >>> 27,
        swapOffset: (_level, low, high) => (~high & 0x07ff_ffff) * 2 ** 23 + (~low >>> 9),
      });
    case 'x86-32':
      return x8632Bits(mode);
    case 'arm64':
      return arm64Bits(mode);
    case 'riscv64':
      return riscvBits(mode, withoutExclusive ? 1 : 0);
    case 's390x':
      return s390Bits(mode);
    case 'ppc64':
    case 'ppc64le': {
      const firstBit = mode.pageShift;
      return ofMasks({
        softDirty: [0x200, 0],
        special: [0x400, 0],
        swapSoftDirty: [0x200, 0],
        swapType: (_level, low) => low & 0x1f,
        // PTE_RPN_MASK has 53 bits, those below the page size are flags.
        swapOffset: (_level, low, high) => Math.floor(((high & 0x001f_ffff) * 2 ** 32 + (low >>> 0)) / 2 ** firstBit),
      });
    }
    case 'arm':
      return ofMasks({
        // With LPAE; 32-bit entries have no room for it.
        ...(mode.levels.length > 2 ? { special: [0, 0x0100_0000] as const } : {}),
        swapType: (_level, low) => (low >>> 2) & 0x1f,
        swapOffset: (_level, low) => low >>> (withoutExclusive ? 7 : 8),
      });
    case 'loongarch64':
      return ofMasks({ special: [0x800, 0], ...byteFields });
    case 'mips64':
      return mipsBits(mode);
    default:
      throw errors.notSupported(
        `the entries of user page tables on ${architecture} are not known to Pagewalk; walk an address with: pagewalk vtop`,
      );
  }
}

/** mips and loongarch: the type in bits 16-22, the offset from bit 24. */
const byteFields: Pick<Masks, 'swapType' | 'swapOffset'> = {
  swapType: (_level, low) => (low >>> 16) & 0x7f,
  swapOffset: (_level, low, high) => (high >>> 0) * 2 ** 8 + (low >>> 24),
};

function ofMasks(masks: Masks): EntryBits {
  const test = ([maskLow, maskHigh]: Mask): EntryBits['softDirty'] =>
    maskLow === 0 && maskHigh === 0 ? () => false : (_level, low, high) => ((low & maskLow) | (high & maskHigh)) !== 0;
  return {
    hasSpecial: masks.special !== undefined,
    softDirty: test(masks.softDirty ?? nothing),
    uffdWp: test(masks.uffdWp ?? nothing),
    special: test(masks.special ?? nothing),
    swapSoftDirty: test(masks.swapSoftDirty ?? nothing),
    swapUffdWp: test(masks.swapUffdWp ?? nothing),
    swapType: masks.swapType,
    swapOffset: masks.swapOffset,
  };
}

/** Neither soft-dirty nor uffd-wp exist in 32-bit kernels. */
function x8632Bits(mode: PagingMode): EntryBits {
  if (mode.levels.length === 2) {
    return ofMasks({ special: [0x200, 0], swapType: (_level, low) => (low >> 1) & 0x1f, swapOffset: (_level, low) => low >>> 9 });
  }
  return ofMasks({
    special: [0x200, 0],
    swapType: (_level, _low, high) => high >>> 27,
    // As on x86-64, cut to the 26 bits that a swp_entry_t has for it.
    swapOffset: (_level, low, high) => ((~high & 0x7) * 2 ** 23 + (~low >>> 9)) % 2 ** 26,
  });
}

function arm64Bits(mode: PagingMode): EntryBits {
  // PROT_NONE moved to bit 11 when bit 58 became the mark of uffd-wp (6.11).
  const current = mode instanceof Arm64Mode && mode.options.protNoneBit() === 11;
  if (!current) {
    return ofMasks({
      special: [0, 0x0100_0000],
      swapType: (_level, low) => (low >> 3) & 0x1f,
      swapOffset: (_level, low, high) => (high & 0x03ff_ffff) * 2 ** 24 + (low >>> 8),
    });
  }
  return ofMasks({
    uffdWp: [0, 0x0400_0000],
    special: [0, 0x0100_0000],
    swapUffdWp: [0x8, 0],
    swapType: (_level, low) => (low >> 6) & 0x1f,
    swapOffset: (_level, low, high) => (high & 0x3fff_ffff) * 2 ** 20 + (low >>> 12),
  });
}

/** Type and offset lie `lower` bits below where they are since 6.3. */
function riscvBits(mode: PagingMode, lower: 0 | 1): EntryBits {
  // Bits 59 and 60 are marks with Svrsw60t59b; T-Head has memory types there.
  const marks = mode.flags(mode.levels.length - 1, 0x3, 0x0800_0000).includes('SOFT_DIRTY');
  return ofMasks({
    ...(marks ? { softDirty: [0, 0x0800_0000], uffdWp: [0, 0x1000_0000] } : {}),
    special: [0x100, 0],
    swapSoftDirty: [0x8, 0],
    swapUffdWp: [0x10, 0],
    swapType: (_level, low) => (low >>> (7 - lower)) & 0x1f,
    swapOffset: (_level, low, high) => (high >>> 0) * 2 ** (20 + lower) + (low >>> (12 - lower)),
  });
}

function s390Bits(mode: PagingMode): EntryBits {
  const last = mode.levels.length - 1;
  const bits = ofMasks({
    special: [0x40, 0],
    swapSoftDirty: [0x2, 0],
    swapType: (level, low) => (low >>> (level === last ? 2 : 6)) & 0x1f,
    swapOffset: (_level, low, high) => (high >>> 0) * 2 ** 20 + (low >>> 12),
  });
  return {
    ...bits,
    // _PAGE_SOFT_DIRTY, _SEGMENT_ENTRY_SOFT_DIRTY.
    softDirty: (level, low) => (low & (level === last ? 0x2 : 0x4000)) !== 0,
    special: (level, low) => level === last && (low & 0x40) !== 0,
  };
}

/** Where the bits of mips stand depends on the kernel's configuration, which the paging mode knows. */
function mipsBits(mode: PagingMode): EntryBits {
  const last = mode.levels.length - 1;
  const maskOf = (name: string): Mask | undefined => {
    for (let bit = 0; bit < 32; bit++) {
      const low = 2 ** bit;
      if (mode.kind(last, low, 0) !== entryKind.none && mode.flags(last, low, 0).includes(name)) return [low | 0, 0];
    }
    return undefined;
  };
  const special = maskOf('SPECIAL');
  const softDirty = maskOf('SOFT_DIRTY');
  return ofMasks({
    ...(special === undefined ? {} : { special }),
    ...(softDirty === undefined ? {} : { softDirty, swapSoftDirty: softDirty }),
    ...byteFields,
  });
}
