/**
 * /proc/kcore of a simulated machine (fs/proc/kcore.c): its segments, which are virtual, and the file as a reader of the live
 * machine meets it. Offsets are made of addresses; vmalloc space is read as vread() reads it, with what that gets wrong.
 */
import { entryKind } from '../arch/paging-mode.ts';
import type { ByteSource } from '../base/host.ts';
import type { Core } from './core.ts';
import { dataOffset, elfHead, joinNotes, noteOf, statusSizes } from './elf-writer.ts';
import { vread } from './vread.ts';
import { entryTrampoline } from './x86-regions.ts';

/** enum kcore_type, as far as these machines have them; the type is not in the file. */
type KcoreType = 'text' | 'vmalloc' | 'modules' | 'ram' | 'vmemmap' | 'remap';

/** A PT_LOAD program header of /proc/kcore; addresses and sizes in bytes. */
export interface KcoreSegment {
  readonly type: KcoreType;
  readonly virtual: bigint;
  /** p_paddr; undefined where it is all ones. */
  readonly physical: number | undefined;
  readonly size: bigint;
}

const pageSize = 4096n;

/** Segments in the file's order: REMAP, TEXT, VMALLOC, MODULES, then RAM ranges, each with its struct pages. */
export function kcoreSegments(core: Core): readonly KcoreSegment[] {
  const { platform, memory, types, configuration } = core;
  const found: KcoreSegment[] = [];
  const add = (type: KcoreType, virtual: bigint, of: { readonly size: bigint; readonly physical?: number }): void => {
    found.push({ type, virtual: virtual & memory.addressMask, physical: of.physical, size: of.size });
  };
  // Of 4.19 and 4.20 alone; added when the CPU entry areas are set up, before all others.
  if (configuration.features.kcoreRemap && platform.architecture === 'x86-64')
    add('remap', entryTrampoline(configuration.cpus), { size: pageSize, physical: core.symbol('__entry_text_start') });
  const { image, vmalloc, modules } = platform;
  // 32-bit x86 has its image in the direct map alone.
  if (platform.architecture !== 'x86-32') add('text', image.virtual, { size: BigInt(image.size), physical: image.physical });
  // VMALLOC_END is the last byte of the space on x86-64, which is missing so.
  const space = BigInt(vmalloc.end - vmalloc.start) * pageSize - (platform.architecture === 'x86-64' ? 1n : 0n);
  add('vmalloc', BigInt(vmalloc.start) * pageSize, { size: space });
  if (modules.start !== vmalloc.start)
    add('modules', BigInt(modules.start) * pageSize, { size: BigInt(modules.end - modules.start) * pageSize });
  const structPage = (frame: number): bigint => (platform.vmemmap ?? 0n) + BigInt(frame * types.size('page'));
  const maps: { readonly start: bigint; readonly end: bigint }[] = [];
  for (const { start, end } of memory.ranges) {
    add('ram', platform.directOffset + BigInt(start), { size: BigInt(end - start), physical: start });
    if (platform.vmemmap === undefined) continue;
    const first = structPage(start / 4096) & ~(pageSize - 1n);
    let last = (structPage(end / 4096) - 1n + pageSize - 1n) & ~(pageSize - 1n);
    for (const other of maps) if (first < other.end && last > other.start) last = other.start;
    if (first >= last) continue;
    maps.push({ start: first, end: last });
    add('vmemmap', first, { size: last - first });
  }
  return found;
}

/** kc_vaddr_to_offset(), less the offset at which data begins. */
function offsetOf(core: Core, virtual: bigint): bigint {
  const { platform, memory } = core;
  if (platform.architecture === 'x86-64') return BigInt.asUintN(platform.mode.levels.length === 5 ? 56 : 47, virtual);
  // PAGE_OFFSET is the direct map's lowest address.
  const base = platform.architecture === 'arm64' ? 0xffff_0000_0000_0000n : platform.directOffset;
  return (virtual - base) & memory.addressMask;
}

const largestSize = BigInt(Number.MAX_SAFE_INTEGER);

/** The file. It shows the machine as it is at each read. */
export function kcoreFile(core: Core, name: string): ByteSource {
  const segments = kcoreSegments(core);
  const notes = notesOf(core);
  const dataAt = dataOffset(core.platform.architecture, segments.length, notes.length);
  const placed = segments.map((segment) => ({ ...segment, offset: offsetOf(core, segment.virtual) + BigInt(dataAt) }));
  const head = elfHead(
    core.platform.architecture,
    placed.map(({ virtual, physical, size, offset }) => ({
      virtual,
      physical: physical === undefined ? core.memory.addressMask : BigInt(physical),
      size,
      offset,
    })),
    notes,
  );
  const end = placed.reduce((most, { offset, size }) => (offset + size > most ? offset + size : most), BigInt(head.length));
  return {
    name,
    size: Number(end < largestSize ? end : largestSize),
    read: (offset, length) => {
      const bytes = new Uint8Array(length);
      bytes.set(head.subarray(offset, offset + length));
      for (let at = Math.max(offset, dataAt); at < offset + length;) {
        const part = Math.min(4096 - (at % 4096), offset + length - at);
        const segment = placed.find((one) => BigInt(at) >= one.offset && BigInt(at) < one.offset + one.size);
        // What no segment has is zeros, without an error.
        if (segment !== undefined)
          bytes.set(readPage(core, segment.type, { address: segment.virtual + BigInt(at) - segment.offset, length: part }), at - offset);
        at += part;
      }
      return bytes;
    },
    close: () => undefined,
  };
}

/** Bytes of one page, zeros where the kernel cannot read. */
function readPage(core: Core, type: KcoreType, of: { readonly address: bigint; readonly length: number }): Uint8Array {
  if (type === 'vmalloc' || type === 'modules') return finished(vread(core, of.address, of.length));
  const { tables, memory, root } = core;
  const page = Number(of.address / pageSize);
  const { level, at } = tables.walk(root, page);
  if (tables.kind(level, at) !== entryKind.leaf) return new Uint8Array(of.length);
  const frame = tables.leafAt(level, at) / 4096 + (page % tables.span(level));
  const from = Number(of.address % pageSize);
  return memory.frame(frame)?.subarray(from, from + of.length) ?? new Uint8Array(of.length);
}

/** What a call gives whose steps nobody looks at. */
function finished(steps: ReturnType<typeof vread>): Uint8Array {
  for (;;) {
    const next = steps.next();
    if (next.done === true)
      return Uint8Array.from({ length: next.value.length / 2 }, (_, index) => parseInt(next.value.slice(2 * index, 2 * index + 2), 16));
  }
}

/** NT_PRSTATUS, NT_PRPSINFO and NT_TASKSTRUCT of the reader, and VMCOREINFO. */
function notesOf(core: Core): Uint8Array {
  const wide = core.platform.pointerSize === 8;
  const info = new Uint8Array(wide ? 136 : 124);
  info.set(latin1('R'), 1);
  info.set(latin1('vmlinux'), wide ? 40 : 28);
  const task = core.memory.frame(Math.floor(core.symbol('init_task') / 4096)) ?? new Uint8Array(4096);
  const from = core.symbol('init_task') % 4096;
  return joinNotes([
    noteOf('CORE', 1, new Uint8Array(statusSizes[core.platform.architecture])),
    noteOf('CORE', 3, info),
    noteOf('CORE', 4, task.slice(from, from + core.types.size('task_struct'))),
    noteOf('VMCOREINFO', 0, latin1(core.vmcoreinfo)),
  ]);
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
