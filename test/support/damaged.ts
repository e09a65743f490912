/** Real dumps of which single words are changed in memory, as a broken kernel would have left them. */
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import type { Image } from '../../debug-adapter/image/image.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { openKernel } from '../../debug-adapter/kernel/opening/open-kernel.ts';
import { frameSize } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { Session } from '../../debug-adapter/session/session.ts';

/** A word of a kernel object, by its virtual address, and what is to stand there. */
export interface Damage {
  readonly at: Address;
  readonly value: bigint;
}

/** The dump at `path` with damage: what lies behind each address is found by the undamaged session. */
export function openDamaged(path: string, whole: Session, damage: readonly Damage[]): Session {
  const image = openImage(nodeHost(), [path], { rawRanges: undefined, cacheBytes: undefined });
  const { littleEndian, pointerSize } = whole.kernel.memory;
  const frames = new Map<number, Uint8Array>();
  for (const { at, value } of damage) {
    const physical = toPhysAddr(BigInt(whole.translate(at).physical ?? '0x0'));
    const number = Math.floor(physical / frameSize);
    const bytes = frames.get(number) ?? image.memory.frame(number)?.slice();
    if (bytes === undefined || (physical % frameSize) + pointerSize > frameSize) throw new Error(`no word lies at 0x${at.toString(16)}`);
    frames.set(number, bytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset, frameSize);
    if (pointerSize === 8) view.setBigUint64(physical % frameSize, BigInt.asUintN(64, value), littleEndian);
    else view.setUint32(physical % frameSize, Number(BigInt.asUintN(32, value)), littleEndian);
  }
  const memory: PhysicalMemory = {
    ranges: image.memory.ranges,
    frame: (number) => frames.get(number) ?? image.memory.frame(number),
    partialFrame: (number) => image.memory.partialFrame(number),
  };
  const damaged: Image = {
    name: image.name,
    format: image.format,
    compression: image.compression,
    machine: image.machine,
    memory,
    vmcoreinfo: image.vmcoreinfo,
    cpus: image.cpus,
    virtualSegments: image.virtualSegments,
    headerFacts: image.headerFacts,
    dumpLevel: image.dumpLevel,
    warnings: image.warnings,
    eraseInfo: image.eraseInfo,
    close: () => {
      image.close();
    },
  };
  return new Session(damaged, openKernel(damaged, { symbols: undefined, types: undefined }));
}
