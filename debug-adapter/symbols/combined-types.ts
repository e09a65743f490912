/** The kernel's types and behind them those of its modules' split BTF, under one face. */
import type { EnumType, StructType, Type, TypeTable } from './types.ts';
import { parseTypeName } from './type-name.ts';

/** Look-ups by name give the kernel's type where it has one, else that of the first module that does. */
export class CombinedTypes implements TypeTable {
  readonly pointerSize: 4 | 8;
  readonly #tables: readonly TypeTable[];

  /** The kernel's table, and one for each module that has types. */
  constructor(kernel: TypeTable, modules: readonly TypeTable[]) {
    this.pointerSize = kernel.pointerSize;
    this.#tables = [kernel, ...modules];
  }

  get source(): string {
    const kernel = this.#tables[0]?.source ?? '';
    return this.#tables.length === 1 ? kernel : `${kernel}, and ${this.#tables.length - 1} modules`;
  }

  struct(name: string): StructType | undefined {
    return this.#first((table) => table.struct(name));
  }

  enum(name: string): EnumType | undefined {
    return this.#first((table) => table.enum(name));
  }

  typedef(name: string): Type | undefined {
    return this.#first((table) => table.typedef(name));
  }

  enumerator(name: string): bigint | undefined {
    return this.#first((table) => table.enumerator(name));
  }

  variable(name: string): Type | undefined {
    return this.#first((table) => table.variable(name));
  }

  parse(text: string): Type | undefined {
    return parseTypeName(text, this);
  }

  withPrefix(prefix: string, limit: number): readonly string[] {
    return [...new Set(this.#tables.flatMap((table) => table.withPrefix(prefix, limit)))].sort().slice(0, limit);
  }

  #first<Found>(look: (table: TypeTable) => Found | undefined): Found | undefined {
    for (const table of this.#tables) {
      const found = look(table);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
