/** Bytes put one behind the other, for files and tables that tests build. */

export interface ByteList {
  readonly bytes: number[];
  /** Appends the lowest `size` bytes of a number. */
  readonly put: (value: bigint | number, size: number) => void;
}

export function byteList(littleEndian: boolean): ByteList {
  const bytes: number[] = [];
  return {
    bytes,
    put: (value, size) => {
      const unsigned = BigInt.asUintN(size * 8, BigInt(value));
      for (let index = 0; index < size; index++) {
        bytes.push(Number((unsigned >> BigInt(8 * (littleEndian ? index : size - 1 - index))) & 0xffn));
      }
    },
  };
}
