/** What changed in the vmalloc space between two moments of a scenario, area by area. Knows facts only. */
import type { VmallocAreaFacts, VmallocBlockFacts, VmallocFacts } from '../../debug-adapter/protocol/vmalloc.ts';

/** One area that is not as it was. */
export interface AreaChange {
  readonly kind: 'new' | 'changed';
  /** What is otherwise; of a new area, nothing. */
  readonly details: readonly ChangedDetail[];
}

/** One quantity of an area, as it was and as it is. */
export interface ChangedDetail {
  /** The kernel's name of a field; `list` for the list on which the area is. */
  readonly name: string;
  readonly before: string;
  readonly now: string;
}

/** All that differs between two stops. */
export interface VmallocChanges {
  /** By `keyOf`. */
  readonly areas: ReadonlyMap<string, AreaChange>;
  /** Areas in use before whose addresses are on no list now. */
  readonly gone: readonly VmallocAreaFacts[];
}

/** `areas`: those in use. */
type List = 'areas' | 'lazy' | 'purging' | 'pooled';
const lists: readonly List[] = ['areas', 'lazy', 'purging', 'pooled'];

/** An area is the range that it covers: the kernel's objects are used again. */
export function keyOf({ start, end }: Pick<VmallocAreaFacts, 'start' | 'end'>): string {
  return `${start}-${end}`;
}

interface Listed {
  readonly list: List;
  readonly area: VmallocAreaFacts;
}

/** What became of each area, by its first address. */
export function changesBetween(before: VmallocFacts, now: VmallocFacts): VmallocChanges {
  const [then, present] = [byRange(before), byRange(now)];
  const areas = new Map<string, AreaChange>();
  for (const [key, one] of present) {
    const other = then.get(key);
    if (other === undefined) areas.set(key, { kind: 'new', details: [] });
    else {
      const details = differences(other, one);
      if (details.length > 0) areas.set(key, { kind: 'changed', details });
    }
  }
  return { areas, gone: before.areas.filter((area) => !present.has(keyOf(area))) };
}

function byRange(facts: VmallocFacts): Map<string, Listed> {
  return new Map(lists.flatMap((list) => facts[list].map((area): [string, Listed] => [keyOf(area), { list, area }])));
}

function differences(before: Listed, now: Listed): ChangedDetail[] {
  const found: ChangedDetail[] = [];
  const compare = (name: string, one: string, other: string): void => {
    if (one !== other) found.push({ name, before: one, now: other });
  };
  compare('list', before.list, now.list);
  for (const name of ['flags', 'vmFlags', 'address', 'vm', 'caller', 'pages', 'physical', 'pageOrder'] as const)
    compare(name, textOf(before.area[name]), textOf(now.area[name]));
  const names: readonly (keyof VmallocBlockFacts)[] = ['free', 'dirty', 'dirtyMin', 'dirtyMax', 'used', 'freeListCpu'];
  const [one, other] = [before.area.block, now.area.block];
  if (one === null || other === null) compare('vmap_block', textOf(one?.address ?? null), textOf(other?.address ?? null));
  else for (const name of names) compare(name, textOf(one[name]), textOf(other[name]));
  return found;
}

function textOf(value: VmallocBlockFacts[keyof VmallocBlockFacts] | readonly string[]): string {
  if (value === null) return '–';
  if (typeof value !== 'object') return String(value);
  const texts = value.map((part) => (typeof part === 'string' ? part : runText(part)));
  return texts.length === 0 ? '–' : texts.join(' ');
}

/** A run of used pages as [first page, count]. */
function runText([first = 0, count = 0]: readonly number[]): string {
  return count === 1 ? `${first}` : `${first}-${first + count - 1}`;
}
