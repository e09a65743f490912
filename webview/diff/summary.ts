/** What a comparison comes to, in words: what became dangerous first. */
import * as l10n from '@vscode/l10n';
import type { PtdumpChangeFacts, PtdumpChangeSide } from '../../debug-adapter/protocol/facts.ts';
import { isExecutable, isWritable, isWritableExecutable } from '../../debug-adapter/protocol/ptdump-words.ts';

/** Changes by kind. */
export interface Counts {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  readonly becameWritableExecutable: number;
}

/** Changes of frames alone are not seen in most architectures' texts. */
export function onlyFrame({ what }: PtdumpChangeFacts): boolean {
  return what.length === 1 && what[0] === 'frame';
}

/** Whether a change left memory writable and executable that was not before. */
export function becameDangerous({ before, after }: PtdumpChangeFacts): boolean {
  return isDangerous(after) && !isDangerous(before);
}

function isDangerous(side: PtdumpChangeSide | null): boolean {
  return side?.present === true && isWritableExecutable(side.attributes);
}

/** What a change does to rights, found once for all that is asked of it. */
interface Turn {
  readonly dangerous: boolean;
  /** 1: got the right, -1: lost it, 0: neither, or not mapped on both sides. */
  readonly write: number;
  readonly execute: number;
  readonly frameOnly: boolean;
}

function turnOf(change: PtdumpChangeFacts): Turn {
  const { before, after } = change;
  const both = before?.present === true && after?.present === true;
  const turned = (has: (attributes: readonly string[]) => boolean): number =>
    both ? Number(has(after.attributes)) - Number(has(before.attributes)) : 0;
  return {
    dangerous: becameDangerous(change),
    write: turned(isWritable),
    execute: turned(isExecutable),
    frameOnly: onlyFrame(change),
  };
}

/** Each kind of change of rights that occurs, as a sentence's part. */
const turns: readonly {
  readonly is: (turn: Turn) => boolean;
  readonly one: () => string;
  readonly many: (count: string) => string;
}[] = [
  {
    is: ({ dangerous }) => dangerous,
    one: () => l10n.t('1 region became writable and executable'),
    many: (count) => l10n.t('{0} regions became writable and executable', count),
  },
  {
    is: ({ dangerous, write }) => !dangerous && write === 1,
    one: () => l10n.t('1 became writable'),
    many: (count) => l10n.t('{0} became writable', count),
  },
  {
    is: ({ dangerous, execute }) => !dangerous && execute === 1,
    one: () => l10n.t('1 became executable'),
    many: (count) => l10n.t('{0} became executable', count),
  },
  {
    is: ({ write }) => write === -1,
    one: () => l10n.t('1 lost the right to write'),
    many: (count) => l10n.t('{0} lost the right to write', count),
  },
  {
    is: ({ execute }) => execute === -1,
    one: () => l10n.t('1 lost the right to execute'),
    many: (count) => l10n.t('{0} lost the right to execute', count),
  },
  {
    is: ({ frameOnly }) => frameOnly,
    one: () => l10n.t('1 differs only in the physical memory behind it'),
    many: (count) => l10n.t('{0} differ only in the physical memory behind them', count),
  },
];

/** Counts changes as they come, so that a hundred thousand of them can be counted between frames. */
export class Tally {
  readonly #kinds: Record<PtdumpChangeFacts['kind'], number> = { added: 0, removed: 0, changed: 0 };
  #dangerous = 0;
  /** Of each of `turns`. */
  readonly #turns = turns.map(() => 0);

  constructor(changes: readonly PtdumpChangeFacts[] = []) {
    for (const change of changes) this.add(change);
  }

  add(change: PtdumpChangeFacts): void {
    this.#kinds[change.kind]++;
    const turn = turnOf(change);
    if (turn.dangerous) this.#dangerous++;
    turns.forEach(({ is }, index) => {
      if (is(turn)) this.#turns[index] = (this.#turns[index] ?? 0) + 1;
    });
  }

  get counts(): Counts {
    return { ...this.#kinds, becameWritableExecutable: this.#dangerous };
  }

  get words(): string {
    const { added, removed, changed } = this.#kinds;
    if (added + removed + changed === 0) return l10n.t('The page tables do not differ.');
    const parts = turns.flatMap(({ one, many }, index) => {
      const count = this.#turns[index] ?? 0;
      return count === 0 ? [] : [count === 1 ? one() : many(count.toLocaleString('en'))];
    });
    const safe = this.#dangerous > 0 ? [] : [l10n.t('no region became writable and executable')];
    return [...parts, ...safe].join('; ');
  }
}

/** One change: `NX → x`, `RW PSE, frame 0x1000 → 0x2000`, `added RW NX pte`. */
export function changeWords({ kind, what, before, after }: PtdumpChangeFacts): string {
  if (before === null || kind === 'added') return l10n.t('added {0}', sideWords(after));
  if (after === null || kind === 'removed') return l10n.t('removed {0}', sideWords(before));
  const parts: string[] = [];
  const gone = before.attributes.filter((word) => !after.attributes.includes(word));
  const come = after.attributes.filter((word) => !before.attributes.includes(word));
  if (gone.length > 0 || come.length > 0) parts.push(`${gone.join(' ') || '–'} → ${come.join(' ') || '–'}`);
  if (before.level !== after.level) parts.push(`${before.level} → ${after.level}`);
  if (what.includes('frame')) parts.push(l10n.t('physical {0} → {1}', before.physical ?? '?', after.physical ?? '?'));
  return parts.join(', ');
}

function sideWords(side: PtdumpChangeSide | null): string {
  return side === null ? '' : [...side.attributes, side.level].join(' ');
}
