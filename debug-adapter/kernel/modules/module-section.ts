/** Sections of loaded modules, as /sys/module/NAME/sections tells them (kernel/module/sysfs.c: struct module_sect_attrs). */
import { limits } from '../../base/limits.ts';
import { addToAddress, formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import type { Module, ModuleMemory } from './module.ts';
import type { Structs, StructShape } from '../structs.ts';

interface ModuleSection {
  /** As in the module's file: `.text`, `.data..read_mostly`… */
  readonly name: string;
  readonly start: Address;
}

/** Name of the section that holds `address`, which lies in `part` of the module; undefined where the kernel does not tell. */
export function moduleSection(
  kernel: Kernel,
  at: { readonly module: Module; readonly part: ModuleMemory },
  address: Address,
): string | undefined {
  let found: ModuleSection | undefined;
  for (const section of sectionsOf(kernel, at.module.address)) {
    const { start } = section;
    if (start > address || start < at.part.start) continue;
    if (found === undefined || start >= found.start) found = section;
  }
  return found?.name;
}

function sectionsOf(kernel: Kernel, module: Address): readonly ModuleSection[] {
  const known = kernel.once(sectionsByModule);
  let found = known.get(module);
  if (found === undefined) {
    found = optionalRead(() => readSections(kernel, module)) ?? [];
    known.set(module, found);
  }
  return found;
}

function sectionsByModule(_kernel: Kernel): Map<Address, readonly ModuleSection[]> {
  return new Map();
}

function readSections(kernel: Kernel, module: Address): ModuleSection[] {
  const structs = kernel.structs('the sections of a module');
  const shape = structs.get('module');
  const list = structs.find('module_sect_attrs');
  if (!shape.has('sect_attrs') || list?.has('attrs') !== true) return [];
  const entry = entryOf(structs);
  const at = shape.pointer(module, 'sect_attrs');
  if (at === 0n || entry === undefined) return [];
  // Since 6.14 the array ends with an entry without a name.
  const count = list.has('nsections') ? list.number(at, 'nsections') : Infinity;
  const sections: ModuleSection[] = [];
  for (let index = 0; index < count; index++) {
    if (index >= limits.moduleSections) {
      kernel.warn(`the module at ${formatAddress(module)} has more than ${limits.moduleSections} sections; the others are not looked at`);
      break;
    }
    const one = addToAddress(list.address(at, 'attrs'), index * entry.shape.size);
    const name = entry.shape.pointer(one, entry.name);
    if (name === 0n) break;
    sections.push({ name: kernel.memory.cString(name, limits.nameBytes), start: entry.shape.pointer(one, entry.address) });
  }
  return sections;
}

/** One section's attribute: of its own struct, or since 6.14 a plain bin_attribute that points to the section. */
function entryOf(structs: Structs): { readonly shape: StructShape; readonly name: string; readonly address: string } | undefined {
  const own = structs.find('module_sect_attr');
  const name = ['battr.attr.name', 'name', 'mattr.attr.name'].find((path) => own?.has(path));
  if (own !== undefined && name !== undefined) return { shape: own, name, address: 'address' };
  const plain = structs.find('bin_attribute');
  return plain?.has('attr.name') === true ? { shape: plain, name: 'attr.name', address: 'private' } : undefined;
}
