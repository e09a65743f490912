/** Sizes, times and shares as the overview says them. */
import * as l10n from '@vscode/l10n';
import { sizeText } from '../memory/numbers.ts';

/** A number of bytes in the unit that suits it. */
export function bytesText(bytes: number): string {
  return sizeText(BigInt(Math.round(bytes)));
}

/** `16.7 %`; what is there and too small for that is not called nothing. */
export function shareText(part: number, whole: number): string {
  const share = whole === 0 ? 0 : (100 * part) / whole;
  return share > 0 && share < 0.1 ? '< 0.1 %' : `${share.toFixed(1).replace('.0', '')} %`;
}

/** A whole number with its thousands apart. */
export function countText(count: number): string {
  return count.toLocaleString('en');
}

/** `2026-11-20 23:53:19 UTC`. A damaged clock may say what is no date. */
export function dateText(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return l10n.t('{0} seconds after 1970', seconds);
  return date.toISOString().replace('T', ' ').replace('.000Z', ' UTC');
}

/** `3 d 4 h 5 min 6 s`, from the largest unit that there is one of. */
export function durationText(seconds: number): string {
  const parts = [
    [l10n.t('{0} d', Math.floor(seconds / 86_400)), seconds >= 86_400],
    [l10n.t('{0} h', Math.floor(seconds / 3600) % 24), seconds >= 3600],
    [l10n.t('{0} min', Math.floor(seconds / 60) % 60), seconds >= 60],
    [l10n.t('{0} s', Math.floor(seconds) % 60), true],
  ] as const;
  return parts.flatMap(([text, there]) => (there ? [text] : [])).join(' ');
}
