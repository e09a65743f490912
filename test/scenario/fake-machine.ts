/** A machine of a few numbers, on which the language is tried without a kernel. Shares nothing with the simulator. */
import { Catalogue } from '../../debug-adapter/scenario/catalogue.ts';
import type { ScenarioEngine } from '../../debug-adapter/scenario/engine.ts';
import type { ScenarioMachine } from '../../debug-adapter/scenario/evaluation.ts';
import { parseScenario } from '../../debug-adapter/scenario/parse-scenario.ts';
import type { Stop } from '../../debug-adapter/scenario/scenario-run.ts';
import { ScenarioRun } from '../../debug-adapter/scenario/scenario-run.ts';
import { Fault } from '../../debug-adapter/simulator/fault.ts';
import type { OperationSpec, OperationValue, Step } from '../../debug-adapter/simulator/operation.ts';

/** What the machine is: a list of numbers. It can be compared and copied. */
type Cells = readonly bigint[];

/** What the operations do to the cells: the specs alone are for the catalogue. */
type Behaviour = (machine: FakeMachine, given: Readonly<Record<string, OperationValue>>) => Generator<Step, OperationValue>;

const step = (what: string, variables: Step['frames'][number]['variables'] = {}): Step => ({
  what,
  depth: 0,
  frames: [{ name: what, variables }],
});

const behaviours: Readonly<Record<string, Behaviour>> = {
  *push(machine, { value }) {
    yield step('grow', { value });
    machine.cells = [...machine.cells, 0n];
    yield step('store', { value });
    machine.cells = [...machine.cells.slice(0, -1), value as bigint];
    return BigInt(machine.cells.length - 1);
  },
  *pop(machine) {
    yield step('shrink');
    const last = machine.cells.at(-1);
    if (last === undefined) throw new Fault('bug', 'kernel BUG: nothing to pop');
    machine.cells = machine.cells.slice(0, -1);
    return last;
  },
  *peek(machine, { index }) {
    yield step('load');
    return machine.cells[Number(index)];
  },
  *describe(_, given) {
    yield step('describe');
    return { ...given };
  },
};

const noRun: OperationSpec['run'] = () => {
  throw new Error('the fake machine runs its own');
};

export const fakeOperations: readonly OperationSpec[] = [
  {
    name: 'push',
    parameters: [{ name: 'value', kind: 'number', documentation: 'What to store.' }],
    documentation: 'Appends a number.',
    returns: 'its index',
    run: noRun,
  },
  { name: 'pop', parameters: [], documentation: 'Takes the last number away.', returns: 'the number', run: noRun },
  {
    name: 'peek',
    parameters: [{ name: 'index', kind: 'count', default: 0n, documentation: 'Which.' }],
    documentation: 'A number.',
    returns: 'the number',
    run: noRun,
  },
  {
    name: 'describe',
    parameters: [
      { name: 'address', kind: 'address', documentation: 'An address.' },
      { name: 'flags', kind: 'flags', names: ['VM_RAM', 'VM_BLOCK', 'VM_MAP'], default: '', documentation: 'Flags.' },
      { name: 'prot', kind: 'text', names: ['PAGE_KERNEL', 'PAGE_READONLY'], default: 'PAGE_KERNEL', documentation: 'Rights.' },
      { name: 'span', kind: 'range', default: undefined, documentation: 'A range.' },
      { name: 'full', kind: 'switch', default: false, documentation: 'All of it.' },
      { name: 'task', kind: 'process', default: undefined, documentation: 'Whose.' },
    ],
    documentation: 'Gives back what it is given.',
    returns: 'a record',
    run: noRun,
  },
  {
    name: 'signal',
    parameters: [
      { name: 'task', kind: 'process', documentation: 'Whom.' },
      { name: 'note', kind: 'text', documentation: 'What.' },
    ],
    documentation: 'Needs a process.',
    returns: undefined,
    run: noRun,
  },
];

export class FakeMachine implements ScenarioMachine<Cells> {
  cells: Cells = [];

  start(operation: string, given: Readonly<Record<string, OperationValue>>): Generator<Step, OperationValue> {
    const behaviour = behaviours[operation] ?? behaviours['describe'];
    if (behaviour === undefined) throw new Error(operation);
    return behaviour(this, given);
  }

  snapshot(): Cells {
    return this.cells;
  }

  restore(snapshot: Cells): void {
    this.cells = snapshot;
  }
}

export const fakeCatalogue = new Catalogue(fakeOperations);

function fakeEngine(machine: FakeMachine): ScenarioEngine {
  return {
    vtop: (address) => ({ physical: address & 0xffffn, levels: [{ level: 'pgd' }, { level: 'pte', flags: ['PRESENT', 'RW'] }] }),
    identify: (address, process) => ({
      kind: 'cell',
      summary: `${address.toString()} of ${process?.toString() ?? 'the kernel'}`,
      details: [],
    }),
    read: (_, length) => '00'.repeat(length),
    ptdump: () => ['one', 'two'],
    vmallocinfo: () => [],
    check: () => [],
    vmcoreinfo: () => 'PAGESIZE=4096\nSYMBOL(_stext)=ffffffff81000000\nNUMBER(phys_base)=-4096\nOSRELEASE=6\n',
    pageOffsetMethods: () => [],
    search: () => [],
    evaluate: (expression) => `C: ${expression}`,
    diff: ({ before, after }) => {
      before();
      const one = machine.cells;
      after();
      return [`${one.length} → ${machine.cells.length}`];
    },
    changed: () => undefined,
  };
}

/** Parses a text that must be right, ready to run. */
export async function start(text: string): Promise<{ readonly run: ScenarioRun; readonly machine: FakeMachine }> {
  const { scenario, problems } = await parseScenario(text, fakeCatalogue);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  const machine = new FakeMachine();
  return { run: new ScenarioRun(scenario, { machine, engine: fakeEngine(machine), catalogue: fakeCatalogue }), machine };
}

/** What a scenario prints, and how it ends. */
export async function outcome(
  text: string,
): Promise<{ readonly output: readonly string[]; readonly stop: Stop; readonly machine: FakeMachine }> {
  const { run, machine } = await start(text);
  const stop = run.runToEnd({ mostStops: 100_000 });
  return { output: run.output, stop, machine };
}
