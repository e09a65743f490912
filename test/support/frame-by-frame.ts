/** Readings to be compared: as a memory offers them, and as it answers when it is asked for frames alone. */
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import { readPhysical } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';

/** What can only be asked frame by frame. */
export function framesOf(memory: PhysicalMemory): PhysicalMemory {
  return {
    ranges: memory.ranges,
    frame: (frameNumber) => memory.frame(frameNumber),
    partialFrame: (frameNumber) => memory.partialFrame(frameNumber),
  };
}

/** Bytes and holes, in a shape that compares quickly. */
export function readAll(memory: PhysicalMemory, address: number, length: number): unknown {
  const { bytes, holes } = readPhysical(memory, toPhysAddr(address), length);
  return { bytes: Buffer.from(bytes).toString('latin1'), holes };
}
