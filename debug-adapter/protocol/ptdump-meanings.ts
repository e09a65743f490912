/**
 * What the words of the kernel's page-table dumps mean, for people: English sentences, to be translated by who shows them.
 * Sources: arch/x86/mm/dump_pagetables.c and Intel SDM volume 3, 4.5; arch/arm64/mm/ptdump.c and Arm ARM D8.3;
 * arch/riscv/mm/ptdump.c and the privileged specification, 10.3; arch/s390/mm/dump_pagetables.c; arch/powerpc/mm/ptdump.
 */
const meanings: Readonly<Record<string, string>> = {
  USR: 'user mode may access it',
  RW: 'may be written',
  ro: 'may only be read',
  NX: 'the kernel may not execute it',
  x: 'may be executed',
  PWT: 'caching writes through (with PCD and PAT it chooses the memory type)',
  PCD: 'not cached (with PWT and PAT it chooses the memory type)',
  PAT: 'the third bit that chooses the memory type',
  PSE: 'a large page: the entry maps memory itself',
  GLB: 'global: kept in the TLB when the address space changes',
  UXN: 'user mode may not execute it',
  SHD: 'shareable between CPUs',
  AF: 'accessed',
  NG: 'not global: belongs to one address space',
  CON: 'one of several entries that the TLB may join',
  BLK: 'a block: the entry maps memory itself',
  GP: 'guarded: indirect branches must land on BTI',
  F: 'not valid for the hardware',
  'MEM/NORMAL': 'ordinary cached memory',
  'MEM/NORMAL-NC': 'ordinary memory that is not cached',
  'MEM/NORMAL-TAGGED': 'ordinary cached memory with allocation tags',
  'DEVICE/nGnRnE': 'device memory: not gathered, not reordered, no early acknowledgement',
  'DEVICE/nGnRE': 'device memory: not gathered, not reordered, early acknowledgement',
  'DEVICE/GRE': 'device memory: gathered, reordered, early acknowledgement',
  V: 'valid',
  R: 'may be read',
  W: 'may be written',
  X: 'may be executed',
  U: 'user mode may access it',
  G: 'global: in every address space',
  A: 'accessed',
  D: 'written to (dirty)',
  RO: 'may only be read',
  I: 'invalid: nothing is mapped',
  present: 'present',
  valid: 'valid',
  dirty: 'written to',
  accessed: 'accessed',
  coherent: 'kept coherent between CPUs',
  guarded: 'no speculative access',
  huge: 'a huge page',
  user: 'user mode may access it',
  rw: 'may be read and written',
  r: 'may be read',
  w: 'may be written',
};

/** Undefined for a word that is not known. */
export function meaningOfWord(word: string): string | undefined {
  return Object.hasOwn(meanings, word) ? meanings[word] : undefined;
}
