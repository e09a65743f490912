/**
 * What the words in a line of the kernel's page-table dump are about, on every architecture that prints one: the
 * `ptdump_prot_bits`, `pg_level` and `flag_array` tables of arch/{x86,arm64,arm,riscv,s390,powerpc}/mm. No two of them use
 * one word in two senses.
 */

/** What can change about a mapping, in the order in which it is told. `flags` is what is none of the others: GLB, AF, dirty… */
export const ptdumpSubjects = ['present', 'rights', 'frame', 'cache', 'size', 'flags'] as const;

/** What of a region can differ between two dumps. */
export type PtdumpSubject = (typeof ptdumpSubjects)[number];

const words: Readonly<Record<'present' | 'rights' | 'cache' | 'size', readonly string[]>> = {
  present: ['V', 'F', 'I', 'valid', 'present'],
  // ASCII case matters: s390 prints RO and X, riscv R W X U, powerpc r w X. arm's domains decide who may access at all.
  rights: [
    ...['USR', 'RW', 'ro', 'NX', 'x', 'UXN', 'RO', 'X', 'R', 'W', 'U', 'r', 'w', 'rw', 'user'],
    ...['KERNEL', 'USER', 'IO', 'VECTORS', 'unknown'],
  ],
  cache: ['PWT', 'PCD', 'PAT', 'SHD', 'non-idempotent', 'tolerant', 'no cache', 'write through', 'guarded', 'coherent'],
  size: ['PSE', 'BLK', 'CON', 'N', 'huge'],
};

/** Memory types are whole families of words. */
const cacheFamily = /^(?:MEM|DEVICE|DEV|SO)\/|^MT\(/;

const subjects = new Map<string, PtdumpSubject>([
  ...words.present.map((word) => [word, 'present'] as const),
  ...words.rights.map((word) => [word, 'rights'] as const),
  ...words.cache.map((word) => [word, 'cache'] as const),
  ...words.size.map((word) => [word, 'size'] as const),
]);

/** Words that one can look for, of every architecture; words of its own that a kernel prints beside them are in its dump. */
export const ptdumpWords: readonly string[] = [...subjects.keys(), 'GLB', 'AF', 'NG', 'G', 'D', 'A', 'dirty', 'accessed'];

const writes = new Set(['RW', 'rw', 'W', 'w']);
const executes = new Set(['x', 'X']);

/** What a word is about; a word that no table has (of a kernel yet to come) counts as a flag. */
export function subjectOfWord(word: string): PtdumpSubject {
  return subjects.get(word) ?? (cacheFamily.test(word) ? 'cache' : 'flags');
}

/** Whether one of the words says that memory may be written: `RW` or `W`, in either case. */
export function isWritable(attributes: readonly string[]): boolean {
  return attributes.some((word) => writes.has(word));
}

/** Whether one of the words says that memory may be executed (`x`, `X`); no word of NX does. */
export function isExecutable(attributes: readonly string[]): boolean {
  return attributes.some((word) => executes.has(word));
}

/** Whether the words say that the kernel may both write and execute there (what the kernel itself warns of as W+X). */
export function isWritableExecutable(attributes: readonly string[]): boolean {
  return isWritable(attributes) && isExecutable(attributes);
}
