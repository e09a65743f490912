/**
 * Work on a long list, a slice at a time between frames, so that the page goes on hearing keys and scrolling. What is short is
 * done at once.
 */

/** Milliseconds of work between two frames. */
const slice = 10;

/** Who hears of the work. */
export interface Told<Result> {
  /** After each slice but the last: the share that is done, 0 to 1. */
  readonly progress: (share: number) => void;
  readonly done: (result: Result) => void;
}

export class SlicedWork {
  #run = 0;

  /** Begins `work`, which yields now and then the share that it has done; what was begun before is given up. */
  start<Result>(work: Generator<number, Result>, { progress, done }: Told<Result>): void {
    const run = ++this.#run;
    const step = (): void => {
      if (run !== this.#run) return;
      const end = performance.now() + slice;
      for (;;) {
        const next = work.next();
        if (next.done === true) {
          done(next.value);
          return;
        }
        if (performance.now() < end) continue;
        progress(next.value);
        setTimeout(step);
        return;
      }
    };
    step();
  }

  stop(): void {
    this.#run++;
  }
}
