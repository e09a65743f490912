/** The picker of address spaces: of a machine with very many, what is typed is asked for. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { loadedModule } from './loaded.ts';

interface Item {
  readonly label: string;
}

class QuickPick {
  items: readonly Item[] = [];
  selectedItems: readonly Item[] = [];
  busy = false;
  shown = false;
  title = '';
  #type: (text: string) => void = () => undefined;
  #accept: () => void = () => undefined;
  #hide: () => void = () => undefined;
  onDidChangeValue(listener: (text: string) => void): void {
    this.#type = listener;
  }
  onDidAccept(listener: () => void): void {
    this.#accept = listener;
  }
  onDidHide(listener: () => void): void {
    this.#hide = listener;
  }
  show(): void {
    this.shown = true;
  }
  hide(): void {
    this.#hide();
  }
  dispose(): void {
    this.shown = false;
  }
  type(text: string): void {
    this.#type(text);
  }
  take(label: string): void {
    this.selectedItems = this.items.filter((item) => item.label === label);
    this.#accept();
  }
  get labels(): string[] {
    return this.items.map(({ label }) => label);
  }
}

interface Asked {
  readonly start?: number;
  readonly count: number;
  readonly filter?: string;
}
interface Answer {
  readonly spaces: readonly { readonly id: string; readonly label: string }[];
  readonly more: boolean;
}
type PickSpace = (ask: (asked: Asked) => Promise<Answer>, choice: object) => Promise<Item | undefined>;

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the picker of address spaces', () => {
  let pickSpace: PickSpace;
  let pick: QuickPick;
  before(async () => {
    const window = { createQuickPick: () => (pick = new QuickPick()) };
    ({ pickSpace } = (await loadedModule('extension/space-picker.ts', { window })) as unknown as { pickSpace: PickSpace });
  });
  const choice = { title: 'Space', below: [{ label: 'Other' }], itemsOf: ({ label }: Item) => [{ label }] };
  const open = async (ask: (asked: Asked) => Promise<Answer>): Promise<Promise<Item | undefined>[]> => {
    const picked = pickSpace(ask, choice);
    await settled();
    return [picked];
  };
  const all = Array.from({ length: 5000 }, (_, at) => ({ id: String(at), label: `${at} task` }));
  const find = ({ start = 0, count, filter = '' }: Asked): Answer => {
    const fitting = all.filter(({ label }) => label.includes(filter));
    return { spaces: fitting.slice(start, start + count), more: fitting.length > start + count };
  };

  test('lists the first, asks for what is typed, and gives what is taken', async () => {
    const asked: Asked[] = [];
    const [picked] = await open((part) => {
      asked.push(part);
      return Promise.resolve(find(part));
    });
    assert.deepEqual([pick.shown, pick.items.length, pick.labels.at(-1)], [true, 1001, 'Other']);
    pick.type('4321');
    await settled();
    assert.deepEqual([pick.labels, pick.busy], [['4321 task', 'Other'], false]);
    assert.ok(asked.every(({ count }) => count <= 1000));
    pick.take('4321 task');
    assert.deepEqual(await picked, { label: '4321 task' });
    assert.equal(pick.shown, false);
  });

  test('an answer that comes late does not stand for what was typed since; a refusal is said, and the list stays', async () => {
    const waiting = new Map<string, (answer: Answer) => void>();
    const [picked] = await open((part) => {
      if (part.filter === undefined) return Promise.resolve(find(part));
      if (part.filter === 'bad') return Promise.reject(new Error('no list'));
      return new Promise((resolve) => waiting.set(part.filter ?? '', resolve));
    });
    pick.type('12');
    pick.type('123');
    waiting.get('123')?.(find({ count: 1000, filter: '123 ' }));
    await settled();
    const shown = pick.labels;
    waiting.get('12')?.(find({ count: 1000, filter: '12 ' }));
    await settled();
    assert.deepEqual(pick.labels, shown);
    pick.type('bad');
    await settled();
    assert.deepEqual([pick.labels, pick.title, pick.busy], [shown, 'Space: no list', false]);
    pick.hide();
    assert.equal(await picked, undefined);
  });

  test('a list that is there as a whole is asked for once', async () => {
    let asked = 0;
    const [picked] = await open(() => {
      asked++;
      return Promise.resolve({ spaces: all.slice(0, 3), more: false });
    });
    pick.type('2');
    await settled();
    assert.equal(asked, 1);
    pick.hide();
    assert.equal(await picked, undefined);
  });
});
