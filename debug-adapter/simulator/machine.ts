/**
 * A simulated machine: RAM in which a kernel's page tables and structures really stand, so that everything above physical
 * memory reads it as it reads a dump, and the operations that change it as the kernel would.
 */
import type { ByteSource } from '../base/host.ts';
import type { Image } from '../image/image.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { boot } from './boot.ts';
import type { Core } from './core.ts';
import { kcoreFile } from './kcore.ts';
import { piecesOf, vmcoreFile } from './elf-writer.ts';
import type { OperationSpec, OperationValue, Arguments } from './operation.ts';
import { operationList } from './operations.ts';
import type { MachineOptions } from './options.ts';
import type { Snapshot } from './ram.ts';

export type { Snapshot } from './ram.ts';
export type { MachineOptions } from './options.ts';
export { Fault } from './fault.ts';

/** Made by `create`. `snapshot` and `restore` cost what was written between; `image` reads as a dump's does. */
export class Machine {
  /** What operations work on. */
  readonly core: Core;
  /** Operations by name. */
  readonly operations: ReadonlyMap<string, OperationSpec>;

  private constructor(core: Core) {
    this.core = core;
    this.operations = new Map(operationList.map((operation) => [operation.name, operation]));
  }

  /** Builds a machine and boots its kernel. Throws `Fault` for options that no machine can have. */
  static create(options: MachineOptions = {}): Machine {
    return new Machine(boot(options));
  }

  /** RAM as it is now: bytes borrowed from it change with it. */
  get memory(): PhysicalMemory {
    return this.core.memory;
  }

  /** The machine as a dump would show it at this moment. Open a kernel on it anew after each change. */
  get image(): Image {
    return this.core.image();
  }

  /** The machine as an ELF vmcore, whose bytes are those of the moment at which they are read. */
  vmcore(name: string): ByteSource {
    const { core } = this;
    return vmcoreFile({ image: core.image(), architecture: core.platform.architecture, segments: core.segments() }, name);
  }

  /** The machine as it is now, as an ELF vmcore: the file's bytes in pieces, to be written one behind the other. */
  saveElf(): Generator<Uint8Array> {
    return piecesOf(this.vmcore('vmcore'));
  }

  /** /proc/kcore of the machine as a file, which shows the machine as it is at each read. */
  kcore(): ByteSource {
    return kcoreFile(this.core, '/proc/kcore');
  }

  /** Runs an operation to its end. Throws `Fault`, and `RangeError` for an operation that there is not. */
  run(name: string, given: Arguments = {}): OperationValue {
    const operation = this.operations.get(name);
    if (operation === undefined) throw new RangeError(`there is no operation ${name}`);
    const steps = operation.run(this, given);
    for (;;) {
      const next = steps.next();
      if (next.done === true) return next.value;
    }
  }

  /** The present state; cheap, whatever the size of RAM. */
  snapshot(): Snapshot {
    return this.core.memory.snapshot();
  }

  /** Gives up all states before `snapshot`, for their memory. */
  forgetBefore(snapshot: Snapshot): void {
    this.core.memory.forgetBefore(snapshot);
  }

  /** Where memory has, or had, other contents at `snapshot` than now: chunks by physical address (Ram.differences). */
  differences(snapshot: Snapshot): Map<number, Uint8Array> {
    return this.core.memory.differences(snapshot);
  }

  /** Goes to a state, back or forth; costs what lies between. An operation that is under way must not be resumed. */
  restore(snapshot: Snapshot): void {
    this.core.calls.length = 0;
    this.core.memory.restore(snapshot);
  }
}
