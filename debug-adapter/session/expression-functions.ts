/** Functions of expressions that know the kernel: processes, page tables, page frames, vmalloc areas, indexed trees. */
import { addToAddress, formatAddress, toAddress, toPhysAddr } from '../base/address.ts';
import type { Address, PhysAddr } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import { basicTypes } from '../expression/c-types.ts';
import { typeArgument, valueArgument } from '../expression/functions.ts';
import { listValue, numberOf, numberValue, pointerValue } from '../expression/value.ts';
import type { Argument, ExpressionContext, ExpressionFunction, Value } from '../expression/value.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { walkMapleTree } from '../kernel/containers/maple-tree.ts';
import { pageFrameOf, pageOfFrame } from '../kernel/pages/page-frame.ts';
import { findTask } from '../kernel/processes/task.ts';
import { findVmapArea } from '../kernel/vmalloc/vmap-area.ts';
import { walkXarray } from '../kernel/containers/xarray.ts';
import type { IdentifyFacts, TranslationFacts } from '../protocol/facts.ts';
import type { PtdumpLine } from '../protocol/requests.ts';
import type { StructType, Type } from '../symbols/types.ts';

/** Questions about the address space in which the expression is evaluated. */
export interface Questions {
  /** The walk of a virtual address through the expression's address space. */
  translate(address: Address): TranslationFacts;
  /** What a virtual address is, in the expression's address space. */
  identify(address: Address): IdentifyFacts;
  /** What the memory at a physical byte address is used for. */
  identifyPhysical(address: PhysAddr): IdentifyFacts;
  /** Lines of the kernel's own dump of the page table; all of them, or those that overlap the range. */
  ptdump(range: { readonly start: Address; readonly end: Address } | undefined): readonly PtdumpLine[];
}

type Body = (parameters: readonly Argument[], context: ExpressionContext, usage: string) => Value;

/**
 * Functions by name (`pid`, `vtop`, `page`…), with their usage for completion. Each throws `UserError` for arguments that it
 * cannot take.
 */
export function kernelFunctions(kernel: Kernel, ask: Questions): ReadonlyMap<string, ExpressionFunction> {
  const one = (usage: string, call: Body): [string, ExpressionFunction] => [
    usage.slice(0, usage.indexOf('(')),
    { usage, paths: [], call: (parameters, context) => call(parameters, context, usage) },
  ];
  const struct = (name: string): StructType => kernel.structs('this function').get(name).type;
  const basic = basicTypes(kernel.machine.pointerSize);
  const size = kernel.machine.pointerSize;
  return new Map([
    one('pid(NUMBER)', (parameters, context, usage) => {
      const pid = Number(addressArgument(parameters, context, usage));
      const task = findTask(kernel, pid);
      if (task === undefined) throw errors.unknownProcess(String(pid));
      return pointerValue(struct('task_struct'), task.address, size);
    }),
    one('vtop(ADDRESS)', (parameters, context, usage) =>
      translation(ask.translate(addressArgument(parameters, context, usage)), basic.unsignedLongLong),
    ),
    one('pte(ADDRESS)', (parameters, context, usage) =>
      lastEntry(ask.translate(addressArgument(parameters, context, usage)), basic.unsignedLongLong),
    ),
    one('page(ADDRESS)', (parameters, context, usage) => {
      const address = addressArgument(parameters, context, usage);
      const { physical, reason } = ask.translate(address);
      if (physical === null) throw errors.badArgument(`${formatAddress(address)} is not mapped: ${reason ?? 'no entry'}`);
      return pagePointer(kernel, Math.floor(Number(physical) / kernel.pageSize), struct('page'));
    }),
    one('pfn_to_page(NUMBER)', (parameters, context, usage) =>
      pagePointer(kernel, Number(addressArgument(parameters, context, usage)), struct('page')),
    ),
    one('page_to_pfn(PAGE)', (parameters, context, usage) => {
      const page = addressArgument(parameters, context, usage);
      const pfn = pageFrameOf(kernel, page);
      if (pfn === undefined) throw errors.badArgument(`${formatAddress(page)} is no struct page`);
      return numberValue(BigInt(pfn), basic.unsignedLong);
    }),
    one('vmap_area(ADDRESS)', (parameters, context, usage) => {
      const address = addressArgument(parameters, context, usage);
      const area = findVmapArea(kernel, address);
      if (area === undefined) throw errors.badArgument(`no vmap_area covers ${formatAddress(address)}`);
      return pointerValue(struct('vmap_area'), area.address, size);
    }),
    one('xarray(TREE, TYPE)', (parameters, context, usage) => {
      const head = headOf(parameters, context, usage);
      const problems: string[] = [];
      const entries = walkXarray(kernel.structs('walking an xarray'), head, (message) => problems.push(message));
      const type: Type = parameters[1] === undefined ? { kind: 'void' } : typeArgument(parameters, 1, usage);
      return pointers(
        entries.map(({ entry }) => entry),
        { type, size, problems },
      );
    }),
    one('maple(TREE, TYPE)', (parameters, context, usage) => {
      const head = headOf(parameters, context, usage);
      const problems: string[] = [];
      const entries = walkMapleTree(kernel.structs('walking a maple tree'), head, (message) => problems.push(message));
      const type: Type = parameters[1] === undefined ? { kind: 'void' } : typeArgument(parameters, 1, usage);
      return pointers(entries, { type, size, problems });
    }),
    one('identify(ADDRESS)', (parameters, context, usage) =>
      identified(ask.identify(addressArgument(parameters, context, usage)), basic.unsignedLongLong),
    ),
    one('identify_physical(ADDRESS)', (parameters, context, usage) =>
      identified(ask.identifyPhysical(physicalArgument(parameters, context, usage)), basic.unsignedLongLong),
    ),
    one('phys_to_page(ADDRESS)', (parameters, context, usage) =>
      pagePointer(kernel, Math.floor(physicalArgument(parameters, context, usage) / kernel.pageSize), struct('page')),
    ),
    one('ptdump(START, END)', (parameters, context, usage) => {
      const start = parameters.length === 0 ? undefined : addressArgument(parameters, context, usage);
      const end =
        start === undefined
          ? undefined
          : parameters.length === 1
            ? addToAddress(start, 1)
            : toAddress(numberOf(valueArgument(parameters, 1, usage), context.memory));
      const lines = ask.ptdump(start === undefined || end === undefined ? undefined : { start, end });
      return listValue(
        lines.map((line) => lineValue(line, basic.unsignedLongLong)),
        basic.unsignedLongLong,
      );
    }),
  ]);
}

function addressArgument(parameters: readonly Argument[], context: ExpressionContext, usage: string): Address {
  return toAddress(numberOf(valueArgument(parameters, 0, usage), context.memory));
}

/** A tree itself, or what a pointer to one points to. */
function headOf(parameters: readonly Argument[], context: ExpressionContext, usage: string): Address {
  const value = valueArgument(parameters, 0, usage);
  const isTree = value.type.kind === 'struct' || value.type.kind === 'void';
  return isTree && value.address !== undefined ? value.address : toAddress(numberOf(value, context.memory));
}

/** What a walk over a tree found, and the first thing that went wrong. */
function pointers(addresses: readonly Address[], of: { type: Type; size: 4 | 8; problems: readonly string[] }): Value {
  const { type, size, problems } = of;
  return listValue(
    addresses.map((address) => pointerValue(type, address, size)),
    { kind: 'pointer', size, target: type },
    problems[0],
  );
}

function physicalArgument(parameters: readonly Argument[], context: ExpressionContext, usage: string): PhysAddr {
  const value = addressArgument(parameters, context, usage);
  if (value >= 1n << 53n) throw errors.badArgument(`${formatAddress(value)} is no physical address; translate it first with vtop()`);
  return toPhysAddr(value);
}

function identified(facts: IdentifyFacts, type: Type): Value {
  const { address, summary, details } = facts;
  return {
    ...numberValue(BigInt(address), type),
    text: summary,
    facts: Object.fromEntries(details.map((detail, index) => [`${index}`, detail])),
  };
}

/** A line of a page-table dump: the first address of its region. */
function lineValue({ text, region, marker }: PtdumpLine, type: Type): Value {
  return { ...numberValue(BigInt(region?.start ?? marker ?? '0x0'), type), text, ...(region === null ? {} : { facts: { ...region } }) };
}

function pagePointer(kernel: Kernel, frame: number, type: StructType): Value {
  const page = pageOfFrame(kernel, frame);
  if (page === undefined) throw errors.notSupported('the memory map of this kernel was not found, so no struct page can be');
  return pointerValue(type, page, kernel.machine.pointerSize);
}

function translation(facts: TranslationFacts, type: Type): Value {
  const text = facts.physical === null ? `not mapped: ${facts.reason ?? 'no entry'}` : `physical ${facts.physical}`;
  return { ...numberValue(BigInt(facts.physical ?? '0x0'), type), text, facts: { ...facts } };
}

function lastEntry(facts: TranslationFacts, type: Type): Value {
  const last = facts.levels.at(-1);
  if (last === undefined) throw errors.badArgument(`no page table serves ${facts.virtual}: ${facts.reason ?? 'it is mapped without'}`);
  return {
    ...numberValue(BigInt(last.entry), type),
    text: `${last.level} ${last.entry} ${last.flags.join(' ')}`.trim(),
    facts: { ...last },
  };
}
