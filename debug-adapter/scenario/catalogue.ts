/** What a scenario can call, and the flags that it can name: what checks, completion and documentation look into. */
import type { OperationSpec } from '../simulator/operation.ts';
import { engineFunctions } from './engine-functions.ts';
import type { CallableParameter, EngineFunction } from './engine-functions.ts';

/** What a scenario may call by name: an operation of the machine, or a function of the engine. */
export interface Callable {
  readonly name: string;
  readonly parameters: readonly CallableParameter[];
  readonly documentation: string;
  readonly returns: string | undefined;
  /** Absent for an operation of the machine. */
  readonly call?: EngineFunction['call'];
}

/** Names of flags that the engine's answers have and no operation takes. */
const entryFlags = ['PRESENT', 'RW', 'USER', 'PWT', 'PCD', 'ACCESSED', 'DIRTY', 'PSE', 'GLOBAL', 'NX', 'SOFT_DIRTY', 'UFFD_WP'] as const;

/** Operations of the machine and functions of the engine under one roof, as they are called. */
export class Catalogue {
  /** By name; an operation stands before a function of the same name. */
  readonly callables: ReadonlyMap<string, Callable>;
  /** Flags by name, with the calls that take them. */
  readonly flags: ReadonlyMap<string, readonly string[]>;

  constructor(operations: Iterable<OperationSpec>) {
    const callables = new Map<string, Callable>(engineFunctions.map((one) => [one.name, one]));
    const flags = new Map<string, string[]>(entryFlags.map((name) => [name, ['pte']]));
    for (const operation of operations) callables.set(operation.name, operation);
    for (const { name: taker, parameters } of callables.values()) {
      for (const flag of new Set(parameters.flatMap(({ kind, names = [] }) => (kind === 'flags' ? names : [])))) {
        flags.set(flag, [...(flags.get(flag) ?? []), taker]);
      }
    }
    this.callables = callables;
    this.flags = flags;
  }

  /** The operation or function of this name; undefined where there is none. */
  find(name: string): Callable | undefined {
    return this.callables.get(name);
  }
}

/** `vmalloc(size, node: 0)`: a call as documentation shows it. */
export function signatureOf({ name, parameters, returns }: Callable): string {
  const inside = parameters.map((one) => (hasDefault(one) ? `${one.name}?: ${one.kind}` : `${one.name}: ${one.kind}`)).join(', ');
  return `${name}(${inside})${returns === undefined ? '' : ` → ${returns}`}`;
}

/** Whether the parameter may be left out because a value stands in for it, be it `undefined`. */
export function hasDefault(parameter: CallableParameter): boolean {
  return Object.hasOwn(parameter, 'default');
}

/** Whether a call may leave an argument out: it has a default, or is the process of the `as` around the call. */
export function mayBeLeftOut(parameter: CallableParameter, insideAs: boolean): boolean {
  return hasDefault(parameter) || (insideAs && parameter.kind === 'process');
}

/** Parameters in the order in which arguments without a name are for them: in an `as` block its process is not among them. */
export function parametersByPlace({ parameters }: Callable, insideAs: boolean): readonly CallableParameter[] {
  return insideAs ? parameters.filter(({ kind }) => kind !== 'process') : parameters;
}
