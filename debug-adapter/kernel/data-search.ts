/**
 * The kernel's .data, for what no symbol names: kernels whose kallsyms has functions alone (without CONFIG_KALLSYMS_ALL).
 * It lies around what VMCOREINFO names.
 */
import { toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import type { Kernel } from './kernel.ts';

/** .data of no kernel is longer, in bytes. */
const reach = 32 * 1024 * 1024;
const pieceSize = 1024 * 1024;

/**
 * Pieces of the readable memory around .data, lowest first. Each goes on for `overlap` bytes into the next, so that what is
 * shorter lies in one of them whole; what is not mapped is zeros. Nothing where VMCOREINFO and symbols name no data.
 */
export function* dataPieces(kernel: Kernel, overlap: number): Generator<{ readonly start: Address; readonly bytes: Uint8Array }> {
  // The namespace of the first process, in .data of every kernel that writes a VMCOREINFO.
  const near = kernel.addressOf('init_uts_ns');
  if (near === undefined) return;
  const first = near > BigInt(reach) ? (near - BigInt(reach)) & ~0xfffn : 0n;
  for (let at = 0; at < 2 * reach; at += pieceSize) {
    const start = toAddress(BigInt.asUintN(kernel.memory.pointerSize * 8, first + BigInt(at)));
    const { bytes, holes } = kernel.memory.read(start, pieceSize + overlap);
    if (holes[0]?.length !== bytes.length) yield { start, bytes };
  }
}
