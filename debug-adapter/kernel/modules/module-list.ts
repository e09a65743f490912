/**
 * The head of the list of modules. Kernels whose kallsyms has functions alone (without CONFIG_KALLSYMS_ALL) do not name it: it
 * is then found in .data by its members, each of which lies in memory of its own.
 */
import { addToAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import { dataPieces } from '../data-search.ts';
import type { Kernel } from '../kernel.ts';
import type { StructShape } from '../structs.ts';

/** Whether a struct module is at an address, as far as it can be read; may throw `MemoryFault`. */
export type ModuleTest = (module: Address) => boolean;

/**
 * The list_head `modules` (kernel/module/main.c); `shape` is that of struct module and has `list`. Undefined where no symbol
 * tells and no place fits, as in a kernel that has loaded no module.
 */
export function moduleList(kernel: Kernel, shape: StructShape, isModule: ModuleTest): Address | undefined {
  const named = kernel.addressOf('modules');
  // Where data has names, no module list is one without.
  if (named !== undefined || kernel.symbols.findInKernel('init_uts_ns') !== undefined) return named;
  const { pointerSize } = kernel.memory;
  const member = shape.offset('list');
  for (const { start, bytes } of dataPieces(kernel, pointerSize)) {
    for (const { offset, next } of listHeads(bytes, kernel)) {
      const head = addToAddress(start, offset);
      if (next === head || kernel.memory.frameOf(Number(next >> 12n)) < 0) continue;
      const found = optionalRead(() => {
        if (kernel.memory.pointer(addToAddress(next, pointerSize)) !== head) return false;
        const last = kernel.memory.pointer(addToAddress(head, pointerSize));
        return [next, last].every((node) => isModule(addToAddress(node, -member)));
      });
      if (found === true) return head;
    }
  }
  return undefined;
}

/** Where two pointers lie side by side, and the first of them. */
function* listHeads(bytes: Uint8Array, { memory }: Kernel): Generator<{ readonly offset: number; readonly next: Address }> {
  const { pointerSize, littleEndian } = memory;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = pointerSize === 8;
  const lowAt = wide && !littleEndian ? 4 : 0;
  const mask = pointerSize - 1;
  const last = bytes.length - 2 * pointerSize;
  for (let offset = 0; offset <= last; offset += pointerSize) {
    const low = view.getUint32(offset + lowAt, littleEndian);
    const previousLow = view.getUint32(offset + pointerSize + lowAt, littleEndian);
    if (low === 0 || previousLow === 0 || (low & mask) !== 0 || (previousLow & mask) !== 0) continue;
    const next = wide ? view.getBigUint64(offset, littleEndian) : BigInt(low);
    yield { offset, next: toAddress(next) };
  }
}
