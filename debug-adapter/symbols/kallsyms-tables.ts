import type { Address } from '../base/address.ts';

/** Where the tables lie. */
export interface KallsymsTables {
  readonly names: Address;
  readonly count: number;
  readonly tokenTable: Address;
  readonly tokenIndex: Address;
  readonly offsets: Address | undefined;
  readonly relativeBase: Address | undefined;
  /** Table of absolute pointers, in kernels without relative offsets. */
  readonly addresses: Address | undefined;
  /** How they were found, in words. */
  readonly source: string;
}
