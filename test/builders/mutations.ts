/** Damage to files, decided by a seed alone: what bad disks, cut transfers, mixed-up copies and hostile hands do. */

/** A small generator of numbers that is the same everywhere (xorshift32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e37_79b1) | 1;
  }

  /** An integer in [0, below). */
  next(below: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % below;
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.next(items.length)] ?? items[0];
  }
}

/** Numbers at which code that adds, shifts or converts goes wrong. */
export const edges: readonly [bigint, ...bigint[]] = [
  0n,
  1n,
  2n,
  7n,
  0x7fn,
  0x80n,
  0xffn,
  0xfffn,
  0x1000n,
  0x1001n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  1n << 32n,
  1n << 40n,
  (1n << 53n) - 1n,
  1n << 53n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

/** The damaged copy of `bytes` that `seed` stands for: one to four changes. */
export function mutate(bytes: Uint8Array, seed: number): Uint8Array {
  const dice = new Dice(seed);
  let result: Uint8Array = Uint8Array.from(bytes);
  const changes = 1 + dice.next(4);
  for (let change = 0; change < changes && result.length > 0; change++) result = changed(result, dice);
  return result;
}

/** Headers are small and decide most: half of all changes are made there. */
function place(bytes: Uint8Array, dice: Dice): number {
  const within = dice.pick([512, 8192, 8192, 65_536, Infinity, Infinity]);
  return dice.next(Math.min(bytes.length, within));
}

function changed(bytes: Uint8Array, dice: Dice): Uint8Array {
  const at = place(bytes, dice);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (dice.next(10)) {
    case 0:
    case 1:
    case 2:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.next(8));
      return bytes;
    case 3:
      bytes[at] = dice.next(256);
      return bytes;
    case 4:
    case 5: {
      const aligned = at & ~3;
      if (aligned + 4 <= bytes.length) view.setUint32(aligned, Number(BigInt.asUintN(32, dice.pick(edges))), dice.next(2) === 0);
      return bytes;
    }
    case 6: {
      const aligned = at & ~7;
      if (aligned + 8 <= bytes.length) view.setBigUint64(aligned, dice.pick(edges), dice.next(2) === 0);
      return bytes;
    }
    case 7:
      return bytes.slice(0, dice.next(2) === 0 ? at : dice.next(bytes.length));
    case 8: {
      // A piece of the file where another belongs.
      const from = place(bytes, dice);
      const length = Math.min(1 + dice.next(8192), bytes.length - from, bytes.length - at);
      bytes.copyWithin(at, from, from + length);
      return bytes;
    }
    default: {
      // Bytes lost: all behind them moves.
      const length = Math.min(1 + dice.next(4096), bytes.length - at);
      const shorter = new Uint8Array(bytes.length - length);
      shorter.set(bytes.subarray(0, at));
      shorter.set(bytes.subarray(at + length), at);
      return shorter;
    }
  }
}
