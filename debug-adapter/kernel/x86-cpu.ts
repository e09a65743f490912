/** What the kernel knows of an x86 CPU (struct cpuinfo_x86 boot_cpu_data). */
import { optionalRead } from '../memory/optional-read.ts';
import type { Kernel } from './kernel.ts';
import type { StructShape } from './structs.ts';

interface BootCpu {
  readonly shape: StructShape;
  readonly address: NonNullable<ReturnType<Kernel['addressOf']>>;
}

function bootCpu(kernel: Kernel): BootCpu | undefined {
  const address = kernel.addressOf('boot_cpu_data');
  if (address === undefined || kernel.types === undefined) return undefined;
  const shape = kernel.structs('the properties of the CPU').find('cpuinfo_x86');
  return shape === undefined ? undefined : { shape, address };
}

/** MAXPHYADDR as the kernel found it; undefined without symbols and types. */
export function physicalBits(kernel: Kernel | undefined): number | undefined {
  return kernel?.onceOr(readPhysicalBits, undefined);
}

function readPhysicalBits(kernel: Kernel): number | undefined {
  return optionalRead(() => {
    const cpu = bootCpu(kernel);
    return cpu?.shape.has('x86_phys_bits') === true ? cpu.shape.number(cpu.address, 'x86_phys_bits') : undefined;
  });
}

/** From a root to the one that user mode runs on, with page-table isolation (kernel_to_user_pgdp()), in bytes. */
export const userRootOffset = 4096;

/** Whether page-table isolation is on: X86_FEATURE_PTI is word 7, bit 11 of the capabilities (cpufeatures.h). */
export function hasPageTableIsolation(kernel: Kernel): boolean {
  return kernel.once(readIsolation);
}

function readIsolation(kernel: Kernel): boolean {
  if (!kernel.machine.architecture.startsWith('x86')) return false;
  const word = optionalRead(() => {
    const cpu = bootCpu(kernel);
    return cpu?.shape.has('x86_capability') === true ? kernel.memory.u32(cpu.shape.address(cpu.address, 'x86_capability[7]')) : undefined;
  });
  return word !== undefined && ((word >>> 11) & 1) === 1;
}
