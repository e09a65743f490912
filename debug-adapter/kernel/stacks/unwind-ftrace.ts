/**
 * Return addresses that the function graph tracer has replaced by its own (kernel/trace/fgraph.c): the task's ret_stack keeps
 * the real ones, each beside the place on the stack that it was taken from.
 */
import { addToAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';

/** The task whose stack is unwound: address of its task_struct. */
export type TracedTask = Address | undefined;

/** SHADOW_STACK_SIZE, and more than the 50 entries that older kernels have. */
const tableBytes = 4096;

/** The return address at `slot`, without the tracer; `pc` itself where it is not the tracer's or the real one is not known. */
export function recoverReturn(kernel: Kernel, task: TracedTask, at: { readonly pc: Address; readonly slot: Address }): Address {
  if (task === undefined || at.pc !== kernel.addressOf('return_to_handler')) return at.pc;
  const structs = kernel.structs('return addresses under the function graph tracer');
  const shape = structs.find('task_struct');
  const entry = structs.find('ftrace_ret_stack');
  if (shape?.has('ret_stack') !== true || entry?.has('retp') !== true || !entry.has('ret')) return at.pc;
  try {
    const table = shape.pointer(task, 'ret_stack');
    const { memory } = kernel;
    if (table === 0n) return at.pc;
    for (let offset = 0; offset + memory.pointerSize <= tableBytes; offset += memory.pointerSize) {
      if (memory.pointer(addToAddress(table, offset)) !== at.slot) continue;
      return memory.pointer(addToAddress(table, offset - entry.offset('retp') + entry.offset('ret')));
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
  }
  return at.pc;
}
