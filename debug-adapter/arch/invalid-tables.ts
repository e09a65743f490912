/**
 * The tables that empty entries point to where the refill of the TLB tests nothing (mips, loongarch): `invalid_pte_table`,
 * `invalid_pmd_table`, `invalid_pud_table`. A walk through them ends in an empty pte too, only later.
 */
export class InvalidTables {
  readonly #low: readonly number[];
  readonly #high: readonly number[];

  /** By virtual address, as entries hold them. */
  constructor(addresses: readonly bigint[] = []) {
    this.#low = addresses.map((address) => Number(BigInt.asUintN(32, address)));
    this.#high = addresses.map((address) => Number(BigInt.asUintN(32, address >> 32n)));
  }

  /** Whether an entry points to one of them. */
  has(low: number, high: number): boolean {
    for (let index = 0; index < this.#low.length; index++) {
      if (this.#low[index] === low >>> 0 && this.#high[index] === high >>> 0) return true;
    }
    return false;
  }
}
