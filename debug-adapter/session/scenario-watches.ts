/** The watches of a run: those of the client, exchanged as a whole, and those that stay until they are taken away. */
import { limits } from '../base/limits.ts';
import { errors } from '../base/errors.ts';
import type { UserError } from '../base/errors.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { WatchFacts } from '../protocol/scenario.ts';
import type { Trigger } from './scenario-breakpoints.ts';
import { Watch } from './scenario-watch.ts';
import type { WatchWish } from './scenario-watch.ts';
import type { Session } from './session.ts';

/** Ids of watches that stay lie above those of a client's breakpoints. */
const firstStaying = 1_000_000;

/** A watch with what else it asks before it stops the run. */
export interface ClientWatch {
  readonly id: number;
  readonly watch: Watch;
  readonly trigger?: Trigger | undefined;
}

/** For who wants one watch more than there may be. */
export function tooManyWatches(): UserError {
  return errors.limit(`at most ${limits.watches} places are watched at once; take some away`);
}

/** A bounded number of watches; ids of those that stay are never given twice. */
export class Watches {
  readonly #memory: PhysicalMemory;
  readonly #session: () => Session;
  #client: readonly ClientWatch[] = [];
  #staying: readonly ClientWatch[] = [];
  #nextId = firstStaying;

  constructor(memory: PhysicalMemory, session: () => Session) {
    this.#memory = memory;
    this.#session = session;
  }

  /** Those that stay. */
  get all(): readonly WatchFacts[] {
    return this.#staying.map(({ id, watch }) => ({ id: String(id), label: watch.label }));
  }

  /** A watch of its own, to be set or to ask what it would be called. Throws `UserError`. */
  make(wish: WatchWish): Watch {
    return new Watch(wish, this.#memory, this.#session);
  }

  /** Exchanges those of the client; they are no more than `limits.watches`. */
  set(watches: readonly ClientWatch[]): void {
    this.#client = watches;
  }

  /** Adds one that stays. Throws `UserError` for what cannot be watched and beyond the most that can. */
  add(wish: WatchWish): void {
    if (this.#staying.length >= limits.watches) throw tooManyWatches();
    this.#staying = [...this.#staying, { id: this.#nextId++, watch: this.make(wish) }];
  }

  /** Takes away one that stays. Throws `UserError` for an id that none has. */
  remove(id: string): void {
    if (!this.#staying.some((one) => String(one.id) === id)) throw errors.badArgument(`there is no watch ${id}`);
    this.#staying = this.#staying.filter((one) => String(one.id) !== id);
  }

  /** What changed since it was asked last. */
  changes(): readonly { readonly id: number; readonly words: string; readonly trigger: Trigger | undefined }[] {
    const found: { readonly id: number; readonly words: string; readonly trigger: Trigger | undefined }[] = [];
    for (const list of [this.#client, this.#staying]) {
      for (const { id, watch, trigger } of list) {
        const words = watch.change();
        if (words !== undefined) found.push({ id, words, trigger });
      }
    }
    return found;
  }

  /** The run went elsewhere: values are compared with those of now. */
  reset(): void {
    for (const list of [this.#client, this.#staying]) for (const { watch } of list) watch.reset();
  }
}
