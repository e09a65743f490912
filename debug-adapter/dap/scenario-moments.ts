/** What changed in a scenario's machine, its moments, and what it stops at: pagewalk/changes, snapshot, watch. */
import { limits } from '../base/limits.ts';
import * as v from 'valibot';

import { neverCancelled } from '../base/cancellation.ts';
import { errors } from '../base/errors.ts';
import type { UserError } from '../base/errors.ts';
import { frameSize } from '../memory/physical-memory.ts';
import { EntryChanges } from '../pagetable/entry-changes.ts';
import type { ChangesFacts, MomentFacts, WatchFacts } from '../protocol/scenario.ts';
import { changedRanges } from '../session/changed-ranges.ts';
import type { SessionFace } from '../session/session-face.ts';
import type { Adapter } from './adapter.ts';
import { check, hexSchema } from './check.ts';

const noChanges: ChangesFacts = { since: null, ranges: [], bytes: 0, entries: [], truncated: false };

const changesSchema = v.looseObject({ since: v.optional(v.string()) });

/** Of a dump, and before the second stop, nothing. */
export function changes(adapter: Adapter, parameters: unknown): ChangesFacts {
  const { scenario } = adapter;
  const since = check(changesSchema, parameters).since ?? scenario?.debugger.moments.previous;
  if (scenario === undefined || since === undefined) return noChanges;
  const { moments, image } = scenario.debugger;
  const pieces = moments.differences(since);
  const { ranges, bytes, truncated } = changedRanges(image.memory, pieces, limits.changedRanges);
  const entries = new EntryChanges({
    before: moments.memoryAt(since),
    frames: new Set([...pieces.keys()].map((address) => Math.floor(address / frameSize))),
    token: neverCancelled,
    most: limits.changedRanges,
  });
  const { session } = adapter;
  for (const { id, userRoot } of session.addressSpaces()) {
    entries.add(session.pageTable({ mm: id }), { mm: id, user: false });
    if (userRoot !== null) entries.add(session.pageTable({ mm: id, user: true }), { mm: id, user: true });
  }
  return { since, ranges, bytes, entries: entries.found, truncated: truncated || entries.truncated };
}

/**
 * Keeps the present moment under `name`, where there is one, and lists all. Throws `UserError` on a dump, which has one moment.
 */
export function snapshot({ scenario }: Adapter, parameters: unknown): { moments: readonly MomentFacts[] } {
  const { name } = check(v.looseObject({ name: v.optional(v.string()) }), parameters);
  if (scenario === undefined) {
    if (name === undefined) return { moments: [] };
    throw oneMoment();
  }
  if (name !== undefined) scenario.debugger.moments.keep(name);
  return { moments: scenario.debugger.moments.all };
}

const watchSchema = v.looseObject({
  add: v.optional(
    v.looseObject({
      kind: v.picklist(['virtual', 'physical', 'entry']),
      address: hexSchema,
      length: v.optional(v.number(), 8),
      mm: v.optional(v.string()),
      level: v.optional(v.string()),
    }),
  ),
  remove: v.optional(v.string()),
});

/** Adds or removes a place that the run stops at, and lists all. Throws `UserError` on a dump. */
export function watch(adapter: Adapter, parameters: unknown): { watches: readonly WatchFacts[] } {
  const { add, remove } = check(watchSchema, parameters);
  const { scenario } = adapter;
  if (scenario === undefined) {
    if (add === undefined && remove === undefined) return { watches: [] };
    throw errors.notSupported('a dump does not run, so nothing in it changes');
  }
  const { watches } = scenario.debugger;
  if (add !== undefined) watches.add({ ...add, mm: add.mm ?? adapter.mm, level: add.level });
  if (remove !== undefined) watches.remove(remove);
  return { watches: watches.all };
}

/** The session of a moment; of now without one. Throws `UserError`. */
export function sessionAt(adapter: Adapter, moment: string | undefined): SessionFace {
  if (moment === undefined) return adapter.session;
  if (adapter.scenario === undefined) throw oneMoment();
  return adapter.scenario.sessionAt(moment);
}

function oneMoment(): UserError {
  return errors.notSupported('a dump is one moment; moments are of scenarios');
}
