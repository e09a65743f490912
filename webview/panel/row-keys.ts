/** The keys that go from row to row in a list. */
import type { VirtualList } from './virtual-list.ts';

/** The row that `key` leads to from `selected`; undefined for a key that leads to none. */
export function rowOfKey(key: string, selected: number, list: VirtualList | undefined): number | undefined {
  const last = (list?.count ?? 0) - 1;
  const page = list?.page ?? 1;
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: page,
    PageUp: -page,
    Home: -last - 1,
    End: last + 1,
  };
  const step = steps[key];
  return step === undefined ? undefined : Math.min(Math.max(selected + step, 0), last);
}
