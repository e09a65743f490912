/**
 * The tables that drive the kernel's own page-table dump, read from the dump: the markers with their addresses in this
 * boot, and the columns of an entry with the words of this kernel. Their layout is asked of the types.
 */
import { limits } from '../../base/limits.ts';
import { addToAddress, formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { UserError } from '../../base/errors.ts';
import type { PtdumpMarker } from '../../pagetable/ptdump-lines.ts';
import type { PtdumpRow } from '../../pagetable/ptdump-rows.ts';
import type { Kernel } from '../kernel.ts';
import type { StructShape } from '../structs.ts';

/** Runs `read`; what cannot be read is a warning, and undefined. */
export function tryTable<Value>(kernel: Kernel, what: string, read: () => Value | undefined): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    kernel.warn(`the kernel's own ${what} cannot be read, and what Pagewalk knows of this architecture is used: ${error.message}`);
    return undefined;
  }
}

/** Shape of one of the structs `names`, where the kernel has it. */
export function shapeOf(kernel: Kernel, ...names: readonly string[]): StructShape | undefined {
  if (kernel.types === undefined) return undefined;
  const structs = kernel.structs('the page-table dump');
  return names.map((name) => structs.find(name)).find((shape) => shape !== undefined);
}

/** Markers at `table`, a list of struct addr_marker that ends where the name is NULL or the address all ones. */
export function markersAt(kernel: Kernel, table: Address): PtdumpMarker[] {
  const { memory } = kernel;
  const shape = shapeOf(kernel, 'addr_marker');
  const word = kernel.machine.pointerSize;
  // Without types: {address, name}, and on x86 the most lines behind them.
  const x86 = kernel.machine.architecture === 'x86-64' || kernel.machine.architecture === 'x86-32';
  const size = shape?.size ?? (x86 ? 3 : 2) * word;
  const addressAt = shape?.offset('start_address') ?? 0;
  const nameAt = shape?.offset('name') ?? word;
  const linesAt = shape === undefined ? (x86 ? 2 * word : undefined) : shape.has('max_lines') ? shape.offset('max_lines') : undefined;
  const end = (1n << BigInt(word * 8)) - 1n;
  const markers: PtdumpMarker[] = [];
  for (let index = 0; ; index++) {
    const at = addToAddress(table, index * size);
    const address = memory.pointer(addToAddress(at, addressAt));
    const name = memory.pointer(addToAddress(at, nameAt));
    if (address === end || name === 0n) break;
    if (index >= limits.ptdumpMarkers) {
      kernel.warn(`the table of page-table dump markers at ${formatAddress(table)} has more than ${index}; the others are left out`);
      break;
    }
    const maxLines = linesAt === undefined ? 0 : Number(memory.word(addToAddress(at, linesAt)));
    markers.push({ address, name: memory.cString(name, limits.nameBytes), maxLines });
  }
  return markers;
}

/** The filled-in one of the tables called `name` (powerpc has one for each MMU); undefined when there is none. */
export function markersNamed(kernel: Kernel, name: string): PtdumpMarker[] | undefined {
  const symbols = [name, `${name}.0`, `${name}.1`, `${name}.2`].flatMap((one) => kernel.symbols.findAll(one));
  for (const { address } of symbols) {
    const markers = tryTable(kernel, 'table of page-table dump markers', () => markersAt(kernel, address));
    if (markers === undefined || markers.length < 2) continue;
    if (markers.slice(1).every((marker, index) => marker.address !== 0n && marker.address >= (markers[index]?.address ?? 0n)))
      return markers;
  }
  return undefined;
}

function rowShape(kernel: Kernel): StructShape | undefined {
  return shapeOf(kernel, 'ptdump_prot_bits', 'prot_bits', 'flag_info');
}

/** Up to `count` rows at `table`; the table ends earlier where a row has no text. */
export function rowsAt(kernel: Kernel, table: Address, count: number): PtdumpRow[] | undefined {
  const shape = rowShape(kernel);
  if (shape === undefined) return undefined;
  const text = (row: Address, member: string): string | undefined => {
    const pointer = shape.pointer(row, member);
    return pointer === 0n ? undefined : kernel.memory.cString(pointer, limits.nameBytes);
  };
  const rows: PtdumpRow[] = [];
  for (let index = 0; index < count; index++) {
    const at = addToAddress(table, index * shape.size);
    const mask = shape.unsigned(at, 'mask');
    const set = text(at, 'set');
    // powerpc: some bits print as a number, shifted to the right. riscv has no values: any bit of a mask sets its row.
    const isValue = shape.has('is_val') && shape.number(at, 'is_val') !== 0;
    if (set === undefined || (mask === 0n && !isValue)) break;
    if (index >= limits.ptdumpColumns) {
      kernel.warn(`the table of page-table dump columns at ${formatAddress(table)} has more than ${index}; the others are left out`);
      break;
    }
    const value = shape.has('val') ? shape.unsigned(at, 'val') : 0n;
    const number = isValue ? (shape.has('shift') ? shape.number(at, 'shift') : 0) : undefined;
    rows.push({ mask, value, set, clear: text(at, 'clear'), number });
  }
  return rows.length === 0 ? undefined : rows;
}

/** The rows called `symbol`, as many as fit before the next symbol. */
export function rowsNamed(kernel: Kernel, symbol: string): PtdumpRow[] | undefined {
  const found = kernel.symbols.find(symbol);
  const shape = rowShape(kernel);
  if (found === undefined || shape === undefined) return undefined;
  const count = found.size > 0 ? Math.floor(found.size / shape.size) : Infinity;
  return tryTable(kernel, 'columns of the page-table dump', () => rowsAt(kernel, found.address, count));
}
