/** Split BTF of loaded modules (kernel/bpf/btf.c: btf_modules, struct btf_module and struct btf). */
import { formatAddress } from '../../base/address.ts';
import { UserError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { BtfTable, openBtf } from '../../symbols/btf.ts';
import { CombinedTypes } from '../../symbols/combined-types.ts';
import type { TypeTable } from '../../symbols/types.ts';
import type { Kernel } from '../kernel.ts';
import { walkList } from '../containers/list.ts';

/** The kernel's types with those of its modules; the kernel's alone where modules have none. */
export function allTypes(kernel: Kernel): TypeTable | undefined {
  return kernel.once(combine);
}

function combine(kernel: Kernel): TypeTable | undefined {
  const { types } = kernel;
  if (types === undefined || !(types instanceof BtfTable)) return types;
  const tables = readModuleTables(kernel, types);
  return tables.length === 0 ? types : new CombinedTypes(types, tables);
}

function readModuleTables(kernel: Kernel, base: BtfTable): BtfTable[] {
  const structs = kernel.structs('the types of modules');
  const head = kernel.addressOf('btf_modules');
  const entry = structs.find('btf_module');
  const btf = structs.find('btf');
  if (head === undefined || entry === undefined || btf === undefined) return [];
  const tables: BtfTable[] = [];
  const problem = (message: string): void => {
    kernel.warn(`types of modules: ${message}`);
  };
  for (const address of walkList(kernel.memory, head, entry.offset('list'), problem)) {
    if (tables.length >= limits.modules) {
      problem(`there are more than ${limits.modules} modules; those of the others are missing`);
      break;
    }
    try {
      const table = entry.pointer(address, 'btf');
      const size = btf.number(table, 'data_size');
      if (size > limits.readBytes) continue;
      const bytes = kernel.memory.bytes(btf.pointer(table, 'data'), size);
      const name = btf.has('name') ? btf.text(table, 'name') : '';
      tables.push(
        openBtf(bytes, { littleEndian: base.littleEndian, pointerSize: base.pointerSize, source: `BTF of module ${name}`, base }),
      );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problem(`the btf_module at ${formatAddress(address)} cannot be used: ${error.message}`);
    }
  }
  return tables;
}
