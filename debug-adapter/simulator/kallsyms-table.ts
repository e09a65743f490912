/** The kernel's symbol table as scripts/kallsyms.c of 6.4 and later lays it out. */
export interface KernelName {
  readonly name: string;
  /** As nm prints it: T, t, D, d, B, b, R, r, A. */
  readonly type: string;
  readonly address: bigint;
}

/** The tables that kernel/kallsyms.c reads names from, one behind the other. */
export interface KallsymsBytes {
  readonly bytes: Uint8Array;
  /** Byte offsets of the parts. */
  readonly offsets: Readonly<Record<KallsymsPart, number>>;
}

/** Symbols at which the parts of the tables begin. */
export type KallsymsPart =
  | 'kallsyms_num_syms'
  | 'kallsyms_names'
  | 'kallsyms_markers'
  | 'kallsyms_token_table'
  | 'kallsyms_token_index'
  | 'kallsyms_offsets'
  | 'kallsyms_relative_base'
  | 'kallsyms_seqs_of_names';

const tokens = 256;
const perMarker = 256;
const longLength = 0x80;

/**
 * Encodes symbols that ascend by address. `relativeBase`: the first that is no per-CPU offset; with `absolutePerCpu` those below
 * it keep their values, and the others stand as -1 less their distance (CONFIG_KALLSYMS_ABSOLUTE_PERCPU).
 */
export function encodeKallsyms(
  symbols: readonly KernelName[],
  shape: { readonly pointerSize: 4 | 8; readonly relativeBase: bigint; readonly absolutePerCpu: boolean },
): KallsymsBytes {
  const { pointerSize, relativeBase, absolutePerCpu } = shape;
  const texts = symbols.map(({ type, name }) => `${type}${name}`);
  const table = chooseTokens(texts);
  const codes = new Map(table.map((token, code) => [token, code]));
  const names: number[] = [];
  const markers: number[] = [];
  texts.forEach((text, index) => {
    if (index % perMarker === 0) markers.push(names.length);
    const compressed = compress(text, codes);
    if (compressed.length < longLength) names.push(compressed.length);
    else names.push((compressed.length & 0x7f) | longLength, compressed.length >> 7);
    names.push(...compressed);
  });
  const offsets: Record<KallsymsPart, number> = {
    kallsyms_num_syms: 0,
    kallsyms_names: 0,
    kallsyms_markers: 0,
    kallsyms_token_table: 0,
    kallsyms_token_index: 0,
    kallsyms_offsets: 0,
    kallsyms_relative_base: 0,
    kallsyms_seqs_of_names: 0,
  };
  const bytes: number[] = [];
  const begin = (part: KallsymsPart): void => {
    while (bytes.length % pointerSize !== 0) bytes.push(0);
    offsets[part] = bytes.length;
  };
  const push = (value: bigint, size: number): void => {
    for (let index = 0; index < size; index++) bytes.push(Number((value >> BigInt(8 * index)) & 0xffn));
  };
  begin('kallsyms_num_syms');
  push(BigInt(symbols.length), 4);
  begin('kallsyms_names');
  for (const byte of names) bytes.push(byte);
  begin('kallsyms_markers');
  for (const marker of markers) push(BigInt(marker), 4);
  begin('kallsyms_token_table');
  const starts: number[] = [];
  const first = bytes.length;
  for (const token of table) {
    starts.push(bytes.length - first);
    for (let index = 0; index < token.length; index++) bytes.push(token.charCodeAt(index));
    bytes.push(0);
  }
  begin('kallsyms_token_index');
  for (const start of starts) push(BigInt(start), 2);
  begin('kallsyms_offsets');
  for (const { address } of symbols) {
    const value = !absolutePerCpu ? address - relativeBase : address < relativeBase ? address : -1n - (address - relativeBase);
    push(BigInt.asUintN(32, value), 4);
  }
  begin('kallsyms_relative_base');
  push(relativeBase, pointerSize);
  begin('kallsyms_seqs_of_names');
  const order = symbols.map((_, index) => index).sort((a, b) => compareNames(symbols, a, b));
  for (const index of order) bytes.push((index >> 16) & 0xff, (index >> 8) & 0xff, index & 0xff);
  return { bytes: Uint8Array.from(bytes), offsets };
}

function compareNames(symbols: readonly KernelName[], a: number, b: number): number {
  const left = symbols[a]?.name ?? '';
  const right = symbols[b]?.name ?? '';
  return left < right ? -1 : left > right ? 1 : a - b;
}

/** Letters that occur stand for themselves; the commonest pairs take the codes that are left. */
function chooseTokens(texts: readonly string[]): string[] {
  const used = new Set<number>(Array.from({ length: 10 }, (_, digit) => 48 + digit));
  const pairs = new Map<string, number>();
  for (const text of texts) {
    for (let index = 0; index < text.length; index++) {
      used.add(text.charCodeAt(index));
      const pair = text.slice(index, index + 2);
      if (pair.length === 2) pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    }
  }
  const common = [...pairs].sort(([a, first], [b, second]) => second - first || (a < b ? -1 : 1)).map(([pair]) => pair);
  return Array.from({ length: tokens }, (_, code) =>
    used.has(code) ? String.fromCharCode(code) : (common.shift() ?? `_${code.toString(16)}`),
  );
}

function compress(text: string, codes: ReadonlyMap<string, number>): number[] {
  const found: number[] = [];
  for (let index = 0; index < text.length;) {
    const pair = codes.get(text.slice(index, index + 2));
    if (pair !== undefined && index + 1 < text.length) {
      found.push(pair);
      index += 2;
    } else {
      found.push(codes.get(text.charAt(index)) ?? 0);
      index++;
    }
  }
  return found;
}
