import { Cancelled } from './errors.ts';

/** Says whether the asker has lost interest. Long loops ask now and then; faces adapt their own tokens to it. */
export interface CancellationToken {
  readonly cancelled: boolean;
}

/** The token of work that cannot be cancelled. */
export const neverCancelled: CancellationToken = { cancelled: false };

/** A token with the handle that fires it. */
export class CancellationSource implements CancellationToken {
  readonly #listeners: (() => void)[] = [];
  #cancelled = false;

  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** From now on the token is cancelled, and its listeners are told once. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    for (const listener of this.#listeners) listener();
  }

  /** `listener` is called once, when the token fires; at once where it has fired. */
  onCancel(listener: () => void): void {
    if (this.#cancelled) listener();
    else this.#listeners.push(listener);
  }
}

/** Throws `Cancelled` when the token has fired. */
export function throwIfCancelled(token: CancellationToken): void {
  if (token.cancelled) throw new Cancelled();
}

/** Reports how far a long job is: `done` of `total` units (both >= 0), with a few words about the step. */
export type ProgressReporter = (step: string, done: number, total: number) => void;

/** How to stop a long job, and who hears how far it is. */
export interface LongWork {
  readonly token?: CancellationToken | undefined;
  readonly progress?: ProgressReporter | undefined;
}
