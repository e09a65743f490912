/**
 * Every line that real kernels printed, read into a region and printed again from it: no byte is lost. A file's words stand
 * in columns; the columns are learned from the file, and each word must have one.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { PtdumpRegion } from '../../debug-adapter/pagetable/ptdump-diff.ts';
import { parsePtdump } from '../../debug-adapter/pagetable/ptdump-parse.ts';
import { absent, dumpFolder, truthText } from '../support/dumps.ts';

const machines = [
  ...['x86-64', 'x86-64-efi', 'x86-64-kasan', 'i386-pae-pti', 'arm64-4k', 'arm64-64k'],
  ...['riscv64-sv48', 's390x', 'ppc64le'],
];

/** In the largest unit that divides it, as every kernel prints it. */
function sizeText(pages: number): string {
  let size = BigInt(pages) * 4n;
  let unit = 0;
  while (size % 1024n === 0n && unit < 5) {
    size /= 1024n;
    unit++;
  }
  return `${size}${'KMGTPE'[unit] ?? ''}`;
}

/** Every kernel prints sizes with `%9lu%c`: a longer one moves what stands behind it. */
const sizeWidth = 10;

/** The words of a line in their order, each with the column of its first character. */
class Columns {
  readonly #digits: number;
  /** powerpc prints the last address within. */
  readonly #inclusive: boolean;
  readonly #columns = new Map<string, number>();
  /** riscv prints `.` or `..` where a flag is not set. */
  readonly #blanks = new Map<number, string>();
  #length = 0;

  constructor(of: { digits: number; inclusive: boolean }) {
    this.#digits = of.digits;
    this.#inclusive = of.inclusive;
  }

  learn(line: string, region: PtdumpRegion): void {
    let from = 0;
    let moved = 0;
    for (const [name, word] of this.#words(region)) {
      const at = line.indexOf(word, from);
      assert.ok(at >= 0, `${word} is not behind column ${from} of: ${line}`);
      from = at + word.length;
      const column = at - moved;
      if (name === 'size') moved = word.length - sizeWidth;
      assert.equal(this.#columns.get(name) ?? column, column, `${word} has two columns; one in: ${line}`);
      this.#columns.set(name, column);
    }
    for (const { 0: word, index } of line.matchAll(/(?<= )\.{1,2}(?= |$)/g)) this.#blanks.set(index, word);
    if (line.endsWith(' ')) this.#length = line.length;
  }

  print(region: PtdumpRegion): string {
    const line: string[] = [];
    const put = (at: number, word: string): void => {
      for (let index = 0; index < word.length; index++) {
        assert.equal(line[at + index] ?? ' ', ' ', `two words meet in ${JSON.stringify(region)}`);
        line[at + index] = word[index] ?? '';
      }
    };
    let moved = 0;
    for (const [name, word] of this.#words(region)) {
      put((this.#columns.get(name) ?? assert.fail(name)) + moved, word);
      if (name === 'size') moved = word.length - sizeWidth;
    }
    for (const [at, word] of this.#blanks) if (line[at] === undefined) put(at, word);
    return Array.from({ length: Math.max(line.length, this.#length) }, (_, index) => line[index] ?? ' ').join('');
  }

  #words({ start, end, level, attributes, firstFrame }: PtdumpRegion): [string, string][] {
    const address = (value: bigint): string =>
      `0x${BigInt.asUintN(this.#digits * 4, value)
        .toString(16)
        .padStart(this.#digits, '0')}`;
    const last = (BigInt(end) << 12n) - (this.#inclusive ? 1n : 0n);
    const words: [string, string][] = [['range', `${address(BigInt(start) << 12n)}-${address(last)}`]];
    if (firstFrame !== undefined) words.push(['physical', address(BigInt(firstFrame) << 12n)]);
    words.push(['size', sizeText(end - start).padStart(sizeWidth)]);
    const named = attributes.map((word): [string, string] => [word, word]);
    // x86 tells the level last, in lower case; every level has the same column.
    const ofLevel: [string, string][] = level === '' ? [] : [['level', level]];
    return [...words, ...(level === level.toLowerCase() ? [...named, ...ofLevel] : [...ofLevel, ...named])];
  }
}

for (const name of machines) {
  describe(name, { skip: absent(name) ?? false }, () => {
    const folder = dumpFolder(name);
    const files = folder === undefined ? [] : readdirSync(join(folder, 'truth')).filter((file) => file.startsWith('ptdump-'));
    for (const file of files) {
      test(file, () => {
        const text = truthText(name, file);
        const { regions, addressBits } = parsePtdump(text, file);
        const lines = text.split('\n').filter((line) => line.startsWith('0x'));
        const others = text.split('\n').filter((line) => line !== '' && !line.startsWith('0x'));
        for (const line of others) assert.match(line, /^---\[ .* \]---$|^\.\.\. \d+ entr(?:y|ies) skipped \.\.\. $/);
        assert.equal(regions.length, lines.length);
        assert.ok(regions.length > 10);
        const columns = new Columns({ digits: addressBits / 4, inclusive: name === 'ppc64le' });
        regions.forEach((region, index) => {
          columns.learn(lines[index] ?? '', region);
        });
        assert.deepEqual(
          regions.map((region) => columns.print(region)),
          lines,
        );
      });
    }
  });
}
