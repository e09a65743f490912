/** Arguments of operations, checked as they are taken. */
import { toAddress } from '../base/address.ts';
import type { Core } from './core.ts';
import { Fault } from './fault.ts';
import type { Arguments, OperationSpec, OperationValue, ParameterSpec } from './operation.ts';
import type { Steps } from './core.ts';

/**
 * The arguments of one call by their names. Each reader throws `Fault('argument')` in words, with the parameter's name, for a
 * value that its kind or range forbids.
 */
export class ArgumentReader {
  readonly given: Arguments;
  readonly #core: Core;
  readonly #operation: string;
  readonly #parameters: readonly ParameterSpec[];

  constructor(core: Core, of: { readonly operation: string; readonly parameters: readonly ParameterSpec[]; readonly given: Arguments }) {
    this.#core = core;
    this.#operation = of.operation;
    this.#parameters = of.parameters;
    const values: Record<string, OperationValue> = {};
    for (const { name, default: usual } of of.parameters) values[name] = of.given[name] ?? usual;
    for (const name of Object.keys(of.given)) {
      if (!of.parameters.some((one) => one.name === name)) throw this.#bad(`there is no argument ${name}`);
    }
    this.given = values;
  }

  /** Whether the argument was given. */
  has(name: string): boolean {
    return this.given[name] !== undefined;
  }

  /** Whether the argument was given as a number. */
  isNumber(name: string): boolean {
    return typeof this.given[name] === 'bigint';
  }

  /** A number of any size and sign. */
  bigint(name: string): bigint {
    const value = this.given[name];
    if (typeof value !== 'bigint') throw this.#bad(value === undefined ? `${name} is missing` : `${name} is no number`);
    return value;
  }

  /** A whole number from `least` to `most`. */
  number(name: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.bigint(name);
    if (value < BigInt(least) || value > BigInt(most)) throw this.#bad(`${name} is ${value}; it can be from ${least} to ${most}`);
    return Number(value);
  }

  /** Pages that a size in bytes takes. */
  pages(name: string): number {
    return Math.ceil(this.number(name, 1, 2 ** 47) / 4096);
  }

  /** An address as the machine takes it. */
  address(name: string): bigint {
    return BigInt.asUintN(this.#core.platform.pointerSize * 8, this.bigint(name));
  }

  /** The page number of an address. */
  page(name: string): number {
    return Number(this.address(name) >> 12n);
  }

  /** The page number of an address that is a multiple of a page. */
  wholePage(name: string): number {
    const address = this.address(name);
    if ((address & 0xfffn) !== 0n) throw this.#bad(`${name} is 0x${address.toString(16)}, which is no multiple of a page`);
    return Number(address >> 12n);
  }

  /** As `wholePage`, with a kernel's complaint of any other address. */
  pageOrComplaint(name: string, complaint: string): number {
    const address = this.address(name);
    if ((address & 0xfffn) !== 0n) throw new Fault('warning', `${complaint} (0x${address.toString(16)})`, { address: toAddress(address) });
    return Number(address >> 12n);
  }

  /** A text, and where the parameter names those that it can be, one of them. */
  text(name: string): string {
    const value = this.given[name];
    if (typeof value !== 'string') throw this.#bad(`${name} is no text`);
    const { names } = this.#parameters.find((one) => one.name === name) ?? {};
    if (names !== undefined && !names.includes(value)) throw this.#bad(`${name} is ${value}; it can be ${names.join(', ')}`);
    return value;
  }

  /** A truth value. */
  switch(name: string): boolean {
    const value = this.given[name];
    if (typeof value !== 'boolean') throw this.#bad(`${name} is neither true nor false`);
    return value;
  }

  /** Names combined with `|`, as bits by `table`. */
  flags(name: string, table: Readonly<Record<string, number>>): number {
    const value = this.given[name];
    if (typeof value === 'bigint') return Number(value);
    if (typeof value !== 'string') throw this.#bad(`${name} is no flags`);
    let bits = 0;
    for (const part of value.split('|').map((one) => one.trim())) {
      if (part === '' || part === '0') continue;
      const bit = table[part];
      if (bit === undefined) throw this.#bad(`${name} has ${part}; there are ${Object.keys(table).join(', ')}`);
      bits |= bit;
    }
    return bits;
  }

  /** `[start, end)` of a range given as two addresses, in page numbers. */
  range(name: string): { readonly page: number; readonly pages: number } {
    const value = this.given[name];
    const [start, end] = Array.isArray(value) ? (value as readonly OperationValue[]) : [];
    if (typeof start !== 'bigint' || typeof end !== 'bigint' || end < start) throw this.#bad(`${name} is no range of two addresses`);
    const page = Number(start >> 12n);
    return { page, pages: Math.ceil(Number(end) / 4096) - page };
  }

  #bad(what: string): Fault {
    return new Fault('argument', `${this.#operation}: ${what}`);
  }
}

/** An operation as its file writes it: steps that a debugger can stop between. */
export interface OperationDefinition extends Omit<OperationSpec, 'run'> {
  readonly steps: (core: Core, given: ArgumentReader) => Steps<OperationValue>;
}

/** What a kernel refuses, or fails at for want of memory: whatever it had begun is undone. */
const undone: ReadonlySet<Fault['kind']> = new Set(['out-of-memory', 'errno', 'warning', 'argument']);

/** An operation as the machine offers it: its arguments are checked before it begins, and what is refused leaves no trace. */
export function operation(definition: OperationDefinition): OperationSpec {
  const { steps, ...spec } = definition;
  return {
    ...spec,
    *run(machine, given) {
      const { core } = machine;
      const depth = core.calls.length;
      const start = core.memory.snapshot();
      try {
        return yield* steps(core, new ArgumentReader(core, { operation: spec.name, parameters: spec.parameters, given }));
      } catch (error) {
        if (error instanceof Fault && undone.has(error.kind)) core.memory.restore(start);
        throw error;
      } finally {
        core.calls.length = Math.min(core.calls.length, depth);
      }
    },
  };
}

/** A parameter without a default. */
export function parameter(name: string, kind: ParameterSpec['kind'], documentation: string): ParameterSpec {
  return { name, kind, documentation };
}

/** A parameter that may be left out. */
export function optional(
  of: { readonly name: string; readonly kind: ParameterSpec['kind']; readonly names?: readonly string[] },
  value: OperationValue,
  documentation: string,
): ParameterSpec {
  return { ...of, default: value, documentation };
}
