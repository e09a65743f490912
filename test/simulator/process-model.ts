/**
 * What processes' memory must hold after any calls, by the rules that programs know and nothing of how a kernel keeps them:
 * private memory is a process's own from its fork on, shared memory is its file's, dropped memory is what it was at first.
 */
import { fc } from '../support/properties.ts';

export interface ModelArea {
  /** What lies behind: nothing, or a file by its number. */
  readonly file: number | undefined;
  readonly shared: boolean;
  readonly huge: boolean;
}

export interface ModelPage {
  readonly area: ModelArea;
  /** Page of the file. */
  readonly index: number;
  readable: boolean;
  writable: boolean;
  /** What the process wrote to its private page. */
  own: number | undefined;
}

export class ModelProcess {
  /** By page number. */
  readonly pages = new Map<number, ModelPage>();

  constructor(parent?: ModelProcess) {
    for (const [page, one] of parent?.pages ?? []) this.pages.set(page, { ...one });
  }
}

export class Model {
  readonly processes = new Map<bigint, ModelProcess>();
  /** Contents of files by number, then page; 0 where nothing was written. */
  readonly files: Map<number, number>[] = [];

  contents(page: ModelPage): number {
    if (page.own !== undefined) return page.own;
    return page.area.file === undefined ? 0 : (this.files[page.area.file]?.get(page.index) ?? 0);
  }

  write(page: ModelPage, value: number): void {
    if (page.area.shared && page.area.file !== undefined) this.files[page.area.file]?.set(page.index, value);
    else page.own = value;
  }
}

/** A call: numbers choose among what there is when it is made. */
export interface RandomCall {
  readonly name:
    | 'mmap'
    | 'map-file'
    | 'map-shared'
    | 'map-huge'
    | 'map-thp'
    | 'write'
    | 'read'
    | 'munmap'
    | 'protect'
    | 'forbid'
    | 'drop'
    | 'free'
    | 'swap'
    | 'collapse'
    | 'register'
    | 'guard'
    | 'scan'
    | 'soft-dirty'
    | 'fork'
    | 'exit';
  readonly process: number;
  readonly area: number;
  readonly from: number;
  readonly count: number;
}

const weights: readonly (readonly [RandomCall['name'], number])[] = [
  ['mmap', 3],
  ['map-file', 2],
  ['map-shared', 2],
  ['map-huge', 1],
  ['map-thp', 2],
  ['write', 14],
  ['read', 6],
  ['munmap', 2],
  ['protect', 2],
  ['forbid', 2],
  ['drop', 3],
  ['free', 1],
  ['swap', 4],
  ['collapse', 1],
  ['register', 2],
  ['guard', 3],
  ['scan', 2],
  ['soft-dirty', 1],
  ['fork', 2],
  ['exit', 1],
];

export const randomCalls: fc.Arbitrary<RandomCall[]> = fc.array(
  fc.record({
    name: fc.oneof(...weights.map(([name, weight]) => ({ weight, arbitrary: fc.constant(name) }))),
    process: fc.nat(1000),
    area: fc.nat(1000),
    from: fc.nat(1000),
    count: fc.integer({ min: 1, max: 6 }),
  }),
  { minLength: 5, maxLength: 70 },
);
