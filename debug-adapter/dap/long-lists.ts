/** Requests that answer in parts when they are asked to: vmap_areas, tasks, address spaces. */
import * as v from 'valibot';
import type { Address } from '../base/address.ts';
import { throwIfCancelled } from '../base/cancellation.ts';
import type { AddressSpaceFacts, TaskFacts } from '../protocol/facts.ts';
import type { PagewalkPartRequests, PagewalkRequests } from '../protocol/requests.ts';
import type { VmallocAreaFacts, VmallocCountFacts, VmallocFacts } from '../protocol/vmalloc.ts';
import type { ListPart } from '../session/list-part.ts';
import type { SessionFace } from '../session/session-face.ts';
import type { Adapter, Call } from './adapter.ts';
import { check, hexSchema } from './check.ts';
import { otherSchema, spacesOf } from './ptdump-diff.ts';
import { sessionAt } from './scenario-moments.ts';

type PartOf<Name extends keyof PagewalkPartRequests> = PagewalkPartRequests[Name]['body'];

const number = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)));
const partEntries = { start: number, count: number };
const tasksSchema = v.looseObject(partEntries);
const spacesSchema = v.looseObject({ ...partEntries, other: otherSchema, filter: v.optional(v.string()) });
const listSchema = v.looseObject({ list: v.picklist(['tasks', 'addressSpaces']), before: v.optional(v.string()) });
const countSchema = v.looseObject({ moment: v.optional(v.string()) });
const areasSchema = v.looseObject({
  ...partEntries,
  moment: v.optional(v.string()),
  list: v.optional(v.picklist(['areas', 'lazy', 'purging', 'pooled', 'free'])),
  kind: v.optional(v.picklist(['vm_map_ram block', 'vm_map_ram', 'vmalloc', 'vmap', 'ioremap'])),
  address: v.optional(hexSchema),
});

/** Undefined where neither is given: then all is asked for, in the shape of old. */
function partOf({ start, count }: { start?: number | undefined; count?: number | undefined }): ListPart | undefined {
  if (start === undefined && count === undefined) return undefined;
  return { start: start ?? 0, count: count ?? Number.MAX_SAFE_INTEGER - 1 - (start ?? 0) };
}

/** One more is read than is told, to know whether there is one. */
function withMore<Item>(
  part: ListPart,
  read: (part: ListPart) => readonly Item[],
): { readonly items: readonly Item[]; readonly more: boolean } {
  const items = read({ start: part.start, count: part.count + 1 });
  return { items: items.slice(0, part.count), more: items.length > part.count };
}

/** Every task, or a part of their list. */
export function tasksOf(adapter: Adapter, parameters: unknown): { tasks: readonly TaskFacts[] } | PartOf<'pagewalk/tasks'> {
  const part = partOf(check(tasksSchema, parameters));
  if (part === undefined) return { tasks: adapter.session.tasks() };
  const { items, more } = withMore(part, (wanted) => adapter.session.tasks(wanted));
  return { tasks: items, more };
}

/** Every address space of the session or of another image, or a part of their list. */
export function addressSpacesOf(
  adapter: Adapter,
  parameters: unknown,
): { spaces: readonly AddressSpaceFacts[] } | PartOf<'pagewalk/addressSpaces'> {
  const asked = check(spacesSchema, parameters);
  const part = partOf(asked);
  if (part === undefined) return { spaces: spacesOf(adapter, asked) };
  const { items, more } = withMore(part, (wanted) => spacesOf(adapter, asked, { ...wanted, filter: asked.filter }));
  return { spaces: items, more };
}

/** The whole vmalloc space, or a part of one of its lists. */
export function vmallocAreas(adapter: Adapter, parameters: unknown): VmallocFacts | PartOf<'pagewalk/vmallocAreas'> {
  const asked = check(areasSchema, parameters);
  const { moment, list, kind, address } = asked;
  const session = sessionAt(adapter, moment);
  if (address !== undefined) return { areas: areaAt(session, address), free: [], more: false };
  const part = partOf(asked);
  if (part === undefined && list === undefined && kind === undefined) return session.vmalloc();
  return session.vmallocPart({ list: list ?? 'areas', kind, ...(part ?? { start: 0, count: Number.MAX_SAFE_INTEGER - 1 }) });
}

function areaAt(session: SessionFace, address: Address): readonly VmallocAreaFacts[] {
  const area = session.vmallocArea(address);
  return area === undefined ? [] : [area];
}

/** How long a list is, or where in it an entry is. Rejects with `Cancelled`. */
export async function listCount(
  adapter: Adapter,
  parameters: unknown,
  call: Call,
): Promise<PagewalkRequests['pagewalk/listCount']['body']> {
  const { list, before } = check(listSchema, parameters);
  let count = 0;
  for (const { id } of adapter.session.listed(list)) {
    if (id === before) return { count, found: true };
    if (++count % entriesAtOnce !== 0) continue;
    await new Promise((resolve) => setImmediate(resolve));
    throwIfCancelled(call.cancellation);
  }
  return { count, found: false };
}

/** Entries that are counted, and areas that are read, before other requests have their turn. */
const entriesAtOnce = 2000;

/** Rejects with `Cancelled`. */
export async function vmallocCount(adapter: Adapter, parameters: unknown, call: Call): Promise<VmallocCountFacts> {
  const session = sessionAt(adapter, check(countSchema, parameters).moment);
  for (let start = entriesAtOnce; session.vmallocPart({ list: 'areas', start, count: 0 }).more; start += entriesAtOnce) {
    await new Promise((resolve) => setImmediate(resolve));
    throwIfCancelled(call.cancellation);
  }
  return session.vmallocCount();
}
