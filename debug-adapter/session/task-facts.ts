import { formatAddress } from '../base/address.ts';
import { MemoryFault } from '../base/errors.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { tasks } from '../kernel/task.ts';
import type { TaskFacts } from '../protocol/facts.ts';

/** Every task in the shape that scripts and views get. `pgd` is the kernel's virtual pointer. */
export function taskFacts(kernel: Kernel): TaskFacts[] {
  const mmStruct = kernel.structs('listing the tasks').get('mm_struct');
  return tasks(kernel).map((task) => {
    let pgd: string | null = null;
    if (task.mm !== undefined) {
      try {
        pgd = formatAddress(mmStruct.pointer(task.mm, 'pgd'));
      } catch (error) {
        if (!(error instanceof MemoryFault)) throw error;
        kernel.warn(`process ${task.pid}: its mm_struct cannot be read: ${error.reason}`);
      }
    }
    return {
      pid: task.pid,
      tgid: task.tgid,
      comm: task.comm,
      task: formatAddress(task.address),
      mm: task.mm === undefined ? null : formatAddress(task.mm),
      pgd,
      stack: task.stack === 0n ? null : formatAddress(task.stack),
      cpu: task.cpu ?? null,
    };
  });
}
