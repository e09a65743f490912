/** vread() and vread_iter() (mm/vmalloc.c), step by step and with what they get wrong: what /proc/kcore would have given. */
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { entryKind } from '../arch/paging-mode.ts';
import { vmapFlags, vmapSpace } from './vmap-space.ts';
import { addressOfText } from './vmap-area.ts';
import { findBlock, pageIsUsed } from './vmap-block.ts';
import { vmAt, vmFlags } from './vm-struct.ts';

/** Where a read goes on: `done` bytes of `bytes` are filled. */
interface Reading {
  readonly core: Core;
  readonly bytes: Uint8Array;
  done: number;
  /** The address that is read next. */
  at: bigint;
}

/** Reads `size` bytes; gives them as hexadecimal digits. */
export function* vread(core: Core, address: bigint, size: number): Steps<string> {
  core.enter('vread_iter', () => ({ addr: address, count: BigInt(size) }));
  try {
    const space = vmapSpace(core);
    const reading: Reading = { core, bytes: new Uint8Array(size), done: 0, at: address };
    const end = address + BigInt(size);
    const areas = [...space.busy()].filter(
      (area) => addressOfPage(core, space.end(area)) > address && addressOfPage(core, space.start(area)) < end,
    );
    areas.sort((a, b) => space.start(a) - space.start(b));
    for (const area of areas) {
      if (reading.done >= size) break;
      yield* readArea(reading, area);
    }
    return [...reading.bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  } finally {
    core.leave();
  }
}

function* readArea(reading: Reading, area: number): Steps {
  const { core } = reading;
  const { memory } = core;
  const space = vmapSpace(core);
  const at = vmAt(core);
  const vm = space.vm(area);
  const ram = (space.flags(area) & vmapFlags.ram) !== 0 && core.configuration.features.usedMap;
  const start = space.start(area);
  const where = addressOfText(core, start);
  if (vm === 0 && !ram) {
    yield core.step(() => `pass over the vmap_area at ${where}: it has no vm_struct`);
    return;
  }
  const flags = vm === 0 ? 0 : memory.word(vm + at.flags);
  if ((flags & vmFlags.uninitialized) !== 0) {
    yield core.step(() => `pass over the vmap_area at ${where}: it is being made (VM_UNINITIALIZED)`);
    return;
  }
  const guard = vm !== 0 && (flags & vmFlags.noGuard) === 0 ? 1 : 0;
  const pages = vm === 0 ? space.end(area) - start : memory.word(vm + at.size) / 4096 - guard;
  const first = addressOfPage(core, start) as bigint;
  const last = first + BigInt(pages) * 4096n;
  if (reading.at >= last) return;
  zeros(reading, Number(first - reading.at));
  const count = Math.min(Number(last - reading.at), left(reading));
  if (count <= 0) return;
  if (ram) yield* readRam(reading, area, count);
  else if ((flags & vmFlags.ioremap) !== 0) {
    yield core.step(() => `zeros for the device memory at ${where}`);
    zeros(reading, count);
  } else yield* copyPages(reading, reading.at, count);
}

/** vmap_ram_vread_iter(): each run of used pages is read from its own start on, whatever the address, and one page too far. */
function* readRam(reading: Reading, area: number, asked: number): Steps {
  const { core } = reading;
  core.enter('vmap_ram_vread_iter', () => ({ addr: reading.at, count: BigInt(asked) }));
  try {
    const space = vmapSpace(core);
    if ((space.flags(area) & vmapFlags.block) === 0) {
      yield* copyPages(reading, reading.at, asked);
      return;
    }
    const start = space.start(area);
    const block = findBlock(core, start);
    let remaining = asked;
    if (block !== undefined) {
      for (const [runStart, runEnd] of usedRuns(core, block)) {
        if (remaining === 0) return;
        const from = addressOfPage(core, start + runStart) as bigint;
        if (reading.at < from) {
          const gap = Math.min(remaining, Number(from - reading.at));
          zeros(reading, gap);
          remaining -= gap;
          if (remaining === 0) return;
        }
        const offset = Number(reading.at & 0xfffn);
        const count = Math.min(remaining, (runEnd - runStart + 1) * 4096 - offset);
        yield* copyPages(reading, from + BigInt(offset), count);
        remaining -= count;
      }
    }
    zeros(reading, remaining);
  } finally {
    core.leave();
  }
}

function usedRuns(core: Core, block: number): (readonly [start: number, end: number])[] {
  const runs: (readonly [number, number])[] = [];
  const { blockPages } = core.configuration;
  for (let page = 0; page < blockPages; page++) {
    if (!pageIsUsed(core, block, page)) continue;
    const start = page;
    while (page < blockPages && pageIsUsed(core, block, page)) page++;
    runs.push([start, page]);
  }
  return runs;
}

/** aligned_vread_iter(): page by page, zeros where none is mapped. */
function* copyPages(reading: Reading, source: bigint, count: number): Steps {
  const { core } = reading;
  const { tables, memory, root } = core;
  for (let done = 0; done < count;) {
    const from = source + BigInt(done);
    const page = Number(from >> 12n);
    const offset = Number(from & 0xfffn);
    const part = Math.min(4096 - offset, count - done);
    const { level, at } = tables.walk(root, page);
    yield core.step(() => `copy ${part} bytes of ${addressOfText(core, page)}`);
    if (tables.kind(level, at) === entryKind.leaf) {
      const frame = tables.leafAt(level, at) / 4096 + (page % tables.span(level));
      const bytes = memory.frame(frame);
      if (bytes !== undefined) reading.bytes.set(bytes.subarray(offset, offset + part), reading.done);
    }
    reading.done += part;
    reading.at += BigInt(part);
    done += part;
  }
}

function left(reading: Reading): number {
  return reading.bytes.length - reading.done;
}

function zeros(reading: Reading, count: number): void {
  if (count <= 0) return;
  const part = Math.min(count, left(reading));
  reading.done += part;
  reading.at += BigInt(part);
}
