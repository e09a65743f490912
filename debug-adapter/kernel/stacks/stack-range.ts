/** The kernel's stacks: each task's own, and those that CPUs switch to for interrupts and exceptions. */
import { addToAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { initTask } from '../processes/init-task.ts';
import type { Kernel } from '../kernel.ts';
import { perCpuAddress, possibleCpus } from '../per-cpu.ts';
import type { Structs } from '../structs.ts';

/** The memory of one kernel stack. */
export interface StackRange {
  /** `task`, or the kernel's word for a CPU's stack: `IRQ`, `SOFTIRQ`, `NMI`, `#DF`, `ENTRY_TRAMPOLINE`… */
  readonly name: string;
  /** Lowest address, and the first behind. */
  readonly start: Address;
  readonly end: Address;
  /** CPU whose stack it is; undefined for tasks'. */
  readonly cpu: number | undefined;
}

/** The stack that holds `sp`. */
export function stackAt(ranges: readonly StackRange[], sp: Address): StackRange | undefined {
  return ranges.find(({ start, end }) => sp >= start && sp < end);
}

const defaultSize = { 4: 8192, 8: 16_384 } as const;

/** THREAD_SIZE: bytes of a task's stack. */
export function threadSize(kernel: Kernel): number {
  return kernel.once(findThreadSize);
}

function findThreadSize(kernel: Kernel): number {
  const structs = kernel.types === undefined ? undefined : kernel.structs('the size of stacks');
  const union = structs?.find('thread_union')?.size;
  if (union !== undefined) return union;
  const mapped = structs === undefined ? undefined : sizeOfMappedStack(kernel, structs);
  if (mapped !== undefined) return mapped;
  // x86 sizes its interrupt stacks like its tasks' stacks (asm/processor.h).
  const interrupt = kernel.machine.architecture === 'x86-32' ? structs?.find('irq_stack')?.size : undefined;
  if (interrupt !== undefined) return interrupt;
  for (const part of ['init_stack', 'init_task']) {
    const start = kernel.addressOf(`__start_${part}`);
    const end = kernel.addressOf(`__end_${part}`);
    if (start !== undefined && end !== undefined && isStackSize(end - start)) return Number(end - start);
  }
  return defaultSize[kernel.memory.pointerSize];
}

function isStackSize(size: bigint): boolean {
  return size >= 4096n && size <= 0x10_0000n && (size & (size - 1n)) === 0n;
}

/** With VMAP_STACK, the vm_struct of the first task's stack tells (kernel/fork.c: alloc_thread_stack_node). */
function sizeOfMappedStack(kernel: Kernel, structs: Structs): number | undefined {
  const task = structs.find('task_struct');
  const area = structs.find('vm_struct');
  const init = initTask(kernel);
  if (task?.has('stack_vm_area') !== true || area?.has('nr_pages') !== true || init === undefined) return undefined;
  try {
    let current = init;
    // init_task has none; the one behind it on the list of tasks has.
    for (let count = 0; count < 16; count++) {
      current = addToAddress(task.pointer(current, 'tasks'), -task.offset('tasks'));
      const stack = task.pointer(current, 'stack_vm_area');
      const size = stack === 0n ? 0n : area.unsigned(stack, 'nr_pages') * BigInt(kernel.pageSize);
      if (isStackSize(size)) return Number(size);
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
  }
  return undefined;
}

/** The stack of THREAD_SIZE bytes from `stack` (task_struct.stack) on. */
export function taskStack(kernel: Kernel, stack: Address): StackRange {
  return { name: 'task', start: stack, end: addToAddress(stack, threadSize(kernel)), cpu: undefined };
}

/** The stacks of CPUs that can be found; read once. */
export function cpuStacks(kernel: Kernel): readonly StackRange[] {
  return kernel.once(findCpuStacks);
}

function findCpuStacks(kernel: Kernel): StackRange[] {
  if (kernel.types === undefined) return [];
  const found: StackRange[] = [];
  for (const cpu of possibleCpus(kernel)) {
    const finder = new CpuStacks(kernel, cpu);
    try {
      finder.find();
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      kernel.warn(`the interrupt stacks of CPU ${cpu} cannot be found: ${error.reason}`);
    }
    found.push(...finder.found);
  }
  return found;
}

class CpuStacks {
  readonly found: StackRange[] = [];
  readonly #kernel: Kernel;
  readonly #structs: Structs;
  readonly #cpu: number;
  readonly #size: number;

  constructor(kernel: Kernel, cpu: number) {
    this.#kernel = kernel;
    this.#structs = kernel.structs('the stacks of CPUs');
    this.#cpu = cpu;
    this.#size = threadSize(kernel);
  }

  find(): void {
    switch (this.#kernel.machine.architecture) {
      case 'x86-64':
        this.#x8664();
        break;
      case 'x86-32':
        this.#add('IRQ', this.#hotPointer('hardirq_stack_ptr'), this.#size);
        this.#add('SOFTIRQ', this.#hotPointer('softirq_stack_ptr'), this.#size);
        break;
      case 'arm64':
      case 'riscv64':
        this.#add('IRQ', this.#perCpuPointer('irq_stack_ptr'), this.#size);
        this.#add('SDEI', this.#perCpuPointer('sdei_stack_normal_ptr'), this.#size);
        this.#add('SDEI critical', this.#perCpuPointer('sdei_stack_critical_ptr'), this.#size);
        this.#add('OVERFLOW', this.#perCpu('overflow_stack'), 4096);
        break;
      case 'ppc64':
      case 'ppc64le':
        this.#add('IRQ', this.#arrayPointer('hardirq_ctx'), this.#size);
        this.#add('SOFTIRQ', this.#arrayPointer('softirq_ctx'), this.#size);
        break;
      case 's390x':
        this.#s390();
        break;
      default:
    }
  }

  #add(name: string, start: Address | undefined, size: number): void {
    if (start === undefined || start === 0n) return;
    this.found.push({ name, start, end: addToAddress(start, size), cpu: this.#cpu });
  }

  #perCpu(name: string): Address | undefined {
    const symbol = this.#kernel.addressOf(name);
    return symbol === undefined ? undefined : perCpuAddress(this.#kernel, symbol, this.#cpu);
  }

  #perCpuPointer(name: string): Address | undefined {
    const at = this.#perCpu(name);
    return at === undefined ? undefined : this.#kernel.memory.pointer(at);
  }

  #arrayPointer(name: string): Address | undefined {
    const { memory } = this.#kernel;
    const array = this.#kernel.addressOf(name);
    return array === undefined ? undefined : memory.pointer(addToAddress(array, this.#cpu * memory.pointerSize));
  }

  /** A member of struct pcpu_hot (6.2 to 6.14), or the per-CPU variable of that name. */
  #hotPointer(name: string): Address | undefined {
    const hot = this.#structs.find('pcpu_hot');
    const at = this.#perCpu('pcpu_hot');
    return hot?.has(name) === true && at !== undefined ? hot.pointer(at, name) : this.#perCpuPointer(name);
  }

  /** arch/x86/kernel/irq_64.c, arch/x86/include/asm/cpu_entry_area.h. */
  #x8664(): void {
    const top = this.#hotPointer('hardirq_stack_ptr') ?? this.#perCpuPointer('irq_stack_ptr');
    if (top !== undefined && top !== 0n) {
      // The pointer stands at the top, or one word below it.
      const end = toAddress((top + 15n) & ~15n);
      const size = this.#structs.find('irq_stack')?.size ?? 16_384;
      this.#add('IRQ', addToAddress(end, -size), size);
    }
    const stacks = this.#structs.find('cea_exception_stacks');
    const at = this.#perCpuPointer('cea_exception_stacks');
    if (stacks === undefined || at === undefined || at === 0n) return;
    for (const { name } of stacks.type.members) {
      if (!name.endsWith('_stack')) continue;
      this.#add(name === 'NMI_stack' ? 'NMI' : `#${name.slice(0, -'_stack'.length)}`, stacks.address(at, name), stacks.memberSize(name));
    }
    const area = this.#structs.find('cpu_entry_area');
    if (area?.has('estacks') !== true || !area.has('entry_stack_page')) return;
    const entry = addToAddress(at, area.offset('entry_stack_page') - area.offset('estacks'));
    this.#add('ENTRY_TRAMPOLINE', entry, area.memberSize('entry_stack_page'));
  }

  /** struct lowcore: each pointer stands in the topmost frame of its stack (arch/s390/kernel/setup.c). */
  #s390(): void {
    const lowcore = this.#structs.find('lowcore');
    const at = this.#arrayPointer('lowcore_ptr');
    if (lowcore === undefined || at === undefined || at === 0n) return;
    const names = { async_stack: 'IRQ', nodat_stack: 'NODAT', mcck_stack: 'MCCK', restart_stack: 'RESTART' };
    for (const [member, name] of Object.entries(names)) {
      if (!lowcore.has(member)) continue;
      const top = lowcore.pointer(at, member);
      this.#add(name, toAddress(top & ~BigInt(this.#size - 1)), this.#size);
    }
  }
}
