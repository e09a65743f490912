/** Categories of pages and flags of PAGEMAP_SCAN (include/uapi/linux/fs.h). */

export const category = {
  wpAllowed: 0x1,
  written: 0x2,
  file: 0x4,
  present: 0x8,
  swapped: 0x10,
  pfnZero: 0x20,
  huge: 0x40,
  softDirty: 0x80,
  guard: 0x100,
  accessed: 0x200,
} as const;

/** PM_SCAN_WP_MATCHING and PM_SCAN_CHECK_WPASYNC (include/uapi/linux/fs.h). */
export const scanFlag = { wpMatching: 0x1, checkWpAsync: 0x2 } as const;

/** Without PAGE_IS_, lowest bit first. */
export const categoryNames = [
  'WPALLOWED',
  'WRITTEN',
  'FILE',
  'PRESENT',
  'SWAPPED',
  'PFNZERO',
  'HUGE',
  'SOFT_DIRTY',
  'GUARD',
  'ACCESSED',
] as const;
/** Names of `scanFlag`'s bits without PM_SCAN_, lowest bit first. */
export const scanFlagNames = ['WP_MATCHING', 'CHECK_WPASYNC'] as const;

/** Every category of a kernel that tells guard regions and accesses, or not. */
export function allCategories(tells: { readonly tellsGuard: boolean; readonly accessTracked: bigint | undefined }): number {
  return 0xff | (tells.tellsGuard ? category.guard : 0) | (tells.accessTracked === undefined ? 0 : category.accessed);
}

/** The uapi names, without PAGE_IS_, of the bits that are set; bits without a name are left out. */
export function namesOfCategories(mask: number): string[] {
  return categoryNames.filter((_name, bit) => (mask & (1 << bit)) !== 0);
}
