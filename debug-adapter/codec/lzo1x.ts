/**
 * LZO1X decompression, from the published description of the stream (Linux Documentation/staging/lzo.rst, bitstream
 * version 0, which makedumpfile's lzo1x_1 pages use).
 */

/** Decompresses one block to at most `size` bytes, in `room` where that is given. Throws `RangeError` on a malformed stream. */
export function decompressLzo1x(input: Uint8Array, size: number, room?: Uint8Array): Uint8Array {
  const output = room ?? new Uint8Array(size);
  let from = 0;
  let to = 0;

  const next = (): number => {
    const byte = input[from++];
    if (byte === undefined) throw new RangeError('LZO stream ends too early');
    return byte;
  };
  const literals = (count: number): void => {
    if (from + count > input.length || to + count > size) throw new RangeError('LZO literals overrun');
    output.set(input.subarray(from, from + count), to);
    from += count;
    to += count;
  };
  const match = (distance: number, length: number): void => {
    if (distance > to || to + length > size) throw new RangeError('LZO match overruns');
    if (distance >= length) output.copyWithin(to, to - distance, to - distance + length);
    else for (let index = 0; index < length; index++) output[to + index] = output[to + index - distance] ?? 0;
    to += length;
  };
  /** A length whose field was zero: each further zero byte adds 255. */
  const extended = (base: number): number => {
    let length = base;
    let byte = next();
    while (byte === 0) {
      length += 255;
      if (length > size + 512) throw new RangeError('LZO length overruns');
      byte = next();
    }
    return length + byte;
  };

  // What the last instruction copied as literals decides what 0-15 means: 0, 1-3, or 4 and more.
  let state = 0;
  const first = input[0] ?? 0;
  if (first > 17) {
    from = 1;
    literals(first - 17);
    state = first - 17 < 4 ? first - 17 : 4;
  }
  for (;;) {
    const instruction = next();
    let trailing: number;
    if (instruction < 16) {
      if (state === 0) {
        literals(instruction === 0 ? extended(18) : instruction + 3);
        state = 4;
        continue;
      }
      const low = (instruction >> 2) & 3;
      if (state === 4) match((next() << 2) + low + 2049, 3);
      else match((next() << 2) + low + 1, 2);
      trailing = instruction & 3;
    } else if (instruction >= 64) {
      const distance = (next() << 3) + ((instruction >> 2) & 7) + 1;
      match(distance, (instruction >> 5) + 1);
      trailing = instruction & 3;
    } else if (instruction >= 32) {
      const field = instruction & 31;
      const length = field === 0 ? extended(33) : field + 2;
      const low = next();
      const high = next();
      match(((high << 6) | (low >> 2)) + 1, length);
      trailing = low & 3;
    } else {
      const field = instruction & 7;
      const length = field === 0 ? extended(9) : field + 2;
      const low = next();
      const high = next();
      const distance = ((instruction & 8) << 11) | (high << 6) | (low >> 2);
      if (distance === 0) return to === output.length ? output : output.subarray(0, to);
      match(distance + 0x4000, length);
      trailing = low & 3;
    }
    if (trailing > 0) literals(trailing);
    state = trailing;
  }
}
