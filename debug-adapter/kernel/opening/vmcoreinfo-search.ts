/** Finds VMCOREINFO in memory, for dumps without the note: the kernel's own buffer (kernel/vmcore_info.c), or a copy. */
import { toPhysAddr } from '../../base/address.ts';
import { decodeCString, decodeText } from '../../base/text.ts';
import { frameSize, readPhysical } from '../../memory/physical-memory.ts';
import type { PhysicalMemory } from '../../memory/physical-memory.ts';
import { Vmcoreinfo } from '../../symbols/vmcoreinfo.ts';
import type { Landmarks } from './landmarks.ts';

const longestText = 2 * frameSize;
const leastKeys = 8;
const startKernelMap = 0xffff_ffff_8000_0000n;
/** struct new_utsname: six texts of 65 bytes, the release third. */
const utsnameSize = 6 * 65;
const releaseOffset = 2 * 65;
/** Bytes before the name in struct uts_namespace, at most (a kref, until 5.10). */
const mostBeforeName = 16;

/**
 * The first whose utsname lies where it says, with the release that it tells: the machine's own, and the search ends there.
 * Memory may hold those of its virtual machines, too. Where none does, the longest with the keys that every kernel writes.
 */
export function findVmcoreinfo(landmarks: Landmarks): Vmcoreinfo | undefined {
  const { memory } = landmarks;
  let best: Vmcoreinfo | undefined;
  for (const place of landmarks.places('vmcoreinfo')) {
    const found = new Vmcoreinfo(textAt(memory, place), `memory at physical 0x${place.toString(16)}`);
    const plausible = found.keys.length >= leastKeys && found.pageSize !== undefined && found.symbol('_stext') !== undefined;
    if (!plausible) continue;
    if (describes(found, memory)) return found;
    if (best === undefined || found.text.length > best.text.length) best = found;
  }
  return best;
}

/** Printable lines from `place` on, over frame ends, up to the first byte that is neither. */
function textAt(memory: PhysicalMemory, place: number): string {
  const { bytes, holes } = readPhysical(memory, toPhysAddr(place), longestText);
  const there = bytes.subarray(0, holes[0]?.offset ?? bytes.length);
  const stop = there.findIndex((byte) => byte !== 0x0a && (byte < 0x20 || byte > 0x7e));
  const text = decodeText(stop < 0 ? there : there.subarray(0, stop));
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

/** Whether init_uts_ns, where the note's own keys put it in physical memory, has the note's release. */
function describes(info: Vmcoreinfo, memory: PhysicalMemory): boolean {
  const { osRelease } = info;
  const name = info.symbol('init_uts_ns');
  if (name === undefined || osRelease === undefined || osRelease === '') return false;
  return imageOffsets(info).some((offset) => {
    const physical = BigInt.asUintN(64, name - offset);
    if (physical >= 1n << 52n) return false;
    const { bytes } = readPhysical(memory, toPhysAddr(physical), mostBeforeName + utsnameSize);
    for (let before = 0; before <= mostBeforeName; before += 4) {
      const field = (at: number): string => decodeCString(bytes.subarray(before + at, before + at + 65));
      if (field(0) === 'Linux' && field(releaseOffset) === osRelease) return true;
    }
    return false;
  });
}

/** Virtual address less physical address of the kernel image, by each key that tells it. */
function imageOffsets(info: Vmcoreinfo): bigint[] {
  const physBase = info.number('phys_base');
  return [
    physBase === undefined ? undefined : startKernelMap - physBase,
    info.number('kimage_voffset'),
    info.number('va_kernel_pa_offset'),
  ].filter((offset) => offset !== undefined);
}
