/** Finds the address in a line of text under a position. */

/** `0x…`; 16 bare digits as registers are printed; `symbol+0x1a/0x94` as backtraces have it. */
const pattern = /0x[0-9a-f]{4,16}\b|\b[0-9a-f]{16}\b|\b[A-Za-z_][\w.]*\+0x[0-9a-f]+\/0x[0-9a-f]+/gi;

/** An address in a line, as it is written there. */
export interface Token {
  readonly text: string;
  /** Columns [start, end) in the line. */
  readonly start: number;
  readonly end: number;
}

/** All of them, from left to right. */
export function tokensOf(line: string): Token[] {
  return Array.from(line.matchAll(pattern), (match) => ({ text: match[0], start: match.index, end: match.index + match[0].length }));
}

/** The address at a column of `line`, the place behind its last letter included; undefined where none stands there. */
export function tokenAt(line: string, column: number): Token | undefined {
  return tokensOf(line).find(({ start, end }) => column >= start && column <= end);
}

/** Whether a number of the text, with or without 0x, has more than 64 bits. */
export function isBeyond(text: string): boolean {
  return /\b(?:0x)?0*[1-9a-f][0-9a-f]{16}/i.test(text);
}

/** The address in the protocol's form; undefined for symbol+offset, which the adapter must evaluate, and beyond 64 bits. */
export function addressOfToken(text: string): string | undefined {
  const digits = /^(?:0x([0-9a-f]{1,16})|([0-9a-f]{16}))$/i.exec(text);
  return digits === null ? undefined : `0x${BigInt(`0x${digits[1] ?? digits[2] ?? ''}`).toString(16)}`;
}
