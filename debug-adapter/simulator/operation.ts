/**
 * What a scenario may ask of a simulated machine: operations named like the kernel's, described as data, so that the
 * language's checks, completion and documentation, and the debugger's frames, come from one place.
 */
import type { Machine } from './machine.ts';

/** What an argument is, for checks, completion and how it is shown. */
export type ParameterKind = 'address' | 'size' | 'count' | 'number' | 'flags' | 'text' | 'process' | 'range' | 'switch';

/** A parameter of an operation, with what editors say of it. */
export interface ParameterSpec {
  readonly name: string;
  readonly kind: ParameterKind;
  /** Without one the argument must be given. */
  readonly default?: OperationValue;
  /** Names that a `flags` argument may combine, or a `text` argument may be. */
  readonly names?: readonly string[];
  /** One sentence, with the unit. */
  readonly documentation: string;
}

/** A value that operations take and give. A process is its PID; `undefined` is what vfree() gives. */
export type OperationValue =
  bigint | string | boolean | readonly OperationValue[] | { readonly [name: string]: OperationValue } | undefined;

/** Values by the parameters' names. */
export type Arguments = Readonly<Record<string, OperationValue>>;

/** Something that a simulated machine can do, with what editors say of it. */
export interface OperationSpec {
  /** The kernel's own name where it has one: `vmalloc`, `vm_map_ram`, `mmap`. */
  readonly name: string;
  readonly parameters: readonly ParameterSpec[];
  /** What it does, in a few sentences, with the kernel function that it follows. */
  readonly documentation: string;
  /** What it gives, in words; undefined for nothing. */
  readonly returns: string | undefined;
  /**
   * Runs on the machine. Yields before each step that a debugger can stop at; `yield*` of another operation's steps is a call
   * into it. Throws `Fault` for what the kernel would stop at or complain of; the machine's state is then as the kernel's
   * would be.
   */
  run(machine: Machine, given: Arguments): Generator<Step, OperationValue>;
}

/** One step of an operation. */
export interface Step {
  /** In words, e.g. `write pte entry for 0xffffc90000001000`. */
  readonly what: string;
  /** Depth in the operation's own calls: 0 is the operation itself. */
  readonly depth: number;
  /** Function names of the calls that are open, outermost first, with their arguments as they are shown. */
  readonly frames: readonly { readonly name: string; readonly variables: Arguments }[];
}
