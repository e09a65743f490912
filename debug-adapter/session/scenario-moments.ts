/** Moments of a run: states of its machine that can be compared with now, and what differs. */
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PartialFrame, PhysicalMemory } from '../memory/physical-memory.ts';
import type { MomentFacts } from '../protocol/scenario.ts';
import type { Machine, Snapshot } from '../simulator/machine.ts';

const start = 'start';
const lastStop = 'last stop';

/** The start, the last stop, the scenario's snapshots and those that a user keeps, by unique names. */
export class Moments {
  readonly #machine: Machine;
  readonly #snapshots: () => ReadonlyMap<string, unknown>;
  readonly #kept = new Map<string, Snapshot>();
  readonly #start: Snapshot;
  #before: Snapshot | undefined;
  #here: Snapshot;

  /** `snapshots`: those that the scenario has taken, by name. The machine is at its start. */
  constructor(machine: Machine, snapshots: () => ReadonlyMap<string, unknown>) {
    this.#machine = machine;
    this.#snapshots = snapshots;
    this.#start = machine.snapshot();
    this.#here = this.#start;
  }

  /** The run has stopped: what was here is the stop before. */
  stopped(): void {
    this.#before = this.#here;
    this.#here = this.#machine.snapshot();
  }

  /** Nothing that the machine's memory was before this stop is told as changed. */
  get all(): readonly MomentFacts[] {
    return [
      { name: start, kind: 'start' },
      ...(this.#before === undefined ? [] : [{ name: lastStop, kind: 'stop' } as const]),
      ...[...this.#snapshots().keys()].map((name) => ({ name, kind: 'snapshot' }) as const),
      ...[...this.#kept.keys()].map((name) => ({ name, kind: 'kept' }) as const),
    ];
  }

  /** The name of the moment that changes are told from by default; undefined before the second stop. */
  get previous(): string | undefined {
    return this.#before === undefined ? undefined : lastStop;
  }

  /** Throws `UserError` for a name that is taken. */
  keep(name: string): void {
    const trimmed = name.trim();
    if (trimmed === '') throw errors.badArgument('a moment needs a name');
    if (this.all.some((moment) => moment.name === trimmed && moment.kind !== 'kept'))
      throw errors.badArgument(`there is a moment ${trimmed} already; choose another name`);
    if (this.#kept.size >= limits.keptMoments) throw errors.limit(`at most ${limits.keptMoments} moments are kept`);
    this.#kept.set(trimmed, this.#machine.snapshot());
  }

  /** Where memory had other contents at a moment than now: pieces by physical address, ascending. Throws `UserError`. */
  differences(name: string): ReadonlyMap<number, Uint8Array> {
    const snapshot = this.#snapshot(name);
    try {
      return this.#machine.differences(snapshot);
    } catch (error) {
      if (error instanceof RangeError) throw errors.badArgument(`the moment ${name} is too long ago: it is no longer kept`);
      throw error;
    }
  }

  /** Memory as it was at a moment; valid until the machine changes. Throws `UserError`. */
  memoryAt(name: string): PhysicalMemory {
    return new MomentMemory(this.#machine.memory, this.differences(name));
  }

  #snapshot(name: string): Snapshot {
    const own = name === start ? this.#start : name === lastStop ? this.#before : undefined;
    const found = own ?? this.#kept.get(name) ?? (this.#snapshots().get(name) as Snapshot | undefined);
    if (found !== undefined) return found;
    throw errors.badArgument(`there is no moment ${name}; there are ${this.all.map((moment) => moment.name).join(', ')}`);
  }
}

/** The present memory with what was otherwise put back. */
class MomentMemory implements PhysicalMemory {
  readonly ranges: PhysicalMemory['ranges'];
  readonly #now: PhysicalMemory;
  readonly #pieces = new Map<number, { readonly at: number; readonly bytes: Uint8Array }[]>();
  readonly #frames = new Map<number, Uint8Array>();

  constructor(now: PhysicalMemory, pieces: ReadonlyMap<number, Uint8Array>) {
    this.ranges = now.ranges;
    this.#now = now;
    for (const [address, bytes] of pieces) {
      const frame = Math.floor(address / frameSize);
      const known = this.#pieces.get(frame);
      const piece = { at: address % frameSize, bytes };
      if (known === undefined) this.#pieces.set(frame, [piece]);
      else known.push(piece);
    }
  }

  frame(frameNumber: number): Uint8Array | undefined {
    const pieces = this.#pieces.get(frameNumber);
    if (pieces === undefined) return this.#now.frame(frameNumber);
    let frame = this.#frames.get(frameNumber);
    if (frame === undefined) {
      frame = this.#now.frame(frameNumber)?.slice();
      if (frame === undefined) return undefined;
      for (const { at, bytes } of pieces) frame.set(bytes, at);
      this.#frames.set(frameNumber, frame);
    }
    return frame;
  }

  partialFrame(frameNumber: number): PartialFrame {
    return this.#now.partialFrame(frameNumber);
  }
}
