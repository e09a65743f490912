/**
 * kdump-compressed files (makedumpfile's IMPLEMENTATION and diskdump_mod.h): a header, a sub-header, two bitmaps (RAM
 * pages; dumped pages), one descriptor for each dumped page, page data.
 */
import { BoundedCache } from '../base/bounded-cache.ts';
import { RankedBitmap } from '../base/bitmap.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { errors, UserError } from '../base/errors.ts';
import type { ByteSource, Host } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import type { NumberRange } from '../base/range.ts';
import { decodeCString, decodeText } from '../base/text.ts';
import { codecFor } from '../codec/codec.ts';
import type { CodecName, PageCodec } from '../codec/codec.ts';
import type { HoleReason } from '../memory/hole.ts';
import { frameSize, missingFrame } from '../memory/physical-memory.ts';
import type { PartialFrame, PhysicalMemory } from '../memory/physical-memory.ts';
import { ChunkCache } from './chunk-cache.ts';
import { parseNotes } from './elf-notes.ts';
import type { DumpNotes } from './elf-notes.ts';
import type { ArchitectureName, Image, MachineHint } from './image.ts';

export function isKdump(head: Uint8Array): boolean {
  const signature = decodeText(head.subarray(0, 8));
  return signature === 'KDUMP   ' || signature === 'DISKDUMP';
}

/** Bits of a page descriptor's flags and of the header's status that name the compression. */
const compressionBits: readonly (readonly [bit: number, codec: CodecName])[] = [
  [0x1, 'zlib'],
  [0x2, 'lzo'],
  [0x4, 'snappy'],
  [0x20, 'zstd'],
];
const statusIncomplete = 0x8;
const statusExcludedVmemmap = 0x10;
const descriptorSize = 24;

interface Shape {
  readonly wide: boolean;
  readonly littleEndian: boolean;
}

interface Header extends Shape {
  readonly version: number;
  readonly machineName: string;
  readonly utsname: readonly string[];
  readonly status: number;
  readonly blockSize: number;
  readonly subHeaderBlocks: number;
  readonly bitmapBlocks: number;
  readonly cpus: number;
  maxFrame: number;
}

interface SubHeader {
  readonly physBase: bigint;
  readonly dumpLevel: number | undefined;
  readonly split: boolean;
  readonly startFrame: number;
  readonly endFrame: number;
  readonly vmcoreinfo: NumberRange | undefined;
  readonly notes: NumberRange | undefined;
  readonly eraseInfo: NumberRange | undefined;
  readonly maxFrame: number | undefined;
}

/** Opens one kdump-compressed file; takes ownership of `source`. */
export function openKdump(host: Host, source: ByteSource): Image {
  const header = readHeader(source);
  const sub = readSubHeader(source, header);
  if (sub.maxFrame !== undefined && sub.maxFrame > 0) header.maxFrame = sub.maxFrame;
  const warnings: string[] = [];
  if ((header.status & statusIncomplete) !== 0)
    warnings.push('the dump was ended early by its writer (incomplete flag); pages without data are told as such');
  if ((header.status & statusExcludedVmemmap) !== 0) warnings.push('unused struct pages were left out of the dump (excluded-vmemmap flag)');
  if (sub.split) {
    throw errors.notSupported(
      `${source.name}: is one member of a split dump (pages 0x${sub.startFrame.toString(16)}-0x${sub.endFrame.toString(16)}), which cannot be opened alone yet; join the set with: makedumpfile --reassemble FILES vmcore`,
    );
  }
  const machine = machineOf(source, header);
  const memory = new KdumpMemory(host, source, { header, sub });
  const missing = memory.truncation();
  if (missing !== undefined) warnings.push(missing);
  const notes: DumpNotes = { cpus: [], vmcoreinfo: undefined, warnings };
  if (sub.notes !== undefined) parseNotes(readRange(source, sub.notes), { file: source.name, machine }, notes);
  const text = sub.vmcoreinfo === undefined ? undefined : decodeCString(readRange(source, sub.vmcoreinfo));
  return {
    name: source.name,
    format: 'kdump-compressed',
    get compression() {
      return memory.compression;
    },
    machine,
    memory,
    vmcoreinfo:
      text !== undefined && text !== ''
        ? { text, source: 'kdump sub-header' }
        : notes.vmcoreinfo === undefined
          ? undefined
          : { text: notes.vmcoreinfo, source: 'VMCOREINFO note' },
    cpus: notes.cpus,
    virtualSegments: [],
    headerFacts: headerFacts(header, sub),
    dumpLevel: sub.dumpLevel,
    warnings,
    eraseInfo: sub.eraseInfo === undefined ? undefined : decodeCString(readRange(source, sub.eraseInfo)),
    close: () => {
      source.close();
    },
  };
}

function readRange(source: ByteSource, range: NumberRange): Uint8Array {
  return source.read(range.start, Math.min(range.end - range.start, limits.noteBytes));
}

function headerFacts(header: Header, sub: SubHeader): { name: string; value: string }[] {
  const facts = [{ name: 'header version', value: String(header.version) }];
  const names = ['sysname', 'nodename', 'release', 'version', 'machine', 'domainname'];
  header.utsname.forEach((value, index) => {
    if (value !== '') facts.push({ name: names[index] ?? '', value });
  });
  facts.push({ name: 'phys_base', value: `0x${BigInt.asUintN(64, sub.physBase).toString(16)}` });
  return facts;
}

/** The header's widths are not stored: each is tried, and the one whose numbers make sense is taken. */
function readHeader(source: ByteSource): Header {
  for (const littleEndian of [true, false]) {
    for (const wide of [true, false]) {
      const header = tryHeader(source, { wide, littleEndian });
      if (header !== undefined) return header;
    }
  }
  throw errors.corruptDump(source.name, 'its kdump header has no plausible block size in any width or byte order');
}

function tryHeader(source: ByteSource, shape: Shape): Header | undefined {
  const bytes = source.read(0, 512);
  const reader = new ByteReader(bytes, { file: source.name, part: 'kdump header', littleEndian: shape.littleEndian });
  reader.position = 8;
  const version = reader.i32();
  const utsname = Array.from({ length: 6 }, () => decodeCString(reader.borrow(65)));
  reader.position = shape.wide ? 424 : 412;
  const status = reader.u32();
  const blockSize = reader.i32();
  const subHeaderBlocks = reader.i32();
  const bitmapBlocks = reader.u32();
  const maxFrame = reader.u32();
  reader.position = shape.wide ? 460 : 448;
  const cpus = reader.i32();
  const powerOfTwo = blockSize > 0 && (blockSize & (blockSize - 1)) === 0;
  if (!powerOfTwo || blockSize < limits.pageSize.least || blockSize > limits.pageSize.most) return undefined;
  if (version < 1 || version > 64 || subHeaderBlocks < 1 || subHeaderBlocks > 4096) return undefined;
  if (bitmapBlocks * blockSize * 8 < maxFrame) return undefined;
  return { ...shape, version, machineName: utsname[4] ?? '', utsname, status, blockSize, subHeaderBlocks, bitmapBlocks, cpus, maxFrame };
}

function readSubHeader(source: ByteSource, header: Header): SubHeader {
  const bytes = source.read(header.blockSize, header.blockSize);
  if (header.wide) return parseSubHeader(source, { bytes, header, padded: true });
  // IA-32 packs 64-bit members to 4 bytes, ARM pads them to 8: the one whose vmcoreinfo lies in the file is right.
  const packed = parseSubHeader(source, { bytes, header, padded: false });
  const inFile = (range: NumberRange | undefined): boolean => range !== undefined && range.end <= source.size;
  if (inFile(packed.vmcoreinfo) || header.version < 3) return packed;
  const padded = parseSubHeader(source, { bytes, header, padded: true });
  return inFile(padded.vmcoreinfo) ? padded : packed;
}

function parseSubHeader(source: ByteSource, from: { bytes: Uint8Array; header: Header; padded: boolean }): SubHeader {
  const { bytes, header, padded } = from;
  const reader = new ByteReader(bytes, { file: source.name, part: 'kdump sub-header', littleEndian: header.littleEndian });
  const long = header.wide ? 8 : 4;
  const word = (): number => {
    if (header.wide) return Number(reader.u64());
    return reader.u32();
  };
  const file64 = (): number => {
    if (padded && !header.wide) reader.position = (reader.position + 7) & ~7;
    return Number(reader.u64());
  };
  const range = (offset: number, size: number): NumberRange | undefined =>
    size > 0 && offset > 0 ? { start: offset, end: offset + size } : undefined;
  const physBase = header.wide ? BigInt.asIntN(64, reader.u64()) : BigInt(reader.u32());
  const dumpLevel = header.version >= 1 ? reader.i32() : undefined;
  const split = header.version >= 2 ? reader.i32() !== 0 : false;
  reader.position = Math.ceil(reader.position / long) * long;
  let startFrame = header.version >= 2 ? word() : 0;
  let endFrame = header.version >= 2 ? word() : 0;
  const vmcoreinfo = header.version >= 3 ? range(file64(), word()) : undefined;
  const notes = header.version >= 4 ? range(file64(), word()) : undefined;
  const eraseInfo = header.version >= 5 ? range(file64(), word()) : undefined;
  let maxFrame: number | undefined;
  if (header.version >= 6) {
    startFrame = file64();
    endFrame = file64();
    maxFrame = file64();
  }
  return { physBase, dumpLevel, split, startFrame, endFrame, vmcoreinfo, notes, eraseInfo, maxFrame };
}

const machines: Readonly<Record<string, ArchitectureName>> = {
  x86_64: 'x86-64',
  i386: 'x86-32',
  i486: 'x86-32',
  i586: 'x86-32',
  i686: 'x86-32',
  aarch64: 'arm64',
  armv7l: 'arm',
  riscv64: 'riscv64',
  s390x: 's390x',
  ppc64: 'ppc64',
  ppc64le: 'ppc64le',
  mips64: 'mips64',
  loongarch64: 'loongarch64',
  sparc64: 'sparc64',
};

function machineOf(source: ByteSource, header: Header): MachineHint {
  const architecture = machines[header.machineName];
  if (architecture === undefined) {
    throw errors.unsupportedArchitecture(source.name, header.machineName === '' ? 'an unnamed machine' : header.machineName);
  }
  return { architecture, littleEndian: header.littleEndian, pointerSize: header.wide ? 8 : 4 };
}

const cachedPages = 2048;
const sampledDescriptors = 4096;

class KdumpMemory implements PhysicalMemory {
  readonly ranges: readonly NumberRange[];
  readonly #host: Host;
  readonly #file: ChunkCache;
  readonly #header: Header;
  readonly #sub: SubHeader;
  readonly #ram: RankedBitmap;
  readonly #dumped: RankedBitmap;
  readonly #descriptors: number;
  readonly #pages = new BoundedCache<number, Uint8Array>(cachedPages);
  readonly #codecs = new Map<CodecName, PageCodec>();
  readonly #framesPerPage: number;

  constructor(host: Host, source: ByteSource, from: { header: Header; sub: SubHeader }) {
    const { header, sub } = from;
    this.#host = host;
    this.#file = new ChunkCache(source);
    this.#header = header;
    this.#sub = sub;
    this.#framesPerPage = header.blockSize / frameSize;
    const bitmapOffset = (1 + header.subHeaderBlocks) * header.blockSize;
    const bitmapBytes = header.bitmapBlocks * header.blockSize;
    if (bitmapOffset + bitmapBytes > source.size) {
      throw errors.corruptDump(source.name, `its page bitmaps (${bitmapBytes} bytes) reach beyond the end of the file`);
    }
    const bitmaps = source.read(bitmapOffset, bitmapBytes);
    const two = header.maxFrame <= bitmapBytes * 4;
    const half = bitmapBytes / 2;
    this.#ram = new RankedBitmap(two ? bitmaps.subarray(0, half) : bitmaps, header.maxFrame);
    this.#dumped = two ? new RankedBitmap(bitmaps.subarray(half), header.maxFrame) : this.#ram;
    this.#descriptors = bitmapOffset + bitmapBytes;
    this.ranges = [...this.#ram.runs()].map(({ start, end }) => ({ start: start * header.blockSize, end: end * header.blockSize }));
  }

  /** In words, what a file that ends too early lacks; the writer puts pages in order, so the last ones tell. */
  truncation(): string | undefined {
    const { population } = this.#dumped;
    const { size } = this.#file.source;
    if (population === 0 || (this.#header.status & statusIncomplete) !== 0) return undefined;
    const descriptorsEnd = this.#descriptors + population * descriptorSize;
    // Pages of zeros share the first one's data, so the last descriptor alone does not tell.
    const sampled = Math.min(population, sampledDescriptors);
    const tail = this.#file.source.read(descriptorsEnd - sampled * descriptorSize, sampled * descriptorSize);
    if (tail.length === sampled * descriptorSize) {
      const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
      let end = 0;
      for (let at = 0; at < tail.length; at += descriptorSize) {
        end = Math.max(end, Number(view.getBigUint64(at, this.#header.littleEndian)) + view.getUint32(at + 8, this.#header.littleEndian));
      }
      if (end <= size) return undefined;
    }
    return `the file is cut short at ${size} bytes: pages whose data lay behind are missing; copy the dump again if it is longer elsewhere`;
  }

  /** Codecs that the header names and those met so far. */
  get compression(): readonly string[] {
    const named = compressionBits.filter(([bit]) => (this.#header.status & bit) !== 0).map(([, name]) => name);
    return [...new Set([...named, ...this.#codecs.keys()])];
  }

  frame(frameNumber: number): Uint8Array | undefined {
    const page = Math.floor(frameNumber / this.#framesPerPage);
    const known = this.#pages.get(page) ?? this.#load(page);
    if (!(known instanceof Uint8Array)) return undefined;
    const offset = (frameNumber % this.#framesPerPage) * frameSize;
    return known.subarray(offset, offset + frameSize);
  }

  partialFrame(frameNumber: number): PartialFrame {
    const loaded = this.#load(Math.floor(frameNumber / this.#framesPerPage));
    return missingFrame(loaded instanceof Uint8Array ? { kind: 'io-error', message: 'the page became readable' } : loaded);
  }

  #load(page: number): Uint8Array | HoleReason {
    if (!this.#ram.has(page)) return { kind: 'not-ram', message: 'no RAM that the dump knows lies at this physical address' };
    if (!this.#dumped.has(page)) {
      const level = this.#sub.dumpLevel === undefined ? '' : ` (dump level ${this.#sub.dumpLevel})`;
      return { kind: 'excluded', message: `page 0x${page.toString(16)} was left out of the dump by its writer${level}` };
    }
    const at = this.#descriptors + this.#dumped.rank(page) * descriptorSize;
    try {
      const bytes = this.#readPage(page, at);
      if (bytes instanceof Uint8Array) this.#pages.set(page, bytes);
      return bytes;
    } catch (error) {
      if (error instanceof UserError && error.code === 'not-readable') return { kind: 'io-error', message: error.message };
      const why = error instanceof Error ? error.message : String(error);
      return { kind: 'corrupt', message: `page 0x${page.toString(16)}, descriptor at file offset 0x${at.toString(16)}: ${why}` };
    }
  }

  #readPage(page: number, at: number): Uint8Array | HoleReason {
    const { blockSize, littleEndian } = this.#header;
    const descriptor = this.#file.bytes(at, descriptorSize);
    if (descriptor.length < descriptorSize) {
      return { kind: 'truncated', message: `the file ends before the descriptor of page 0x${page.toString(16)}` };
    }
    const view = new DataView(descriptor.buffer, descriptor.byteOffset, descriptorSize);
    const offset = Number(view.getBigUint64(0, littleEndian));
    const size = view.getUint32(8, littleEndian);
    const flags = view.getUint32(12, littleEndian);
    if (offset === 0 && (this.#header.status & statusIncomplete) !== 0) {
      return { kind: 'truncated', message: 'the dump was ended before this page was written' };
    }
    if (size > blockSize || !Number.isSafeInteger(offset)) throw new RangeError(`claims ${size} bytes at 0x${offset.toString(16)}`);
    const data = this.#file.bytes(offset, size);
    if (data.length < size) {
      return {
        kind: 'truncated',
        message: `the file ends at byte ${this.#file.source.size}, before the data of page 0x${page.toString(16)}`,
      };
    }
    const codec = compressionBits.find(([bit]) => (flags & bit) !== 0)?.[1];
    const bytes = codec === undefined ? data.slice() : this.#codec(codec)(data, blockSize);
    if (bytes.length !== blockSize) throw new RangeError(`gives ${bytes.length} bytes where a page has ${blockSize}`);
    return bytes;
  }

  #codec(name: CodecName): PageCodec {
    let codec = this.#codecs.get(name);
    if (codec === undefined) {
      codec = codecFor(name, this.#host.codecs);
      this.#codecs.set(name, codec);
    }
    return codec;
  }
}
