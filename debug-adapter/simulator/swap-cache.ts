/** The swap cache (mm/swap_state.c): pages that swap entries stand for. They stay in RAM, which is this machine's swap device. */
import type { Core } from './core.ts';
import { mappingsOf, putFolio, referencesOf } from './folio.ts';
import { xaErase, xaInsert, xaLoad } from './xarray.ts';

/** Puts a page into the swap cache; its swap slot. The reference of who has it becomes the swap entry's. */
export function addToSwap(core: Core, frame: number): number {
  const { memory, pages } = core;
  const next = core.symbol('simulated_swap');
  const slot = memory.u32(next) + 1;
  memory.setU32(next, slot);
  xaInsert(core, core.symbol('swapper_space'), { index: slot, entry: pages.pageAt(frame) });
  pages.setFlag(frame, 'owner_priv_1');
  memory.setWord(pages.pageAt(frame) + core.types.offset('page', 'private'), slot);
  return slot;
}

/** The slot of a page that is in the swap cache. */
export function slotOfFrame(core: Core, frame: number): number | undefined {
  if (!core.pages.flag(frame, 'owner_priv_1')) return undefined;
  return core.memory.word(core.pages.pageAt(frame) + core.types.offset('page', 'private'));
}

/** The frame that holds the slot's page; undefined for a slot that is not in use. */
export function frameInSwap(core: Core, slot: number): number | undefined {
  const page = xaLoad(core, core.symbol('swapper_space'), slot);
  return page === 0 ? undefined : core.pages.frameOf(page);
}

/** A page that no swap entry refers to any more leaves the swap cache. */
export function leaveSwapIfUnused(core: Core, slot: number, frame: number): void {
  if (referencesOf(core, frame) <= mappingsOf(core, frame)) leaveSwap(core, slot, frame);
}

/** The page leaves the cache (delete_from_swap_cache()); references to it are the caller's. */
export function leaveSwap(core: Core, slot: number, frame: number): void {
  xaErase(core, core.symbol('swapper_space'), slot);
  core.pages.setFlag(frame, 'owner_priv_1', false);
  core.memory.setWord(core.pages.pageAt(frame) + core.types.offset('page', 'private'), 0);
}

/** A swap entry is let go: the page loses its reference, and is freed when that was the last. */
export function forgetSwapSlot(core: Core, slot: number): void {
  const frame = frameInSwap(core, slot);
  if (frame === undefined) return;
  if (referencesOf(core, frame) - 1 <= mappingsOf(core, frame)) leaveSwap(core, slot, frame);
  putFolio(core, frame);
}
