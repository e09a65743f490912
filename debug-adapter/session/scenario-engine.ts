/** What a scenario asks about its machine, answered by a session on the machine's memory: as of any dump. */
import type { Address } from '../base/address.ts';
import { neverCancelled } from '../base/cancellation.ts';
import { evaluate } from '../expression/evaluate.ts';
import { structureText } from '../expression/structure-text.ts';
import { numberOf } from '../expression/value.ts';
import { openKernel } from '../kernel/opening/open-kernel.ts';
import type { ScenarioEngine, ScenarioSpace } from '../scenario/engine.ts';
import type { Machine } from '../simulator/machine.ts';
import type { OperationValue } from '../simulator/operation.ts';
import { stripType } from '../symbols/type-layout.ts';
import { KeptFrames } from './kept-frames.ts';
import { ptdumpDiffFacts } from './ptdump-diff-facts.ts';
import { sessionSource } from './ptdump-source.ts';
import type { PtdumpSource } from './ptdump-source.ts';
import { Session } from './session.ts';

/** A simulated kernel tells all of itself. */
const noOutsideSources = { symbols: undefined, types: undefined };

/** Answers from a session that is opened anew on the machine's memory after it has `changed`. */
export class MachineEngine implements ScenarioEngine {
  readonly #machine: Machine;
  #session: Session | undefined;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** A session on the machine as it is now. */
  get session(): Session {
    const { image } = this.#machine;
    this.#session ??= new Session(image, openKernel(image, noOutsideSources));
    return this.#session;
  }

  changed(): void {
    this.#session = undefined;
  }

  vtop(address: Address, space: ScenarioSpace): OperationValue {
    const { physical, pageSize, reason, levels } = this.session.translate(address, spaceOf(space));
    return {
      physical: physical === null ? undefined : BigInt(physical),
      pageSize: BigInt(pageSize),
      reason: reason ?? undefined,
      levels: levels.map(({ level, tableAddress, index, entryAddress, entry, flags, leaf }) => ({
        level,
        tableAddress: BigInt(tableAddress),
        index: BigInt(index),
        entryAddress: BigInt(entryAddress),
        entry: BigInt(entry),
        flags: [...flags],
        leaf,
      })),
    };
  }

  identify(address: Address, space: ScenarioSpace): OperationValue {
    const { kind, summary, details } = this.session.identify(address, spaceOf(space));
    return { kind, summary, details: details.map((detail) => valueOf(detail)) };
  }

  read(address: Address, length: number, space: ScenarioSpace): string {
    const { bytes, holes } = this.session.readVirtual(address, length, spaceOf(space));
    const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
    for (const hole of holes) digits.fill('??', hole.offset, hole.offset + hole.length);
    return digits.join('');
  }

  ptdump(space: ScenarioSpace, user = false): readonly string[] {
    return this.session.ptdumpLines({ mm: spaceOf(space), user }).map(({ text }) => text);
  }

  vmallocinfo(): readonly string[] {
    return linesOf(this.session.vmallocinfoText());
  }

  check(): readonly string[] {
    return this.session.findings({ token: neverCancelled }).findings.map(({ message }) => message);
  }

  vmcoreinfo(): string {
    return this.session.vmcoreinfoText();
  }

  pageOffsetMethods(): OperationValue {
    return this.session.info().pageOffsetMethods.map((method) => valueOf(method));
  }

  search(pattern: string, space: ScenarioSpace, limit: number): OperationValue {
    const { hits } = this.session.search({ pattern, mm: spaceOf(space), limit }, { token: neverCancelled });
    return hits.map((hit) => valueOf(hit));
  }

  evaluate(expression: string, space: ScenarioSpace): OperationValue {
    const context = this.session.expressions(spaceOf(space), {});
    const { value, style } = evaluate(expression, context);
    const { kind } = stripType(value.type);
    if (style === undefined && ['integer', 'pointer', 'enum'].includes(kind)) return numberOf(value, context.memory);
    return structureText(value, context, style);
  }

  diff(moments: { readonly before: () => void; readonly after: () => void }, space: ScenarioSpace): OperationValue {
    const mm = spaceOf(space);
    const keep = (go: () => void): PtdumpSource => {
      go();
      const { image } = this.#machine;
      const memory = new KeptFrames(image.memory);
      const kept = { ...image, memory };
      const source = sessionSource(new Session(kept, openKernel(kept, noOutsideSources)));
      const regions = source.regions({ mm });
      memory.end();
      return { ...source, regions: () => regions };
    };
    const before = keep(moments.before);
    const after = keep(moments.after);
    const { changes } = ptdumpDiffFacts({ source: before, mm }, { source: after, mm }, {});
    return changes.map((change) => {
      const side = (one: (typeof change)['before']): string =>
        one === null ? '' : ` ${one.level} ${one.attributes.join(' ')}${one.physical === null ? '' : ` at ${one.physical}`}`;
      const arrow = change.kind === 'changed' ? ' →' : '';
      const detail = `${side(change.before)}${arrow}${side(change.after)}`;
      return `${change.kind} ${change.start}-${change.end}${detail}`;
    });
  }
}

function spaceOf(space: ScenarioSpace): string | undefined {
  return space?.toString();
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** JSON facts as values of the language: addresses become numbers. */
function valueOf(fact: unknown): OperationValue {
  if (typeof fact === 'string') return /^0x[0-9a-f]+$/.test(fact) ? BigInt(fact) : fact;
  if (typeof fact === 'number') return Number.isSafeInteger(fact) ? BigInt(fact) : String(fact);
  if (typeof fact === 'bigint') return fact;
  if (typeof fact === 'boolean') return fact;
  if (Array.isArray(fact)) return fact.map((one: unknown) => valueOf(one));
  if (typeof fact !== 'object' || fact === null) return undefined;
  return Object.fromEntries(Object.entries(fact).map(([name, one]) => [name, valueOf(one)]));
}
