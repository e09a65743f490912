/** The bits of an address by what they are for: the sign, the index of each level, the byte in the page. */
import * as l10n from '@vscode/l10n';
import type { TranslationFacts } from '../../debug-adapter/protocol/facts.ts';

/** Bits of an address that serve one purpose. */
export interface BitField {
  /** Of a level, its number from the root on; else -1. */
  readonly level: number;
  readonly label: string;
  /** Highest and lowest bit. */
  readonly high: number;
  readonly low: number;
  /** Binary digits, the highest first. */
  readonly bits: string;
  readonly value: bigint;
}

/** From the highest bit to the lowest; together they are the whole address. */
export function bitFields(walk: TranslationFacts, addressBits: number): BitField[] {
  const address = BigInt(walk.virtual);
  const field = (label: string, high: number, place: { low: number; level: number }): BitField => {
    const { low, level } = place;
    const width = high - low + 1;
    const value = (address >> BigInt(low)) & ((1n << BigInt(width)) - 1n);
    return { level, label, high, low, value, bits: value.toString(2).padStart(width, '0') };
  };
  const found: BitField[] = [];
  let above = addressBits;
  walk.levels.forEach(({ level, shift, indexBits }, at) => {
    const high = Math.min(above, shift + indexBits) - 1;
    if (high + 1 < above) found.push(field(l10n.t('not translated'), above - 1, { low: high + 1, level: -1 }));
    if (high < shift) return;
    found.push(field(level, high, { low: shift, level: at }));
    above = shift;
  });
  if (above > 0)
    found.push(field(walk.physical === null ? l10n.t('not reached') : l10n.t('byte in the page'), above - 1, { low: 0, level: -1 }));
  return found;
}
