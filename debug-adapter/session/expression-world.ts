/** What expressions may refer to in one kernel: its symbols with their types, per-CPU variables, and functions that know it. */
import { toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { basicTypes } from '../expression/c-types.ts';
import { plainFunctions } from '../expression/functions.ts';
import { numberValue, pointerValue } from '../expression/value.ts';
import type { ExpressionContext, Value } from '../expression/value.ts';
import { currentTask } from '../kernel/processes/current-task.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { perCpuAddress } from '../kernel/per-cpu.ts';
import { findTask } from '../kernel/processes/task.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { Register } from '../image/image.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { Type, TypeTable } from '../symbols/types.ts';
import { kernelFunctions } from './expression-functions.ts';
import type { Questions } from './expression-functions.ts';

/** Where an expression is evaluated. */
export interface ExpressionPlace {
  /** Number of the CPU whose variables are meant; 0 unless given. */
  readonly cpu?: number | undefined;
  /** Task of the frame, where it is not the CPU's current one. */
  readonly pid?: number | undefined;
  readonly registers?: readonly Register[] | undefined;
}

/** What expressions read: the kernel's memory, types and symbols, and functions that ask the session. */
export interface ExpressionSources {
  readonly memory: AddressSpace;
  readonly types: TypeTable | undefined;
  readonly symbols: SymbolTable;
  readonly questions: Questions;
}

/** Types of globals that kernels have; BTF knows only per-CPU variables. */
const knownGlobals: Readonly<Record<string, string>> = {
  init_task: 'struct task_struct',
  init_mm: 'struct mm_struct',
  efi_mm: 'struct mm_struct',
  init_cred: 'struct cred',
  init_pid_ns: 'struct pid_namespace',
  init_user_ns: 'struct user_namespace',
  init_uts_ns: 'struct uts_namespace',
  init_nsproxy: 'struct nsproxy',
  init_net: 'struct net',
  root_task_group: 'struct task_group',
  modules: 'struct list_head',
  slab_caches: 'struct list_head',
  super_blocks: 'struct list_head',
  pgd_list: 'struct list_head',
  vmap_nodes: 'struct vmap_node *',
  nr_vmap_nodes: 'int',
  vmap_area_list: 'struct list_head',
  vmap_area_root: 'struct rb_root',
  free_vmap_area_list: 'struct list_head',
  free_vmap_area_root: 'struct rb_root',
  vmap_blocks: 'struct xarray',
  vmlist: 'struct vm_struct *',
  contig_page_data: 'struct pglist_data',
  mem_map: 'struct page *',
  vmemmap: 'struct page *',
  iomem_resource: 'struct resource',
  ioport_resource: 'struct resource',
  prb: 'struct printk_ringbuffer *',
  boot_cpu_data: 'struct cpuinfo_x86',
  __cpu_possible_mask: 'struct cpumask',
  __cpu_online_mask: 'struct cpumask',
  __cpu_present_mask: 'struct cpumask',
  high_memory: 'void *',
  saved_command_line: 'char *',
  boot_command_line: 'char[256]',
  linux_banner: 'char[256]',
  jiffies: 'unsigned long',
  jiffies_64: 'unsigned long long',
  max_pfn: 'unsigned long',
  max_low_pfn: 'unsigned long',
  min_low_pfn: 'unsigned long',
  _totalram_pages: 'unsigned long',
  tainted_mask: 'unsigned long',
  page_offset_base: 'unsigned long',
  vmalloc_base: 'unsigned long',
  vmemmap_base: 'unsigned long',
  phys_base: 'unsigned long',
  nr_cpu_ids: 'unsigned int',
  panic_cpu: 'int',
};

/** Per-CPU variables are those of `place.cpu`, CPU 0 without one; a name that nothing has is undefined. */
export function expressionWorld(kernel: Kernel, sources: ExpressionSources, place: ExpressionPlace): ExpressionContext {
  const basic = basicTypes(kernel.machine.pointerSize);
  const cpu = place.cpu ?? 0;
  const { memory, types, symbols } = sources;
  return {
    memory,
    types,
    symbols,
    basic,
    variable: (name) => {
      if (name === 'cpu') return numberValue(BigInt(cpu), basic.int);
      if (name === 'task') return taskValue(kernel, place);
      const register = place.registers?.find((one) => one.name === name);
      return register === undefined ? undefined : numberValue(register.value, basic.unsignedLong);
    },
    typeOfSymbol: (name) => typeOfSymbol(types, name),
    perCpuAddress: (symbol, of) => instanceOf(kernel, symbol, of ?? cpu),
    functions: new Map([...plainFunctions, ...kernelFunctions(kernel, sources.questions)]),
  };
}

function typeOfSymbol(types: TypeTable | undefined, name: string): Type | undefined {
  const known = Object.hasOwn(knownGlobals, name) ? knownGlobals[name] : undefined;
  return types?.variable(name) ?? (known === undefined ? undefined : types?.parse(known));
}

/** Per-CPU symbols stand between two others; on x86-64 before 6.15 these count from 0. */
function instanceOf(kernel: Kernel, symbol: Address, cpu: number): Address | undefined {
  const start = kernel.addressOf('__per_cpu_start');
  const end = kernel.addressOf('__per_cpu_end');
  if (start === undefined || end === undefined || symbol < start || symbol >= end) return undefined;
  return perCpuAddress(kernel, symbol, cpu);
}

/** The task of the frame, or the one that the CPU was running. */
function taskValue(kernel: Kernel, place: ExpressionPlace): Value | undefined {
  const struct = kernel.types?.struct('task_struct');
  const pid = place.pid ?? currentTask(kernel, place.cpu ?? 0)?.pid;
  if (struct === undefined || pid === undefined) return undefined;
  const address = pid === 0 ? kernel.addressOf('init_task') : findTask(kernel, pid)?.address;
  return address === undefined ? undefined : pointerValue(struct, toAddress(address), kernel.machine.pointerSize);
}
