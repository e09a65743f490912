/** Functions of expressions that know the kernel: processes, page tables, page frames, vmalloc areas, indexed trees. */
import { formatAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import { basicTypes } from '../expression/c-types.ts';
import { typeArgument, valueArgument } from '../expression/functions.ts';
import { listValue, numberOf, numberValue, pointerValue } from '../expression/value.ts';
import type { Argument, ExpressionContext, ExpressionFunction, Value } from '../expression/value.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { walkMapleTree } from '../kernel/maple-tree.ts';
import { pageFrameOf, pageOfFrame } from '../kernel/page-frame.ts';
import { findTask } from '../kernel/task.ts';
import { findVmapArea } from '../kernel/vmap-area.ts';
import { walkXarray } from '../kernel/xarray.ts';
import type { TranslationFacts } from '../protocol/facts.ts';
import type { StructType, Type } from '../symbols/types.ts';

/** Walks the tables of the address space in which the expression is evaluated. */
export type Translate = (address: Address) => TranslationFacts;

type Body = (parameters: readonly Argument[], context: ExpressionContext, usage: string) => Value;

/** `task`, a PID; `vtop`, `pte`, `page`, `vmap_area`, an address; `xarray`, `maple`, a tree. */
export function kernelFunctions(kernel: Kernel, translate: Translate): ReadonlyMap<string, ExpressionFunction> {
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
      translation(translate(addressArgument(parameters, context, usage)), basic.unsignedLongLong),
    ),
    one('pte(ADDRESS)', (parameters, context, usage) =>
      lastEntry(translate(addressArgument(parameters, context, usage)), basic.unsignedLongLong),
    ),
    one('page(ADDRESS)', (parameters, context, usage) => {
      const address = addressArgument(parameters, context, usage);
      const { physical, reason } = translate(address);
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
      const entries = walkXarray(kernel.structs('walking an xarray'), head, problemOf(kernel));
      return pointers(
        entries.map(({ entry }) => entry),
        parameters[1] === undefined ? { kind: 'void' } : typeArgument(parameters, 1, usage),
        size,
      );
    }),
    one('maple(TREE, TYPE)', (parameters, context, usage) => {
      const head = headOf(parameters, context, usage);
      const entries = walkMapleTree(kernel.structs('walking a maple tree'), head, problemOf(kernel));
      return pointers(entries, parameters[1] === undefined ? { kind: 'void' } : typeArgument(parameters, 1, usage), size);
    }),
  ]);
}

/** A part of a tree that cannot be read is a warning of the session; what was found is the answer. */
function problemOf(kernel: Kernel): (message: string) => void {
  return (message) => {
    kernel.warn(message);
  };
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

function pointers(addresses: readonly Address[], target: Type, size: 4 | 8): Value {
  return listValue(
    addresses.map((address) => pointerValue(target, address, size)),
    { kind: 'pointer', size, target },
  );
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
