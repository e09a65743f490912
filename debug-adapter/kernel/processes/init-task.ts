/**
 * The first task_struct, from which all others are reached. Kernels whose kallsyms has functions alone (without
 * CONFIG_KALLSYMS_ALL) do not name it: it is then found by its own words, near the data that VMCOREINFO names.
 */
import { addToAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { decodeLatin1 } from '../../base/text.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import type { StructShape } from '../structs.ts';

/** INIT_TASK_COMM; the idle loop adds the CPU's number. */
const firstName = 'swapper';
/** .data of no kernel is longer, in bytes. */
const reach = 32 * 1024 * 1024;
const pieceSize = 1024 * 1024;

/** Undefined where no symbol tells and no place fits. */
export function initTask(kernel: Kernel): Address | undefined {
  return kernel.addressOf('init_task') ?? kernel.once(searchInitTask);
}

function searchInitTask(kernel: Kernel): Address | undefined {
  const shape = kernel.types === undefined ? undefined : kernel.structs('looking for the first task').find('task_struct');
  // It lies in .data, as the namespace of the first process does.
  const near = kernel.addressOf('init_uts_ns');
  if (near === undefined || shape?.has('comm') !== true || !shape.has('tasks.next') || !shape.has('real_parent')) return undefined;
  const comm = shape.offset('comm');
  const first = near > BigInt(reach) ? toAddress(near - BigInt(reach)) : toAddress(0);
  for (let at = 0; at < 2 * reach; at += pieceSize) {
    const start = toAddress(BigInt.asUintN(kernel.memory.pointerSize * 8, first + BigInt(at)));
    const { bytes, holes } = kernel.memory.read(start, pieceSize + firstName.length);
    if (holes[0]?.length === bytes.length) continue;
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
