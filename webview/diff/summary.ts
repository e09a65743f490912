/** What a comparison comes to, in words: what became dangerous first. */
import * as l10n from '@vscode/l10n';
import type { PtdumpChangeFacts, PtdumpChangeSide } from '../../debug-adapter/protocol/facts.ts';
import { isExecutable, isWritable, isWritableExecutable } from '../../debug-adapter/protocol/ptdump-words.ts';

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

export function countsOf(changes: readonly PtdumpChangeFacts[]): Counts {
  const of = (kind: PtdumpChangeFacts['kind']): number => changes.filter((change) => change.kind === kind).length;
  return {
    added: of('added'),
    removed: of('removed'),
    changed: of('changed'),
    becameWritableExecutable: changes.filter(becameDangerous).length,
  };
}

/** Each kind of change of rights that occurs, as a sentence's part. */
const turns: readonly {
  readonly is: (change: PtdumpChangeFacts) => boolean;
  readonly one: () => string;
  readonly many: (count: string) => string;
}[] = [
  {
    is: becameDangerous,
    one: () => l10n.t('1 region became writable and executable'),
    many: (count) => l10n.t('{0} regions became writable and executable', count),
  },
  {
    is: (change) => !becameDangerous(change) && turned(change, isWritable) === 1,
    one: () => l10n.t('1 became writable'),
    many: (count) => l10n.t('{0} became writable', count),
  },
  {
    is: (change) => !becameDangerous(change) && turned(change, isExecutable) === 1,
    one: () => l10n.t('1 became executable'),
    many: (count) => l10n.t('{0} became executable', count),
  },
  {
    is: (change) => turned(change, isWritable) === -1,
    one: () => l10n.t('1 lost the right to write'),
    many: (count) => l10n.t('{0} lost the right to write', count),
  },
  {
    is: (change) => turned(change, isExecutable) === -1,
    one: () => l10n.t('1 lost the right to execute'),
    many: (count) => l10n.t('{0} lost the right to execute', count),
  },
  {
    is: onlyFrame,
    one: () => l10n.t('1 differs only in the physical memory behind it'),
    many: (count) => l10n.t('{0} differ only in the physical memory behind them', count),
  },
];

/** 1: got a right, -1: lost it, 0: neither, or not mapped on both sides. */
function turned({ before, after }: PtdumpChangeFacts, has: (attributes: readonly string[]) => boolean): number {
  if (before === null || after === null || !before.present || !after.present) return 0;
  return Number(has(after.attributes)) - Number(has(before.attributes));
}

export function summary(changes: readonly PtdumpChangeFacts[]): string {
  if (changes.length === 0) return l10n.t('The page tables do not differ.');
  const parts = turns.flatMap(({ is, one, many }) => {
    const count = changes.filter(is).length;
    return count === 0 ? [] : [count === 1 ? one() : many(count.toLocaleString('en'))];
  });
  const safe = changes.some(becameDangerous) ? [] : [l10n.t('no region became writable and executable')];
  return [...parts, ...safe].join('; ');
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
