/**
 * The first task_struct, from which all others are reached. Kernels whose kallsyms has functions alone (without
 * CONFIG_KALLSYMS_ALL) do not name it: it is then found by its own words, near the data that VMCOREINFO names.
 */
import { addToAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { decodeLatin1 } from '../../base/text.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import { dataPieces } from '../data-search.ts';
import type { Kernel } from '../kernel.ts';
import type { StructShape } from '../structs.ts';

/** INIT_TASK_COMM; the idle loop adds the CPU's number. */
const firstName = 'swapper';

/** Undefined where no symbol tells and no place fits. */
export function initTask(kernel: Kernel): Address | undefined {
  return kernel.addressOf('init_task') ?? kernel.once(searchInitTask);
}

function searchInitTask(kernel: Kernel): Address | undefined {
  const shape = kernel.types === undefined ? undefined : kernel.structs('looking for the first task').find('task_struct');
  if (shape?.has('comm') !== true || !shape.has('tasks.next') || !shape.has('real_parent')) return undefined;
  const comm = shape.offset('comm');
  for (const { start, bytes } of dataPieces(kernel, firstName.length)) {
    const text = decodeLatin1(bytes);
    for (let found = text.indexOf(firstName); found >= 0; found = text.indexOf(firstName, found + 1)) {
      const task = addToAddress(start, found - comm);
      if (optionalRead(() => isFirstTask(kernel, shape, task)) === true) return task;
    }
  }
  return undefined;
}

/** PID 0, its own parent, and on a list whose next member points back. */
function isFirstTask(kernel: Kernel, shape: StructShape, task: Address): boolean {
  if (task % BigInt(kernel.memory.pointerSize) !== 0n) return false;
  if (shape.number(task, 'pid') !== 0 || shape.pointer(task, 'real_parent') !== task) return false;
  const node = shape.address(task, 'tasks');
  const next = shape.pointer(task, 'tasks.next');
  return next !== 0n && kernel.memory.pointer(addToAddress(next, kernel.memory.pointerSize)) === node;
}
