/** What belongs to one CPU: per-CPU variables and allocations, x86's CPU entry areas and espfix stacks. */
import { addToAddress, compareAddresses, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { limits } from '../../base/limits.ts';
import { partitionPoint } from '../../base/partition-point.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { IdentifyDetail } from '../../protocol/facts.ts';
import { stripType } from '../../symbols/type-layout.ts';
import type { Type } from '../../symbols/types.ts';
import type { Kernel } from '../kernel.ts';
import { layoutOf, regionOfKind } from '../layout/layout.ts';
import { walkList } from '../containers/list.ts';
import { modules } from '../modules/module.ts';
import { perCpuAddress, perCpuOffset, possibleCpus } from '../per-cpu.ts';

/** One CPU's part of a chunk of per-CPU memory. */
interface PerCpuUnit {
  readonly start: bigint;
  readonly end: bigint;
  readonly cpu: number;
  /** The pcpu_chunk; undefined for the static variables. */
  readonly chunk: Address | undefined;
}

/** PCPU_MIN_ALLOC_SIZE (include/linux/percpu.h): bytes of one bit of a chunk's bitmaps. */
const allocationUnit = 4;

/** A per-CPU variable, or memory of alloc_percpu(). */
export function describePerCpu(kernel: Kernel, address: Address): readonly IdentifyDetail[] {
  const unit = unitAt(kernel.once(perCpuUnits), address);
  if (unit === undefined) return [];
  const { cpu } = unit;
  const pointerBits = kernel.memory.pointerSize * 8;
  const pointer = toAddress(BigInt.asUintN(pointerBits, address - perCpuOffset(kernel, cpu)));
  const facts = { cpu, perCpuPointer: formatAddress(pointer), chunk: unit.chunk === undefined ? null : formatAddress(unit.chunk) };
  const start = kernel.addressOf('__per_cpu_start');
  const end = kernel.addressOf('__per_cpu_end');
  if (start !== undefined && end !== undefined && pointer >= start && pointer < end) {
    const hit = kernel.symbols.resolve(pointer) ?? absoluteHit(kernel.once(absolutePerCpu), pointer);
    const name = hit === undefined ? 'a variable without a name' : `${hit.symbol.name}+0x${hit.offset.toString(16)}`;
    return [
      {
        kind: 'per-cpu',
        summary: `per-CPU variable ${name} of CPU ${cpu}`,
        name: hit?.symbol.name ?? null,
        offset: hit?.offset ?? null,
        allocated: true,
        module: null,
        ...facts,
      },
    ];
  }
  const module = kernel.once(modulePerCpu).find((one) => pointer >= one.start && pointer < one.end);
  if (module !== undefined) {
    const offset = Number(pointer - module.start);
    const summary = `per-CPU data of module ${module.name}, byte 0x${offset.toString(16)}, of CPU ${cpu}`;
    return [{ kind: 'per-cpu', summary, name: null, offset, allocated: true, module: module.name, ...facts }];
  }
  const allocated = unit.chunk === undefined ? undefined : optionalRead(() => isAllocated(kernel, unit, address));
  const word = allocated === undefined ? 'per-CPU memory' : allocated ? 'allocated per-CPU memory' : 'free per-CPU memory';
  const summary = `${word} of CPU ${cpu}, per-CPU pointer ${formatAddress(pointer)}`;
  return [{ kind: 'per-cpu', summary, name: null, offset: null, allocated: allocated ?? null, module: null, ...facts }];
}

interface PerCpuSymbol {
  readonly name: string;
  readonly address: Address;
}

/** Symbols of per-CPU variables that are offsets from 0 (x86-64 up to 6.14), which tables of addresses leave out; ascending. */
function absolutePerCpu(kernel: Kernel): readonly PerCpuSymbol[] {
  const start = kernel.addressOf('__per_cpu_start');
  const end = kernel.addressOf('__per_cpu_end');
  if (start === undefined || end === undefined) return [];
  const all = kernel.symbols.withPrefix('', limits.symbols).filter(({ address }) => address >= start && address < end);
  // The section's own names stand for the first variable.
  const named = all.filter(({ name }) => name !== '__per_cpu_start' && !name.startsWith('__per_cpu_'));
  return named.sort((a, b) => compareAddresses(a.address, b.address));
}

function absoluteHit(symbols: readonly PerCpuSymbol[], pointer: Address): { symbol: PerCpuSymbol; offset: number } | undefined {
  let last = partitionPoint(symbols.length, (index) => (symbols[index]?.address ?? 0n) <= pointer) - 1;
  while (last > 0 && symbols[last - 1]?.address === symbols[last]?.address) last--;
  const symbol = symbols[last];
  return symbol === undefined ? undefined : { symbol, offset: Number(pointer - symbol.address) };
}

function unitAt(units: readonly PerCpuUnit[], address: Address): PerCpuUnit | undefined {
  const unit = units[partitionPoint(units.length, (index) => (units[index]?.start ?? 0n) <= address) - 1];
  return unit !== undefined && address < unit.end ? unit : undefined;
}

/** What each CPU has of the static variables and of every chunk (mm/percpu.c), ascending. */
function perCpuUnits(kernel: Kernel): readonly PerCpuUnit[] {
  if (kernel.addressOf('__per_cpu_offset') === undefined) return [];
  // The first chunk is what lies behind the static variables.
  const units = [...(optionalRead(() => staticUnits(kernel)) ?? []), ...(optionalRead(() => chunkUnits(kernel)) ?? [])];
  return units.sort((a, b) => compareAddresses(a.start, b.start));
}

function staticUnits(kernel: Kernel): PerCpuUnit[] | undefined {
  const start = kernel.addressOf('__per_cpu_start');
  const end = kernel.addressOf('__per_cpu_end');
  if (start === undefined || end === undefined) return undefined;
  return possibleCpus(kernel).map((cpu) => {
    const first = perCpuAddress(kernel, start, cpu);
    return { start: first, end: first + (end - start), cpu, chunk: undefined };
  });
}

function chunkUnits(kernel: Kernel): PerCpuUnit[] | undefined {
  const { memory } = kernel;
  const shape = kernel.types === undefined ? undefined : kernel.structs('per-CPU memory').find('pcpu_chunk');
  const offsets = kernel.addressOf('pcpu_unit_offsets');
  const sizeAt = kernel.addressOf('pcpu_unit_size');
  if (shape?.has('base_addr') !== true || offsets === undefined || sizeAt === undefined) return undefined;
  const size = BigInt(memory.u32(sizeAt));
  const offsetArray = memory.pointer(offsets);
  const units: PerCpuUnit[] = [];
  const bits = memory.pointerSize * 8;
  const cpus = possibleCpus(kernel).map((cpu) => ({ cpu, offset: memory.word(addToAddress(offsetArray, cpu * memory.pointerSize)) }));
  for (const chunk of chunks(kernel, shape.offset('list'))) {
    const base = optionalRead(() => shape.pointer(chunk, 'base_addr'));
    if (base === undefined || base === 0n) continue;
    // The first and the reserved chunk are shorter than a unit.
    const pages = shape.has('nr_pages') ? optionalRead(() => shape.number(chunk, 'nr_pages')) : undefined;
    const own = BigInt((pages ?? 0) * kernel.pageSize);
    const bytes = own > 0n && own < size ? own : size;
    for (const { cpu, offset } of cpus) {
      if (units.length >= limits.perCpuUnits) {
        kernel.warn(`there are more than ${limits.perCpuUnits} units of per-CPU memory; the others are not told`);
        return units;
      }
      const start = BigInt.asUintN(bits, base + offset);
      units.push({ start, end: start + bytes, cpu, chunk });
    }
  }
  return units.length === 0 ? undefined : units;
}

/** All chunks: the first, the reserved one, and those on the lists by free size (pcpu_chunk_lists, pcpu_slot before 5.14). */
function chunks(kernel: Kernel, listOffset: number): ReadonlySet<Address> {
  const { memory } = kernel;
  const found = new Set<Address>();
  for (const symbol of ['pcpu_first_chunk', 'pcpu_reserved_chunk']) {
    const at = kernel.addressOf(symbol);
    const chunk = at === undefined ? undefined : optionalRead(() => memory.pointer(at));
    if (chunk !== undefined && chunk !== 0n) found.add(chunk);
  }
  const listsAt = kernel.addressOf('pcpu_chunk_lists') ?? kernel.addressOf('pcpu_slot');
  const countAt = kernel.addressOf('pcpu_nr_slots');
  const lists = listsAt === undefined ? undefined : optionalRead(() => memory.pointer(listsAt));
  const slots = countAt === undefined ? undefined : optionalRead(() => memory.u32(countAt));
  if (lists === undefined || slots === undefined) return found;
  if (slots > limits.perCpuLists)
    kernel.warn(`pcpu_nr_slots claims ${slots} lists of per-CPU chunks; the first ${limits.perCpuLists} are read`);
  for (let slot = 0; slot < Math.min(slots, limits.perCpuLists); slot++) {
    const head = addToAddress(lists, slot * 2 * memory.pointerSize);
    // Filtered dumps lack chunks: what they hold is then told as the vmalloc area that it is.
    for (const chunk of walkList(memory, head, listOffset, () => undefined)) found.add(chunk);
  }
  return found;
}

/** Whether the chunk's bitmap has the address in an allocation; undefined where the kernel has no such bitmap (before 4.14). */
function isAllocated(kernel: Kernel, { chunk, start }: PerCpuUnit, address: Address): boolean | undefined {
  const shape = kernel.structs('per-CPU memory').get('pcpu_chunk');
  if (chunk === undefined || !shape.has('alloc_map')) return undefined;
  const map = shape.pointer(chunk, 'alloc_map');
  const bit = Math.floor(Number(address - start) / allocationUnit);
  const wordBits = kernel.memory.pointerSize * 8;
  const word = kernel.memory.word(addToAddress(map, Math.floor(bit / wordBits) * kernel.memory.pointerSize));
  return ((word >> BigInt(bit % wordBits)) & 1n) === 1n;
}

/** Per-CPU pointers of modules' own variables (struct module: percpu, percpu_size). */
function modulePerCpu(kernel: Kernel): readonly { readonly name: string; readonly start: bigint; readonly end: bigint }[] {
  const shape = kernel.types === undefined ? undefined : kernel.structs('per-CPU memory').find('module');
  if (shape?.has('percpu') !== true || !shape.has('percpu_size')) return [];
  return modules(kernel).flatMap(({ address, name }) => {
    const start = optionalRead(() => shape.pointer(address, 'percpu')) ?? toAddress(0);
    const size = optionalRead(() => shape.unsigned(address, 'percpu_size')) ?? 0n;
    return start === 0n || size === 0n ? [] : [{ name, start, end: start + size }];
  });
}

/** A CPU's part of the CPU entry area, and the member of struct cpu_entry_area (arch/x86/include/asm/cpu_entry_area.h). */
export function describeCpuEntryArea(kernel: Kernel, address: Address): readonly IdentifyDetail[] {
  const region = regionOfKind(layoutOf(kernel), 'cpu-entry-area');
  if (region === undefined || address < region.start || address >= region.end) return [];
  const within = Number(address - region.start);
  if (within < kernel.pageSize) {
    return [
      {
        kind: 'cpu-entry-area',
        summary: `read-only interrupt descriptor table, byte 0x${within.toString(16)}`,
        cpu: null,
        member: 'idt',
        offset: within,
      },
    ];
  }
  const struct = kernel.types?.struct('cpu_entry_area');
  if (struct === undefined) {
    const summary = `CPU entry area, byte 0x${within.toString(16)} (which CPU's part it is needs struct cpu_entry_area)`;
    return [{ kind: 'cpu-entry-area', summary, cpu: null, offset: within }];
  }
  const slot = Math.floor((within - kernel.pageSize) / struct.size);
  const cpu = kernel.once(entryAreaCpus).get(slot);
  const offset = within - kernel.pageSize - slot * struct.size;
  const member = memberPath(struct, offset);
  const whose = cpu === undefined ? 'no CPU, as nothing is mapped there' : `CPU ${cpu}`;
  return [
    {
      kind: 'cpu-entry-area',
      summary: `CPU entry area of ${whose}, ${member}`,
      cpu: cpu ?? null,
      member,
      offset,
      start: formatAddress(toAddress(region.start + BigInt(kernel.pageSize + slot * struct.size))),
    },
  ];
}

/** CPU by slot: since 6.2 they are shuffled with KASLR (per-CPU _cea_offset). */
function entryAreaCpus(kernel: Kernel): ReadonlyMap<number, number> {
  const symbol = kernel.addressOf('_cea_offset');
  const found = new Map<number, number>();
  for (const cpu of possibleCpus(kernel)) {
    const slot = symbol === undefined ? cpu : optionalRead(() => kernel.memory.u32(perCpuAddress(kernel, symbol, cpu)));
    if (slot !== undefined) found.set(slot, cpu);
  }
  return found;
}

const deepestMember = 4;

/** `estacks.NMI_stack+0x10`: the innermost named member that holds byte `offset`. */
function memberPath(struct: Type, offset: number): string {
  const names: string[] = [];
  let type = stripType(struct);
  let rest = offset;
  for (let depth = 0; depth < deepestMember && (type.kind === 'struct' || type.kind === 'union'); depth++) {
    const members = type.members.filter(({ bitOffset, bitSize }) => bitSize === undefined && bitOffset / 8 <= rest);
    const last = members.at(-1);
    if (last === undefined) break;
    if (last.name !== '') names.push(last.name);
    rest -= last.bitOffset / 8;
    type = stripType(last.type);
  }
  return `${names.join('.')}+0x${rest.toString(16)}`;
}

/** ESPFIX_STACK_SIZE (arch/x86/kernel/espfix_64.c): bytes of one CPU's stack. */
const espfixStackSize = 64n;

/** The CPU whose espfix stack it is. The area repeats: bits 16 to 31 say nothing, they hold the stack pointer's upper half. */
export function describeEspfix(kernel: Kernel, address: Address): readonly IdentifyDetail[] {
  const region = regionOfKind(layoutOf(kernel), 'espfix');
  if (region === undefined || address < region.start || address >= region.end) return [];
  const symbol = kernel.addressOf('espfix_stack');
  const place = (stack: bigint): bigint => (stack & ~0xffff_0000n) / espfixStackSize;
  const cpu =
    symbol === undefined
      ? undefined
      : possibleCpus(kernel).find((one) => {
          const stack = optionalRead(() => kernel.memory.word(perCpuAddress(kernel, symbol, one)));
          return stack !== undefined && stack !== 0n && place(stack) === place(address);
        });
  return [
    {
      kind: 'espfix',
      summary: cpu === undefined ? 'in the espfix area, no CPU has its stack there' : `espfix stack of CPU ${cpu}`,
      cpu: cpu ?? null,
    },
  ];
}
