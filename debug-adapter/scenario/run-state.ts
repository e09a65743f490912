/** All that a run changes besides its machine. Never changed in place: a state that was kept stays what it was. */
import type { OperationValue } from '../simulator/operation.ts';

/** A loop that is under way. */
export interface Loop {
  readonly value: (index: number) => OperationValue;
  readonly count: number;
  /** Values taken. */
  readonly taken: number;
  readonly outer: Loop | undefined;
}

/** The last line that a run printed, in a list that goes back to the first. */
export interface Printed {
  readonly text: string;
  /** The line of its statement, counted from 0. */
  readonly line: number;
  readonly before: Printed | undefined;
  /** With this one. */
  readonly count: number;
}

/** All that a run is at a statement beside its machine; never changed, so that history can keep it. */
export interface RunState {
  /** Number of the instruction that is next. */
  readonly at: number;
  readonly variables: ReadonlyMap<string, OperationValue>;
  /** Snapshots of the machine by name. */
  readonly snapshots: ReadonlyMap<string, unknown>;
  readonly loops: Loop | undefined;
  /** Processes of the `as` blocks around. */
  readonly processes: { readonly pid: bigint; readonly outer: RunState['processes'] } | undefined;
  readonly printed: Printed | undefined;
}

/** Before the first statement. */
export const firstState: RunState = {
  at: 0,
  variables: new Map(),
  snapshots: new Map(),
  loops: undefined,
  processes: undefined,
  printed: undefined,
};
