/** The call that is being written at the end of a text: its syntax tree is not there yet. */

export interface UnfinishedCall {
  readonly operation: string;
  /** Arguments before the one at the end. */
  readonly index: number;
  /** Its name, where it has been written. */
  readonly parameter: string | undefined;
  /** Names of the arguments before. */
  readonly named: readonly string[];
}

/** Characters that are looked at: a call does not span more. */
const longest = 4096;

/** The innermost call whose parenthesis is open where `text` ends. */
export function unfinishedCall(text: string): UnfinishedCall | undefined {
  const near = text.slice(-longest).replace(/"(?:[^"\\{}\r\n]|\\.)*"/g, (one) => '_'.repeat(one.length));
  let depth = 0;
  const commas: number[] = [];
  for (let at = near.length - 1; at >= 0; at--) {
    const letter = near[at];
    if (letter === ')' || letter === ']') depth++;
    else if (letter === '[') depth--;
    else if (letter === ',' && depth === 0) commas.unshift(at);
    else if ((letter === '{' || letter === '}' || letter === ';') && depth === 0) return undefined;
    else if (letter === '(' && depth-- === 0) return callAt(near, at, commas);
  }
  return undefined;
}

function callAt(text: string, open: number, commas: readonly number[]): UnfinishedCall | undefined {
  const operation = /([A-Za-z_]\w*)\s*$/.exec(text.slice(0, open))?.[1];
  if (operation === undefined) return undefined;
  const starts = [open, ...commas];
  const names = starts.map((start, index) => /^\s*([A-Za-z_]\w*)\s*:/.exec(text.slice(start + 1, starts[index + 1]))?.[1]);
  return { operation, index: commas.length, parameter: names.at(-1), named: names.slice(0, -1).filter((name) => name !== undefined) };
}
