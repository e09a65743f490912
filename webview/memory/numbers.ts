/** How bytes are written: in groups, in either byte order, as hexadecimal, signed or unsigned numbers. */

export type GroupSize = 1 | 2 | 4 | 8;
/** How a number is written; signed ones are in two's complement. */
export type NumberForm = 'hex' | 'unsigned' | 'signed';

/** How bytes are read as numbers: bytes in a group, form, order. */
export interface NumberStyle {
  readonly group: GroupSize;
  readonly form: NumberForm;
  readonly littleEndian: boolean;
}

const unsignedDigits: Readonly<Record<GroupSize, number>> = { 1: 3, 2: 5, 4: 10, 8: 20 };

/** Characters of a group, always as many. */
export function groupWidth({ group, form }: NumberStyle): number {
  if (form === 'hex') return group * 2;
  return unsignedDigits[group] + (form === 'signed' ? (group === 8 ? 0 : 1) : 0);
}

/** The unsigned number that the bytes make. */
export function numberOf(bytes: readonly number[] | Uint8Array, littleEndian: boolean): bigint {
  let value = 0n;
  for (let at = 0; at < bytes.length; at++) value = (value << 8n) | BigInt(bytes[littleEndian ? bytes.length - 1 - at : at] ?? 0);
  return value;
}

/** Not padded. */
export function numberText(value: bigint, bits: number, form: NumberForm): string {
  if (form === 'hex') return value.toString(16).padStart(bits / 4, '0');
  return form === 'signed' ? BigInt.asIntN(bits, value).toString() : value.toString();
}

/** The bytes of a group as a number, as wide as any number of the style. */
export function groupText(bytes: readonly number[] | Uint8Array, style: NumberStyle): string {
  const value = numberOf(bytes, style.littleEndian);
  return numberText(value, bytes.length * 8, style.form).padStart(groupWidth(style), '\u00a0');
}

/** A byte as ASCII; a dot for one that is no letter. */
export function character(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
}

/** With `0x`, in lower case, without zeros before it. */
export function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

/** An address as one types it: with or without `0x`. Undefined for what is none; `beyond` above 64 bits. */
export function typedAddress(text: string): bigint | 'beyond' | undefined {
  const plain = text.trim().replace(/(?<=[0-9a-f])[_`](?=[0-9a-f])/gi, '');
  if (!/^(?:0x[0-9a-f]+|[0-9a-f]{8,})$/i.test(plain)) return undefined;
  const value = BigInt(/^0x/i.test(plain) ? plain : `0x${plain}`);
  return value < 1n << 64n ? value : 'beyond';
}

/** `32 KiB`, `1.5 GiB`; exact numbers of bytes below 1 KiB. */
export function sizeText(bytes: bigint): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let unit = 0;
  let value = Number(bytes);
  while (value >= 1024 && unit + 1 < units.length) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1).replace('.0', '')} ${units[unit] ?? ''}`;
}
