/** The classic hex dump: address, 16 bytes, text. Bytes that are not there are drawn as `--`. */
import { formatPaddedAddress } from '../base/address.ts';
import type { MemoryRead } from '../memory/hole.ts';

const perLine = 16;

/** `digits` of each address are printed; `start` is the address of the first byte. */
export function hexDump(start: bigint, { bytes, holes }: MemoryRead, digits: number): string {
  const missing = (offset: number): boolean => holes.some((hole) => offset >= hole.offset && offset < hole.offset + hole.length);
  const lines: string[] = [];
  for (let line = 0; line < bytes.length; line += perLine) {
    let hex = '';
    let text = '';
    for (let column = 0; column < perLine; column++) {
      const offset = line + column;
      const byte = bytes[offset];
      if (column === perLine / 2) hex += ' ';
      if (byte === undefined) {
        hex += '   ';
        continue;
      }
      const gone = missing(offset);
      hex += gone ? '-- ' : `${byte.toString(16).padStart(2, '0')} `;
      text += gone ? ' ' : byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
    }
    lines.push(`${formatPaddedAddress(BigInt.asUintN(64, start + BigInt(line)), digits)}  ${hex} |${text}|\n`);
  }
  return lines.join('');
}
