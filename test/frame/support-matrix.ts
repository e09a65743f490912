/**
 * docs/SUPPORT.md, made from the code: paging modes are asked what they map, and what exists for an architecture is read
 * from the places where the code chooses by architecture. Which tests hold it is read from what the tests import.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import ts from 'typescript';

import { arc } from '../../debug-adapter/arch/arc.ts';
import { arm64Mode } from '../../debug-adapter/arch/arm64.ts';
import { armLpae, armShort } from '../../debug-adapter/arch/arm.ts';
import { loongarch64 } from '../../debug-adapter/arch/loongarch64.ts';
import { mips64 } from '../../debug-adapter/arch/mips64.ts';
import { entryKind } from '../../debug-adapter/arch/paging-mode.ts';
import type { PagingMode } from '../../debug-adapter/arch/paging-mode.ts';
import { powerpcRadixMode } from '../../debug-adapter/arch/powerpc-radix.ts';
import { riscvMode } from '../../debug-adapter/arch/riscv.ts';
import { s390Mode } from '../../debug-adapter/arch/s390.ts';
import { sparc64 } from '../../debug-adapter/arch/sparc64.ts';
import { x86Pae, x86TwoLevel } from '../../debug-adapter/arch/x86-32.ts';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { debian, smallMachines } from '../support/processes.ts';

const root = resolve(import.meta.dirname, '../..');

const pageOffset = 0xc000_0000n;
const arm64Shapes = [
  { pageShift: 12, virtualBits: 39, wideAddresses: 'none' },
  { pageShift: 12, virtualBits: 48, wideAddresses: 'none' },
  { pageShift: 12, virtualBits: 52, wideAddresses: 'lpa2' },
  { pageShift: 14, virtualBits: 36, wideAddresses: 'none' },
  { pageShift: 14, virtualBits: 47, wideAddresses: 'none' },
  { pageShift: 14, virtualBits: 48, wideAddresses: 'none' },
  { pageShift: 14, virtualBits: 52, wideAddresses: 'lpa2' },
  { pageShift: 16, virtualBits: 42, wideAddresses: 'lpa' },
  { pageShift: 16, virtualBits: 48, wideAddresses: 'lpa' },
  { pageShift: 16, virtualBits: 52, wideAddresses: 'lpa' },
] as const;

/** One mode for each that an architecture has; sizes of physical addresses and the like do not make another. */
const modes: readonly { readonly file: string; readonly modes: readonly PagingMode[] }[] = [
  { file: 'x86-64', modes: ([4, 5] as const).map((levels) => x8664Mode({ levels, encryptionMask: 0n })) },
  { file: 'x86-32', modes: [x86Pae({ pageOffset }), x86TwoLevel({ pageOffset })] },
  { file: 'arm64', modes: arm64Shapes.map((shape) => arm64Mode({ ...shape, memoryTypes: [], protNoneBit: () => 11 as const })) },
  { file: 'riscv', modes: ([39, 48, 57] as const).map((virtualBits) => riscvMode({ virtualBits, thead: false })) },
  { file: 's390', modes: ([0, 1, 2, 3] as const).map((type) => s390Mode(type)) },
  { file: 'powerpc-radix', modes: ([12, 16] as const).map((pageShift) => powerpcRadixMode(pageShift)) },
  { file: 'arm', modes: [armShort({ pageOffset }), armLpae({ pageOffset })] },
  {
    file: 'mips64',
    modes: ([12, 13, 14, 15, 16] as const).map((pageShift) => mips64({ pageShift, littleEndian: true })),
  },
  {
    file: 'loongarch64',
    modes: (
      [
        [12, 4],
        [14, 3],
        [16, 2],
      ] as const
    ).map(([pageShift, levels]) => loongarch64({ pageShift, levels })),
  },
  { file: 'sparc64', modes: (['sun4u', 'sun4v'] as const).map((tte) => sparc64({ tte })) },
  { file: 'arc', modes: ([12, 13, 14] as const).map((pageShift) => arc({ pageShift })) },
];

/** Entries to try: bits 62 and 63 make a leaf on powerpc and sparc, single bits from 12 on on arm and mips; sparc's sizes stand in bits 56 to 63. */
function* entriesToTry(isWide: boolean): Generator<readonly [low: number, high: number]> {
  const highs = isWide ? [0, 0x4000_0000, 0x8000_0000, 0xc000_0000].map((high) => high | 0) : [0];
  for (let low = 0; low < 0x1000; low++) {
    for (const high of highs) {
      yield [low, high];
      for (let bit = 12; bit < 20; bit++) yield [low | (1 << bit), high];
    }
  }
  if (isWide) for (let high = 0; high < 256; high++) for (let low = 0; low < 16; low++) yield [low, high << 24];
}

/** log2 of every page size that an entry of the mode can map. */
function pageSizes(mode: PagingMode): readonly number[] {
  const found = new Set<number>();
  mode.levels.forEach(({ entrySize }, level) => {
    for (const [low, high] of entriesToTry(entrySize === 8)) {
      if (mode.kind(level, low, high) === entryKind.leaf) found.add(mode.leafShift(level, low, high));
    }
  });
  return [...found].sort((a, b) => a - b);
}

function sizeText(shift: number): string {
  const unit = Math.floor(shift / 10);
  return `${2 ** (shift % 10)}${['', 'K', 'M', 'G', 'T', 'P'][unit] ?? ''}`;
}

function parsed(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.Latest, true);
}

function nodesOf(node: ts.Node): readonly ts.Node[] {
  const found: ts.Node[] = [];
  const visit = (each: ts.Node): void => {
    found.push(each);
    ts.forEachChild(each, visit);
  };
  visit(node);
  return found;
}

/** What a function's switch names for each label: identifiers that match, of the clause that the label leads to. */
function chosen(path: string, functionName: string, wanted: RegExp): ReadonlyMap<string, readonly string[]> {
  const nodes = nodesOf(parsed(path));
  const body = nodes.find((node) => ts.isFunctionDeclaration(node) && node.name?.text === functionName);
  const choice = body === undefined ? undefined : nodesOf(body).find(ts.isSwitchStatement);
  if (choice === undefined) throw new Error(`${path}: ${functionName} has no switch`);
  const found = new Map<string, readonly string[]>();
  let labels: string[] = [];
  for (const clause of choice.caseBlock.clauses) {
    labels.push(ts.isCaseClause(clause) && ts.isStringLiteral(clause.expression) ? clause.expression.text : 'default');
    if (clause.statements.length === 0) continue;
    const names = clause.statements.flatMap((statement) =>
      nodesOf(statement)
        .filter(ts.isIdentifier)
        .map(({ text }) => text),
    );
    for (const label of labels) found.set(label, [...new Set(names.filter((name) => wanted.test(name)))]);
    labels = [];
  }
  return found;
}

/** Keys of a table in the code. */
function keysOf(path: string, variable: string): readonly string[] {
  const declaration = nodesOf(parsed(path)).find((node) => ts.isVariableDeclaration(node) && node.name.getText() === variable);
  const literal = declaration === undefined ? undefined : nodesOf(declaration).find(ts.isObjectLiteralExpression);
  if (literal === undefined) throw new Error(`${path} has no table ${variable}`);
  return literal.properties.flatMap(({ name }) => (name === undefined ? [] : [name.getText().replaceAll("'", '')]));
}

const testFiles = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts'))
  .sort();
const testTexts = new Map(testFiles.map((path) => [path, readFileSync(join(root, 'test', path), 'utf8')]));

/** Tests whose text says that they use something. */
function testsThat(use: (text: string, path: string) => boolean): string {
  const found = testFiles.filter((path) => use(testTexts.get(path) ?? '', path));
  return found.length === 0 ? '–' : found.map((path) => `[${path.replace('.test.ts', '')}](../test/${path})`).join(', ');
}

/** First sentence of a file's header. */
function headerOf(path: string): string {
  const text = /^\/\*\*([\s\S]*?)\*\//.exec(readFileSync(join(root, path), 'utf8'))?.[1] ?? '';
  const plain = text.replace(/\n \* ?/g, ' ').trim();
  return (/^.*?\.(?= [A-Z(]|$)/s.exec(plain)?.[0] ?? plain).replaceAll('|', '\\|');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}

function architectures(): string {
  const texts = chosen('debug-adapter/session/ptdump-text.ts', 'dump', /^ptdump[A-Z0-9]\w*$/);
  const stacks = chosen('debug-adapter/kernel/stacks/stack.ts', 'unwinderOf', /Unwinder$/);
  const layouts = chosen('debug-adapter/kernel/layout/layout.ts', 'findLayout', /^(?:layout|regions)[A-Z]/);
  const pagemaps = chosen('debug-adapter/kernel/pagemap/pagemap-bits.ts', 'entryBits', /Bits$|^ofMasks$/);
  const instructions = chosen('debug-adapter/session/disassembly.ts', 'instructionSetOf', /./);
  const roots = keysOf('debug-adapter/kernel/opening/open-kernel.ts', 'rootFinders');
  const generic = { ptdumpFlags: 'flags by name' } as Readonly<Record<string, string>>;
  const named = (found: readonly string[] | undefined, suffix: RegExp): string =>
    (found ?? []).map((name) => name.replace(suffix, '').toLowerCase()).join(', ');
  const names = [...texts.keys()].filter((name) => name !== 'default');
  return table(
    ['architecture', 'dumps', 'layout', 'ptdump text', 'pagemap', 'stacks', 'instructions'],
    names.map((name) => {
      const text = (texts.get(name) ?? []).filter((each) => each !== 'ptdumpColumns');
      return [
        name,
        roots.includes(name) ? 'yes' : 'no',
        layouts.has(name) ? 'yes' : 'image and vmalloc space',
        text.map((each) => generic[each] ?? "the kernel's").join(', '),
        pagemaps.has(name) ? 'yes' : 'no',
        named(stacks.get(name) ?? stacks.get('default'), /Unwinder$/),
        instructions.has(name) ? 'yes' : 'bytes',
      ];
    }),
  );
}

function pagingModes(): string {
  return table(
    ['paging mode', 'levels, root first, with index bits', 'page sizes'],
    modes.flatMap(({ modes: ofFile }) =>
      ofFile.map((mode) => [
        mode.name,
        mode.levels.map(({ name, indexBits }) => `${name} ${indexBits}`).join(', '),
        pageSizes(mode).map(sizeText).join(', '),
      ]),
    ),
  );
}

function testsOfModes(): string {
  return table(
    ['entries', 'held by'],
    modes.map(({ file }) => [
      `[${file}](../debug-adapter/arch/${file}.ts)`,
      testsThat((text, path) => !path.startsWith('fuzz/') && text.includes(`/arch/${file}.ts'`)),
    ]),
  );
}

/** Tests named after a format, or with its builder; else those of image files that mention it. */
function testsOfFormat(name: string): string {
  const named = testsThat(
    (text, path) => path.startsWith('image/') && (path.includes(`/${name}`) || text.includes(`/builders/${name}.ts'`)),
  );
  const word = new RegExp(`\\b${name}\\b`, 'i');
  return named === '–' ? testsThat((text, path) => path.startsWith('image/') && word.test(text)) : named;
}

function formats(): string {
  const folder = 'debug-adapter/image';
  const opens = /^export function (?:open[A-Z]|unflatten|join|kcoreParts)/m;
  const files = readdirSync(join(root, folder)).filter(
    (name) => name !== 'open-image.ts' && opens.test(readFileSync(join(root, folder, name), 'utf8')),
  );
  return table(
    ['format', 'what it is', 'held by'],
    files.sort().map((file) => {
      const name = file.replace('.ts', '');
      return [`[${name}](../${folder}/${file})`, headerOf(`${folder}/${file}`), testsOfFormat(name)];
    }),
  );
}

function codecs(): string {
  const found = [...chosen('debug-adapter/codec/codec.ts', 'codecFor', /^decompress|^platform$/)];
  return table(
    ['compression', 'decoder', 'held by'],
    found.map(([name, by]) => [
      name,
      by.map((each) => (each === 'platform' ? "the platform's" : 'own')).join(', else '),
      testsThat((text, path) => path.startsWith(`codec/${name}`) || (path.startsWith('image/') && text.includes(`'${name}'`))),
    ]),
  );
}

function dumps(): string {
  const floors = /^(?:expression|image|kernel|memory|pagetable|session|symbols|truth)\//;
  const reads = (name: string, text: string): boolean => {
    const set = name === debian ? /\bdebian\b/ : /\bsmallMachines\b/;
    return (text.includes('support/dumps.ts') && text.includes(`'${name}'`)) || (text.includes('support/processes.ts') && set.test(text));
  };
  return table(
    ['dump', 'tests of the engine that read it'],
    [debian, ...smallMachines].map((name) => [name, testsThat((text, path) => floors.test(path) && reads(name, text))]),
  );
}

/** The last text that calls like `kernel.addressOf('x')` and `structs.has('page', 'flags')` are given, sorted. */
function asked(path: string, methods: readonly string[]): readonly string[] {
  const found = nodesOf(parsed(path)).flatMap((node) => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return [];
    const last = node.arguments.filter(ts.isStringLiteral).at(-1);
    return methods.includes(node.expression.name.text) && last !== undefined ? [last.text] : [];
  });
  return [...new Set(found)].sort();
}

function probes(): string {
  const folder = 'debug-adapter/kernel';
  const words = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(' ');
  const rows = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort((one, other) => (basename(one) < basename(other) ? -1 : 1))
    .map((name) => {
      const path = `${folder}/${name}`;
      const members = asked(path, ['has']);
      const symbols = asked(path, ['addressOf', 'noteVariable']);
      return [basename(name, '.ts'), words(symbols), words(members)] as const;
    })
    .filter(([, symbols, members]) => symbols !== '' || members !== '');
  return table(['subject', 'symbols', 'members that a kernel may lack'], rows);
}

/** The page, as it should stand in docs/SUPPORT.md. */
export function supportMatrix(): string {
  return `# What is supported

This page is made from the code by \`npm run support-matrix\`; a test fails when it is not what the code says.

## Architectures

${architectures()}
"No" under dumps: kernels of that architecture write none, but page tables in any memory can be walked. A layout tells where the direct map,
the vmalloc space, modules and struct pages lie; without one, addresses are translated all the same. Stacks by \`scan\` alone are guesses, marked so.
ppc64 kernels that run on the hash MMU are refused: it has no page tables for kernel addresses.

## Paging modes

Sizes are what an entry can map, found by trying entries; contiguous groups (arm64, riscv) count where each entry holds the address of the whole.

${pagingModes()}
${testsOfModes()}
## Image formats

${formats()}
${codecs()}
## Real dumps

Real kernels' dumps, with what the kernels themselves printed. They lie beside the repository; tests that need one that is not there say so.

${dumps()}
## What kernels are asked

Kernels are told apart by what they have, never by their version. A subject looks for these symbols of the kernel, and asks whether a type has these members.

${probes()}`;
}
