/** CPUs and per-CPU variables (include/asm-generic/percpu.h, kernel/cpu.c). */
import { limits } from '../base/limits.ts';
import { addToAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { MemoryFault } from '../base/errors.ts';
import type { Kernel } from './kernel.ts';

/** Numbers of the possible CPUs, ascending; [0] on a uniprocessor kernel. */
export function possibleCpus(kernel: Kernel): readonly number[] {
  return kernel.once(readPossibleCpus);
}

/** Numbers of the CPUs that were online, ascending; [0] on a uniprocessor kernel. */
export function onlineCpus(kernel: Kernel): readonly number[] {
  return kernel.once(readOnlineCpus);
}

function readPossibleCpus(kernel: Kernel): number[] {
  return cpusIn(kernel, kernel.addressOf('__cpu_possible_mask') ?? kernel.addressOf('cpu_possible_bits'), 'possible');
}

function readOnlineCpus(kernel: Kernel): number[] {
  return cpusIn(kernel, kernel.addressOf('__cpu_online_mask') ?? kernel.addressOf('cpu_online_bits'), 'online');
}

function cpusIn(kernel: Kernel, mask: Address | undefined, which: string): number[] {
  if (mask === undefined || kernel.addressOf('__per_cpu_offset') === undefined) return [0];
  const idLimit = kernel.addressOf('nr_cpu_ids');
  const bytes = kernel.types?.struct('cpumask')?.size;
  const claimed = idLimit === undefined ? (bytes ?? kernel.memory.pointerSize) * 8 : kernel.memory.u32(idLimit);
  if (claimed > limits.cpus) kernel.warn(`the masks of CPUs claim room for ${claimed}; the first ${limits.cpus} are looked at`);
  const bits = Math.min(limits.cpus, claimed);
  const wordBits = kernel.memory.pointerSize * 8;
  const cpus: number[] = [];
  try {
    for (let first = 0; first < bits; first += wordBits) {
      const word = kernel.memory.word(addToAddress(mask, first / 8));
      for (let bit = 0; bit < wordBits && first + bit < bits; bit++) {
        if (((word >> BigInt(bit)) & 1n) === 1n) cpus.push(first + bit);
      }
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    kernel.warn(`the mask of ${which} CPUs cannot be read: ${error.reason}`);
  }
  return cpus.length > 0 ? cpus : [0];
}

/**
 * Whether it is known where each CPU has its variables: not in a kernel of several processors whose kallsyms has functions alone
 * (without CONFIG_KALLSYMS_ALL). A uniprocessor kernel has one of each (kernel/smp.c is not in it).
 */
export function knowsPerCpuAreas(kernel: Kernel): boolean {
  return kernel.addressOf('__per_cpu_offset') !== undefined || kernel.addressOf('smp_call_function_many') === undefined;
}

/** What is added to a per-CPU variable's symbol for `cpu`; 0 on a uniprocessor kernel. */
export function perCpuOffset(kernel: Kernel, cpu: number): bigint {
  const offsets = kernel.addressOf('__per_cpu_offset');
  return offsets === undefined ? 0n : kernel.memory.word(addToAddress(offsets, cpu * kernel.memory.pointerSize));
}

/**
 * Address of `cpu`'s instance of the per-CPU variable whose symbol value, or per-CPU pointer, is `symbol`. Throws `MemoryFault`
 * where it is not known.
 */
export function perCpuAddress(kernel: Kernel, symbol: Address, cpu: number): Address {
  if (!knowsPerCpuAreas(kernel)) throw new MemoryFault(symbol, 'where each CPU has its variables, no symbol tells (__per_cpu_offset)');
  const sum = symbol + perCpuOffset(kernel, cpu);
  return toAddress(kernel.memory.pointerSize === 4 ? BigInt.asUintN(32, sum) : sum);
}
