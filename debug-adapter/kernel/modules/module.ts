/** Loaded modules (include/linux/module.h): names, memory, and their symbols behind the kernel's. */
import { addToAddress, formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { CombinedSymbols } from '../../symbols/combined-symbols.ts';
import { openModuleSymbols } from '../../symbols/module-symbols.ts';
import { SymbolList } from '../../symbols/symbol-list.ts';
import type { TypeTable } from '../../symbols/types.ts';
import type { Kernel } from '../kernel.ts';
import { walkList } from '../containers/list.ts';
import { moduleList } from './module-list.ts';
import type { StructShape } from '../structs.ts';

/** A contiguous piece of a module's memory, [start, end). */
export interface ModuleMemory {
  /** The kernel's name without `MOD_`, in lower case: `text`, `data`, `rodata`, `ro_after_init`, `init_text`…; `core`, `init` before 6.4. */
  readonly kind: string;
  readonly start: Address;
  readonly end: Address;
}

/** A loaded module; `address` is that of its struct module. */
export interface Module {
  readonly address: Address;
  readonly name: string;
  /** Non-empty parts only. */
  readonly memory: readonly ModuleMemory[];
}

/** enum mod_mem_type (6.4+), for kernels whose types do not name it. */
const memoryKinds = ['text', 'data', 'rodata', 'ro_after_init', 'init_text', 'init_data', 'init_rodata'];

/** No module area is larger, in bytes. */
const largestPart = 2n ** 31n;

/**
 * Read once, newest first, at most `limits.modules`; empty without types. A list that breaks ends there, with a
 * warning.
 */
export function modules(kernel: Kernel): readonly Module[] {
  return kernel.once(readModules);
}

/** The module and the part of it that hold `address`. */
export function findModule(kernel: Kernel, address: Address): { module: Module; part: ModuleMemory } | undefined {
  for (const module of modules(kernel)) {
    const part = module.memory.find(({ start, end }) => address >= start && address < end);
    if (part !== undefined) return { module, part };
  }
  return undefined;
}

/** The kernel's symbols and those of every module. */
export function allSymbols(kernel: Kernel): CombinedSymbols {
  kernel.once(addModuleSymbols);
  return kernel.symbols;
}

function addModuleSymbols(kernel: Kernel): true {
  const { types } = kernel;
  if (types === undefined) return true;
  for (const module of modules(kernel)) kernel.symbols.addModule(() => moduleSymbols(kernel, types, module), module.memory);
  return true;
}

function moduleSymbols(kernel: Kernel, types: TypeTable, module: Module): SymbolList {
  try {
    return openModuleSymbols(kernel.memory, types, module);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    kernel.warn(`module ${module.name}: its symbols cannot be read: ${error.reason}`);
    return new SymbolList(`module ${module.name}`, []);
  }
}

function readModules(kernel: Kernel): Module[] {
  const shape = kernel.types === undefined ? undefined : kernel.structs('listing the modules').find('module');
  if (shape?.has('list') !== true) return [];
  const head = moduleList(kernel, shape, (address) => isModule(kernel, shape, address));
  if (head === undefined) return [];
  const found: Module[] = [];
  const objects = walkList(kernel.memory, head, shape.offset('list'), (message) => {
    kernel.warn(`modules: ${message}; modules behind it are missing`);
  });
  for (const address of objects) {
    if (found.length >= limits.modules) {
      kernel.warn(`modules: there are more than ${limits.modules}; the others are missing`);
      break;
    }
    try {
      found.push({ address, name: shape.text(address, 'name'), memory: readMemory(shape, address) });
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      kernel.warn(`the module at ${formatAddress(address)} cannot be read: ${error.reason}`);
    }
  }
  return found;
}

/** `__this_module` is part of the module's own memory, which module_alloc() gave in whole pages; and has a name. */
function isModule(kernel: Kernel, shape: StructShape, address: Address): boolean {
  const memory = readMemory(shape, address);
  return (
    memory.every(({ start, end }) => start % BigInt(kernel.pageSize) === 0n && end - start <= largestPart) &&
    memory.some(({ start, end }) => address >= start && address < end) &&
    /^[\w-]+$/.test(shape.text(address, 'name'))
  );
}

function readMemory(shape: StructShape, module: Address): ModuleMemory[] {
  const parts: ModuleMemory[] = [];
  const add = (kind: string, base: string, size: string): void => {
    const start = shape.pointer(module, base);
    const bytes = shape.unsigned(module, size);
    if (start !== 0n && bytes !== 0n) parts.push({ kind, start, end: addToAddress(start, bytes) });
  };
  if (shape.has('mem')) {
    const count = shape.arrayLength('mem');
    for (let index = 0; index < count; index++) {
      add(memoryKinds[index] ?? `part ${index}`, `mem[${index}].base`, `mem[${index}].size`);
    }
  } else if (shape.has('core_layout')) {
    add('core', 'core_layout.base', 'core_layout.size');
    add('init', 'init_layout.base', 'init_layout.size');
  } else {
    add('core', 'module_core', 'core_size');
    add('init', 'module_init', 'init_size');
  }
  return parts;
}
