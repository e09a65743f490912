/** Requests at random: most make sense for what the session has answered so far, some never do. */
import { handlers } from '../../debug-adapter/dap/handlers.ts';
import type { Dice } from '../builders/mutations.ts';

export interface RandomRequest {
  readonly command: string;
  readonly parameters: unknown;
}

type Choice = readonly [string, ...string[]];

const expressions: Choice = [
  'init_task.comm',
  '*init_task.mm',
  'list(&init_task.tasks, struct task_struct, tasks)',
  'sizeof(struct page)',
  '$rip',
  '1 +',
  'init_task.nothing',
  '((struct task_struct *)0)->pid',
  '*(int *)0xffffffffffffffff',
  'vtop(&init_task)',
];
const patterns: Choice = ['"Linux version"', '0xdeadbeef', 'hex:7f454c46', '"swapper"', 'nonsense:'];
const texts: Choice = ['', 'init_', '0xffff', '.', '$', '((((', '\u0000', 'e'.repeat(5000)];
const others: Choice = [...(Object.keys(handlers).filter((name) => name !== 'disconnect') as [string]), 'attach', '__proto__', ''];

/** Most of what one session's answers told that is remembered. */
const remembered = 500;

/** What a session has told of itself: what its client could ask about. */
export class Known {
  readonly #addresses: string[] = ['0x0', '0xffffffffffffffff', '0x7fffffffffff', '0x8000000000000000'];
  readonly #numbers: number[] = [1, 2, 3];

  learn(reply: unknown): void {
    const text = JSON.stringify(reply ?? null);
    for (const [address] of text.slice(0, 20_000).matchAll(/0x[0-9a-f]{5,16}/g))
      if (this.#addresses.length < remembered) this.#addresses.push(address);
    for (const [, number] of text.slice(0, 20_000).matchAll(/"(?:id|pid|variablesReference)":(\d+)/g))
      if (this.#numbers.length < remembered) this.#numbers.push(Number(number));
  }

  address(dice: Dice): string {
    return this.#addresses[dice.next(this.#addresses.length)] ?? '0x0';
  }

  /** A thread, a frame, a process or a handle: many of them are the wrong one. */
  number(dice: Dice): number {
    return this.#numbers[dice.next(this.#numbers.length)] ?? 1;
  }
}

type Maker = (dice: Dice, known: Known) => RandomRequest;

const asked =
  (command: string, parameters: (dice: Dice, known: Known) => object = () => ({})): Maker =>
  (dice, known) => ({
    command,
    parameters: parameters(dice, known),
  });

/** What clients ask all the time. */
const usual: readonly [Maker, ...Maker[]] = [
  asked('threads'),
  asked('stackTrace', (dice, known) => ({ threadId: known.number(dice), startFrame: dice.next(3), levels: dice.next(30) })),
  asked('scopes', (dice, known) => ({ frameId: known.number(dice) })),
  asked('variables', (dice, known) => ({ variablesReference: known.number(dice), start: dice.next(10), count: dice.next(100) })),
  asked('variables', (dice, known) => ({ variablesReference: known.number(dice) })),
  asked('evaluate', (dice) => ({ expression: dice.pick(expressions), context: 'watch' })),
  asked('evaluate', (dice, known) => ({ expression: known.address(dice), context: 'hover' })),
  asked('readMemory', (dice, known) => ({
    memoryReference: known.address(dice),
    offset: dice.next(8192) - 4096,
    count: dice.next(1 << 18),
  })),
  asked('disassemble', (dice, known) => ({
    memoryReference: known.address(dice),
    instructionOffset: dice.next(40) - 20,
    instructionCount: dice.next(80),
  })),
  asked('completions', (dice) => ({ text: dice.pick(texts), column: 1 + dice.next(8) })),
  asked('modules', (dice) => ({ startModule: dice.next(5), moduleCount: dice.next(20) })),
  asked('exceptionInfo', (dice, known) => ({ threadId: known.number(dice) })),
  asked('source', (dice, known) => ({ sourceReference: known.number(dice) })),
  asked('pagewalk/info'),
  asked('pagewalk/identify', (dice, known) => ({ addresses: [known.address(dice), known.address(dice)] })),
  asked('pagewalk/translate', (dice, known) => ({
    addresses: [known.address(dice)],
    mm: dice.next(4) === 0 ? String(known.number(dice)) : undefined,
  })),
  asked('pagewalk/explain', (dice, known) => ({ addresses: [known.address(dice), dice.pick(texts)] })),
  asked('pagewalk/tableEntries', (dice, known) => (dice.next(2) === 0 ? {} : { tableAddress: known.address(dice), level: 'pmd' })),
  asked('pagewalk/addressSpaces'),
  asked('pagewalk/listCount', (dice) => ({ list: dice.pick(['tasks', 'addressSpaces']) })),
  asked('pagewalk/searchPattern', (dice) => ({ pattern: dice.pick(texts) })),
  asked('pagewalk/memoryPages', (dice, known) => ({ address: known.address(dice), count: dice.next(8) })),
  asked('pagewalk/maps', (dice, known) => ({ pid: known.number(dice) })),
];

/** What takes long, or a thread; what moves a scenario; what a session is rarely told. */
const rare: readonly [Maker, ...Maker[]] = [
  asked('pagewalk/ptdump', (dice) => ({ start: dice.next(100), count: dice.next(1000) })),
  asked('pagewalk/ptdump', (dice, known) => ({ mm: String(known.number(dice)), count: 100 })),
  asked('pagewalk/vmallocAreas'),
  asked('pagewalk/tasks'),
  asked('pagewalk/log', (dice) => ({ levels: dice.next(2) === 0 })),
  asked('pagewalk/pagemapScan', (dice, known) => ({ pid: known.number(dice), start: known.address(dice), end: known.address(dice) })),
  asked('pagewalk/readAsKcore', (dice, known) => ({ address: known.address(dice), count: dice.next(1 << 16) })),
  asked('pagewalk/typeLayout', (dice) => ({ type: dice.pick(['struct page', 'task_struct', 'struct nothing']) })),
  asked('writeMemory', (dice, known) => ({ memoryReference: known.address(dice), data: 'AAECAwQFBgc=' })),
  asked('setBreakpoints', () => ({ source: { path: '/nowhere/a.kmm' }, breakpoints: [{ line: 3 }] })),
  asked('next', () => ({ threadId: 1 })),
  asked('stepIn', () => ({ threadId: 1 })),
  asked('stepBack', () => ({ threadId: 1 })),
  asked('pagewalk/snapshot'),
  asked('pagewalk/changes'),
  asked('launch', () => ({ image: '/nowhere/vmcore' })),
  asked('initialize', () => ({ adapterID: 'soak' })),
];

const jobs: readonly [Maker, ...Maker[]] = [
  asked('pagewalk/findings'),
  asked('pagewalk/pageCategories'),
  asked('pagewalk/reverseMap', (dice, known) => ({ physical: [known.address(dice)] })),
  asked('pagewalk/search', (dice) => ({ pattern: dice.pick(patterns), limit: 10 })),
  asked('pagewalk/ptdumpDiff', (dice) => ({ otherMm: String(dice.next(4)) })),
];

const oddValues: readonly [unknown, ...unknown[]] = [
  null,
  -1,
  1.5,
  1e300,
  '',
  'x',
  [],
  {},
  [null],
  true,
  '0x',
  { start: '0x0', end: '0x0' },
];
const oddNames: Choice = [
  'threadId',
  'variablesReference',
  'memoryReference',
  'addresses',
  'expression',
  'start',
  'count',
  'pid',
  'mm',
  'range',
  'image',
  'pattern',
];

const odd: Maker = (dice) => ({
  command: dice.pick(others),
  parameters:
    dice.next(4) === 0
      ? dice.pick(oddValues)
      : { [dice.pick(oddNames)]: dice.pick(oddValues), [dice.pick(oddNames)]: dice.pick(oddValues) },
});

export function randomRequest(dice: Dice, known: Known): RandomRequest {
  const kind = dice.next(1000);
  if (kind < 4) return dice.pick(jobs)(dice, known);
  if (kind < 80) return dice.pick(rare)(dice, known);
  if (kind < 250) return odd(dice, known);
  return dice.pick(usual)(dice, known);
}
