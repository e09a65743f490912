/** What the highest swap types mean in a kernel (include/linux/swap.h); their numbers are told by no dump. */
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';

/** Types of entries that are neither present nor none, and lie on no swap area. */
export interface SpecialSwapTypes {
  /** Of markers (SWP_PTE_MARKER); undefined where the kernel has none. */
  readonly marker: number | undefined;
  /** is_pfn_swap_entry(): whether entries of this type, 0 to 31, name a frame: migration, device memory, hwpoison. */
  namesFrame(type: number): boolean;
}

const lastType = 31;
/** The smallest number of swap areas that a kernel can have (6.1 with device memory); higher types may mean something else. */
const leastSwapAreas = 22;

/**
 * Markers came in 5.19 with zap_details.zap_flags, and below them stood entries of failed readings (SWP_SWAPIN_ERROR), of the
 * last type; those became markers in 6.2, as struct mm_rss_stat went. Until then only kernels whose userfaultfd protects from
 * writing, those of x86-64, were built with markers (CONFIG_PTE_MARKER).
 */
export function specialSwapTypes(kernel: Kernel): SpecialSwapTypes {
  const structs = kernel.structs('telling swap entries apart');
  const hasMarkers = structs.find('zap_details') === undefined || structs.has('zap_details', 'zap_flags');
  const hasErrors = hasMarkers && structs.find('mm_rss_stat') !== undefined;
  const last = hasMarkers ? lastType : undefined;
  const marker = !hasErrors ? last : kernel.machine.architecture === 'x86-64' ? lastType - 1 : undefined;
  const inUse = kernel.addressOf('nr_swapfiles');
  const claimed = inUse === undefined ? undefined : optionalRead(() => kernel.memory.u32(inUse));
  const areas = claimed !== undefined && claimed <= lastType ? claimed : leastSwapAreas;
  return { marker, namesFrame: (type) => type >= areas && type !== marker && type !== last };
}
