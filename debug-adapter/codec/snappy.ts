/** Snappy blocks without framing, from google/snappy's format_description.txt. */

/**
 * Decompresses one block, in `room` where that is given. Throws `RangeError` when the block is malformed, claims more than `size` bytes, or holds
 * fewer than it claims. Every step consumes input, so that no block can make it run on.
 */
export function decompressSnappy(input: Uint8Array, size: number, room?: Uint8Array): Uint8Array {
  let from = 0;

  /** An unsigned number of 1 to 4 bytes, low byte first; products, because shifts would make a negative number of its top bit. */
  const little = (bytes: number): number => {
    if (from + bytes > input.length) throw new RangeError('Snappy block ends too early');
    let value = 0;
    for (let index = bytes - 1; index >= 0; index--) value = value * 256 + (input[from + index] ?? 0);
    from += bytes;
    return value;
  };

  let claimed = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = little(1);
    claimed += (byte & 0x7f) * scale;
    if (claimed > size) throw new RangeError(`Snappy block claims more than ${size} bytes`);
    if (byte < 0x80) break;
    if (scale >= 2 ** 28) throw new RangeError('Snappy length has more than five bytes');
  }

  const output = room?.subarray(0, claimed) ?? new Uint8Array(claimed);
  let to = 0;
  while (from < input.length) {
    const tag = little(1);
    const upper = tag >> 2;
    if ((tag & 3) === 0) {
      const length = (upper < 60 ? upper : little(upper - 59)) + 1;
      if (from + length > input.length || to + length > claimed) throw new RangeError('Snappy literal overruns');
      output.set(input.subarray(from, from + length), to);
      from += length;
      to += length;
      continue;
    }
    const near = (tag & 3) === 1;
    const length = near ? (upper & 7) + 4 : upper + 1;
    const offset = near ? ((tag >> 5) << 8) + little(1) : little((tag & 3) === 2 ? 2 : 4);
    if (offset === 0 || offset > to || to + length > claimed) throw new RangeError('Snappy copy overruns');
    if (offset >= length) output.copyWithin(to, to - offset, to - offset + length);
    else for (let index = 0; index < length; index++) output[to + index] = output[to + index - offset] ?? 0;
    to += length;
  }
  if (to < claimed) throw new RangeError(`Snappy block claims ${claimed} bytes and holds ${to}`);
  return output;
}
