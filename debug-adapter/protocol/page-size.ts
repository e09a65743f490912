/** Sizes of pages in words. */

/** `4 KiB`, `2 MiB`, `1 GiB`: a power of two of at least 1 KiB. */
export function pageSizeText(bytes: number): string {
  if (bytes >= 2 ** 30) return `${bytes / 2 ** 30} GiB`;
  return bytes >= 2 ** 20 ? `${bytes / 2 ** 20} MiB` : `${bytes / 1024} KiB`;
}
