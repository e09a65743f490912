/** Rights and attributes of a page, as bits that mean the same on every architecture; encoders make entries of them. */
export const protection = {
  write: 0x1,
  execute: 0x2,
  user: 0x4,
  global: 0x8,
  /** Cache type, in the bits of `cacheMask`; none of them is write-back. */
  writeCombining: 0x10,
  uncachedMinus: 0x20,
  uncached: 0x30,
  writeThrough: 0x40,
  writeProtected: 0x50,
  cacheMask: 0x70,
  softDirty: 0x80,
  userfaultWriteProtect: 0x100,
  accessed: 0x200,
  dirty: 0x400,
  /** No struct page stands behind it, or none that is counted: the zero page, device memory. */
  special: 0x800,
  /** PROT_NONE: the frame is kept, no access is allowed. */
  none: 0x1000,
  /** Global under page-table isolation too: what user mode's tables share. */
  alwaysGlobal: 0x2000,
  /** Protection key of a user page, 4 bits (x86-64). */
  keyMask: 0x3_c000,
} as const;

/** log2 of the lowest bit of the key. */
export const keyShift = 14;

const { write, execute, global, accessed, dirty } = protection;

/** PAGE_KERNEL and its like. */
export const kernelProtection = {
  data: write | global | accessed | dirty,
  readOnly: global | accessed | dirty,
  code: execute | global | accessed | dirty,
  everything: write | execute | global | accessed | dirty,
  io: write | global | accessed | dirty | protection.uncachedMinus,
} as const;
