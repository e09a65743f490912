/**
 * Headers of kdump-compressed files: makedumpfile's diskdump_mod.h (struct disk_dump_header, struct kdump_sub_header),
 * whose widths and byte order are those of the machine that wrote them and are not stored.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { errors } from '../base/errors.ts';
import type { ByteSource } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import type { NumberRange } from '../base/range.ts';
import { decodeCString, decodeText } from '../base/text.ts';
import type { ArchitectureName, MachineHint } from './image.ts';

/** What the first block of a kdump file says (makedumpfile's diskdump_mod.h: struct disk_dump_header). */
export interface KdumpHeader {
  readonly wide: boolean;
  readonly littleEndian: boolean;
  /** DISKDUMP files, of the time before kdump, have another sub-header: none of its facts is taken. */
  readonly diskdump: boolean;
  readonly version: number;
  /** sysname, nodename, release, version, machine, domainname. */
  readonly utsname: readonly string[];
  readonly status: number;
  /** Bytes of a page. */
  readonly blockSize: number;
  readonly bitmapOffset: number;
  /** Bytes of all bitmaps. */
  readonly bitmapBytes: number;
  /** Page numbers are below this. */
  readonly maxFrame: number;
}

/** What the second block adds (struct kdump_sub_header); fields that its version lacks are undefined. */
export interface KdumpSubHeader {
  readonly physBase: bigint | undefined;
  readonly dumpLevel: number | undefined;
  /** The pages of a member of a split dump. */
  readonly split: NumberRange | undefined;
  readonly vmcoreinfo: NumberRange | undefined;
  readonly notes: NumberRange | undefined;
  readonly eraseInfo: NumberRange | undefined;
  readonly maxFrame: number | undefined;
}

/** Bits of the header's status; those below 8 and 0x20 name the compression. */
export const kdumpStatus = { incomplete: 0x8, excludedVmemmap: 0x10 } as const;

/** No page number that a 52-bit physical address cannot hold. */
const mostPhysicalBytes = 2 ** 52;
const newestVersion = 6;
const headerBytes = 512;
const subHeaderBytes = 512;

/** Whether a file begins with the signature of a kdump-compressed dump, `KDUMP   `, or with that of diskdump before it. */
export function isKdump(head: Uint8Array): boolean {
  const signature = decodeText(head.subarray(0, 8));
  return signature === 'KDUMP   ' || signature === 'DISKDUMP';
}

/** Reads both headers. Throws `UserError('corrupt-dump')` when no width and byte order makes sense of them. */
export function readKdumpHeaders(source: ByteSource): { header: KdumpHeader; sub: KdumpSubHeader; warnings: string[] } {
  const bytes = source.read(0, headerBytes);
  const first = readHeader(source, bytes);
  const sub = readSubHeader(source, first);
  const header = sub.maxFrame === undefined || sub.maxFrame === 0 ? first : { ...first, maxFrame: sub.maxFrame };
  if (header.maxFrame > header.bitmapBytes * 8 || header.maxFrame * header.blockSize > mostPhysicalBytes)
    throw errors.corruptDump(
      source.name,
      `its kdump header claims ${header.maxFrame} pages, more than its bitmaps or any machine can have`,
    );
  if (header.bitmapOffset + header.bitmapBytes > source.size)
    throw errors.corruptDump(source.name, `its page bitmaps (${header.bitmapBytes} bytes) reach beyond the end of the file`);
  const warnings =
    header.version <= newestVersion
      ? []
      : [`the kdump header has version ${header.version}; it is read as version ${newestVersion}, the newest that Pagewalk knows`];
  return { header, sub, warnings };
}

/** Shapes in the order of likelihood for the machine that the header names; its name lies at the same place in all. */
function readHeader(source: ByteSource, bytes: Uint8Array): KdumpHeader {
  if (bytes.length < headerBytes) throw errors.corruptDump(source.name, 'it ends within its kdump header');
  const machine = decodeCString(bytes.subarray(12 + 4 * 65, 12 + 5 * 65));
  const widths = narrowName.test(machine) ? [false, true] : [true, false];
  const shapes = [true, false].flatMap((littleEndian) => widths.map((wide) => ({ wide, littleEndian })));
  const plausible = shapes.flatMap((shape) => tryHeader(bytes, source.name, shape) ?? []);
  const whole = plausible.find(({ bitmapOffset, bitmapBytes }) => bitmapOffset + bitmapBytes <= source.size);
  const header = whole ?? plausible[0];
  if (header === undefined)
    throw errors.corruptDump(source.name, 'its kdump header has no plausible version, block size and bitmaps in any width or byte order');
  return header;
}

function tryHeader(bytes: Uint8Array, file: string, shape: { wide: boolean; littleEndian: boolean }): KdumpHeader | undefined {
  const reader = new ByteReader(bytes, { file, part: 'kdump header', littleEndian: shape.littleEndian });
  const diskdump = decodeText(reader.borrow(8)) === 'DISKDUMP';
  const version = reader.i32();
  const utsname = Array.from({ length: 6 }, () => decodeCString(reader.borrow(65)));
  reader.position = shape.wide ? 424 : 412;
  const status = reader.u32();
  const blockSize = reader.i32();
  const subHeaderBlocks = reader.u32();
  const bitmapBlocks = reader.u32();
  const maxFrame = reader.u32();
  const powerOfTwo = blockSize > 0 && (blockSize & (blockSize - 1)) === 0;
  if (!powerOfTwo || blockSize < limits.pageSize.least || blockSize > limits.pageSize.most) return undefined;
  if ((version < 1 && !diskdump) || version < 0 || version > 64 || subHeaderBlocks < 1 || bitmapBlocks < 1) return undefined;
  const bitmapBytes = bitmapBlocks * blockSize;
  // Version 6 keeps the count of pages in its sub-header and may have left this one, too small for it, as it was.
  if (version < 6 && bitmapBytes * 8 < maxFrame) return undefined;
  return {
    ...shape,
    diskdump,
    version,
    utsname,
    status,
    blockSize,
    bitmapOffset: (1 + subHeaderBlocks) * blockSize,
    bitmapBytes,
    maxFrame,
  };
}

function readSubHeader(source: ByteSource, header: KdumpHeader): KdumpSubHeader {
  if (header.diskdump) return emptySubHeader;
  const bytes = source.read(header.blockSize, subHeaderBytes);
  if (bytes.length < subHeaderBytes) throw errors.corruptDump(source.name, 'it ends within its kdump sub-header');
  if (header.wide) return parseSubHeader(bytes, header, { file: source.name, packed: false });
  // IA-32 aligns 64-bit members to 4 bytes, others to 8: the machine's name says which, what they point to decides.
  const first = /^i\d86$/.test(header.utsname[4] ?? '');
  const [one, other] = [first, !first].map((packed) => parseSubHeader(bytes, header, { file: source.name, packed }));
  if (one === undefined || other === undefined) throw new RangeError('two layouts were asked for');
  const sane = (sub: KdumpSubHeader): boolean =>
    [sub.vmcoreinfo, sub.notes, sub.eraseInfo].every((range) => range === undefined || range.end <= source.size) &&
    (sub.maxFrame ?? 0) <= header.bitmapBytes * 8;
  return sane(one) || !sane(other) ? one : other;
}

const emptySubHeader: KdumpSubHeader = {
  physBase: undefined,
  dumpLevel: undefined,
  split: undefined,
  vmcoreinfo: undefined,
  notes: undefined,
  eraseInfo: undefined,
  maxFrame: undefined,
};

function parseSubHeader(bytes: Uint8Array, header: KdumpHeader, how: { file: string; packed: boolean }): KdumpSubHeader {
  const { wide, version, littleEndian } = header;
  const reader = new ByteReader(bytes, { file: how.file, part: 'kdump sub-header', littleEndian });
  const align = (to: number): void => {
    reader.position = Math.ceil(reader.position / to) * to;
  };
  /** A `long`. */
  const word = (): number => {
    align(wide ? 8 : 4);
    return wide ? Number(reader.u64()) : reader.u32();
  };
  const word64 = (): number => {
    align(how.packed ? 4 : 8);
    return Number(reader.u64());
  };
  const range = (): NumberRange | undefined => {
    const start = word64();
    const size = word();
    return start > 0 && size > 0 ? { start, end: start + size } : undefined;
  };
  const physBase = wide ? BigInt.asIntN(64, reader.u64()) : BigInt(reader.u32());
  const dumpLevel = reader.i32();
  const isSplit = version >= 2 && reader.i32() !== 0;
  let pages = version >= 2 ? { start: word(), end: word() } : { start: 0, end: 0 };
  const vmcoreinfo = version >= 3 ? range() : undefined;
  const notes = version >= 4 ? range() : undefined;
  const eraseInfo = version >= 5 ? range() : undefined;
  let maxFrame: number | undefined;
  if (version >= 6) {
    pages = { start: word64(), end: word64() };
    maxFrame = word64();
  }
  return { physBase, dumpLevel, split: isSplit ? pages : undefined, vmcoreinfo, notes, eraseInfo, maxFrame };
}

const narrowName = /^(?:i\d86|arm|armv.*|ppc|mips|riscv32|arc.*)$/;

const machines: readonly (readonly [name: RegExp, architecture: ArchitectureName])[] = [
  [/^x86_64$/, 'x86-64'],
  [/^i\d86$/, 'x86-32'],
  [/^aarch64(?:_be)?$/, 'arm64'],
  [/^arm/, 'arm'],
  [/^riscv64$/, 'riscv64'],
  [/^riscv32$/, 'riscv32'],
  [/^s390x$/, 's390x'],
  [/^ppc64le$/, 'ppc64le'],
  [/^ppc64$/, 'ppc64'],
  [/^ppc$/, 'ppc32'],
  [/^mips64/, 'mips64'],
  [/^mips/, 'mips32'],
  [/^loongarch64$/, 'loongarch64'],
  [/^sparc64$/, 'sparc64'],
  [/^arc/, 'arc'],
];

/** The machine by utsname; undefined where the header does not name it. Throws `UserError` for one that is not known. */
export function machineOf(source: ByteSource, header: KdumpHeader): MachineHint | undefined {
  const name = header.utsname[4] ?? '';
  if (name === '') return undefined;
  const architecture = machines.find(([pattern]) => pattern.test(name))?.[1];
  if (architecture === undefined) throw errors.unsupportedArchitecture(source.name, name);
  const { littleEndian } = header;
  // The machine's word, not the header's: QEMU writes 64-bit headers for a 32-bit guest with much memory.
  const pointerSize = narrowName.test(name) ? 4 : 8;
  return { architecture: architecture === 'ppc64' && littleEndian ? 'ppc64le' : architecture, littleEndian, pointerSize };
}

/** Bytes that the sub-header points to, as far as the file has them and a limit allows. */
export function readKdumpRange(source: ByteSource, range: NumberRange): Uint8Array {
  return source.read(range.start, Math.min(range.end - range.start, limits.noteBytes));
}

/** Text of VMCOREINFO by the sub-header; empty when it tells none. */
export function vmcoreinfoOf(file: { readonly source: ByteSource; readonly sub: KdumpSubHeader }): string {
  return file.sub.vmcoreinfo === undefined ? '' : decodeCString(readKdumpRange(file.source, file.sub.vmcoreinfo));
}
