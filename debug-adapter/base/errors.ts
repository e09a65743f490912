/**
 * Every failure that a user can meet. A `UserError` is one sentence that says what is wrong, where, and what to do next;
 * faces show its message as it is. Anything else that is thrown is a defect of Pagewalk and is reported as such.
 */
import { formatAddress } from './address.ts';
import type { Address } from './address.ts';
import { limits } from './limits.ts';
import { oneLine } from './text.ts';

/** Stable names of user-facing failures; scripts may test them in `--json` output. */
export type ErrorCode =
  | 'not-found'
  | 'not-readable'
  | 'is-directory'
  | 'empty-file'
  | 'file-altered'
  | 'not-a-dump'
  | 'not-ptdump'
  | 'compressed-file'
  | 'corrupt-dump'
  | 'split-set-incomplete'
  | 'unsupported-architecture'
  | 'no-page-table'
  | 'no-symbols'
  | 'no-types'
  | 'unknown-symbol'
  | 'unknown-type'
  | 'unknown-process'
  | 'bad-argument'
  | 'bad-expression'
  | 'memory-fault'
  | 'limit'
  | 'not-supported';

/**
 * A failure that is the input's or the request's, not Pagewalk's. Told by its name: the language of scenarios is a bundle with
 * a copy of this class.
 */
export class UserError extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === UserError ? value instanceof Error && value.name === 'UserError' : super[Symbol.hasInstance](value);
  }

  override readonly name = 'UserError';
  readonly code: ErrorCode;

  /** A message may quote what came from outside: each stays one line of bounded length. Several are told in lines of their own. */
  constructor(code: ErrorCode, ...messages: readonly string[]) {
    super(messages.map((message) => oneLine(message, limits.messageCharacters)).join('\n'));
    this.code = code;
  }
}

/** V8's bound on the calls that an error notes when it is made; other engines ignore it. */
const errorClass = Error as ErrorConstructor & { stackTraceLimit?: number };

/**
 * A read of memory that is not there: carries the first address that could not be read and the reason in words. It notes no
 * stack of calls, which takes longer than all else about it: damaged dumps have faults in numbers, and most are caught.
 */
export class MemoryFault extends UserError {
  readonly address: Address;
  readonly reason: string;

  constructor(address: Address, reason: string) {
    const before = errorClass.stackTraceLimit;
    errorClass.stackTraceLimit = 0;
    super('memory-fault', `cannot read ${formatAddress(address)}: ${reason}`);
    if (before !== undefined) errorClass.stackTraceLimit = before;
    this.address = address;
    this.reason = reason;
  }
}

/** Thrown out of a long computation when its cancellation token fired. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';

  constructor() {
    super('cancelled');
  }
}

/** Every sentence that a user may meet as an error: what is wrong, where, and what to do next; one factory for each. */
export const errors = {
  notFound: (path: string) => new UserError('not-found', `${path}: no such file; check its path`),
  notReadable: (path: string, why: string) =>
    new UserError('not-readable', `${path}: cannot be read (${why}); check its permissions, or copy it to where you may read it`),
  notWritable: (path: string, why: string) => new UserError('not-readable', `${path}: cannot be written (${why}); choose another place`),
  isDirectory: (path: string) => new UserError('is-directory', `${path}: is a directory; name the dump file in it (often called vmcore)`),
  isPipe: (path: string) =>
    new UserError(
      'not-readable',
      `${path}: is a pipe, which cannot be read from any place on; write what it gives to a file and name that`,
    ),
  emptyFile: (path: string) => new UserError('empty-file', `${path}: is empty; the dump was not written, take it again`),
  fileAltered: (path: string, how: string) =>
    new UserError(
      'file-altered',
      `${path}: the file was changed while it was open (${how}), and nothing more is told of it; open it again to see what it holds now`,
    ),
  notADump: (path: string) =>
    new UserError(
      'not-a-dump',
      `${path}: is not a memory dump that Pagewalk knows; give an ELF vmcore, a makedumpfile (kdump-compressed, flattened or split) file, /proc/kcore, LiME, AVML, or raw memory with its physical address (--base, or the setting base)`,
    ),
  neitherDumpNorPtdump: (path: string) =>
    new UserError(
      'not-a-dump',
      `${path}: is neither a memory dump that Pagewalk knows nor the text of a page-table dump; give one of them (the text is what debugfs' page_tables/kernel or kernel_page_tables prints)`,
    ),
  notPtdump: (path: string, line: number, why: string) =>
    new UserError('not-ptdump', `${path}: line ${line} ${why}; give the text as debugfs printed it, without other lines`),
  compressedFile: (path: string, format: string, command: string) =>
    new UserError('compressed-file', `${path}: is ${format}-compressed as a whole; unpack it first: ${command}`),
  corruptDump: (path: string, what: string) =>
    new UserError('corrupt-dump', `${path}: ${what}; the file is damaged or incomplete, copy it again or take a new dump`),
  unsupportedArchitecture: (path: string, machine: string) =>
    new UserError('unsupported-architecture', `${path}: is a dump of ${machine}, an architecture that Pagewalk does not know`),
  /** `cut`: what of the memory was not looked at. */
  noKernel: (path: string, cut: readonly string[]) =>
    new UserError(
      'unsupported-architecture',
      [
        `${path}: no Linux kernel was recognised in this memory; check that it is physical memory, that its base is right, and that the part with the kernel is there`,
        ...cut,
      ].join('; '),
    ),
  /** `damage`: what is wrong with the file, which then is the likelier cause. */
  noPageTable: (what: string, damage: readonly string[] = []) =>
    new UserError(
      'no-page-table',
      `no kernel page table was found: ${what}; ${damage.length === 0 ? 'give its physical address with --mm 0xPGD' : damage.join('; ')}`,
    ),
  noFirmwareTable: () =>
    new UserError(
      'no-page-table',
      'the kernel made no page table for EFI (efi_mm has none): the machine was not started by UEFI; see its own with --mm kernel',
    ),
  noSymbols: (what: string) =>
    new UserError(
      'no-symbols',
      `${what} needs symbols and the dump holds no readable kallsyms table; give --symbols FILE (System.map or a copy of /proc/kallsyms)`,
    ),
  noTypes: (what: string) =>
    new UserError(
      'no-types',
      `${what} needs type information and the dump holds no readable BTF; give --types FILE (/sys/kernel/btf/vmlinux, or pahole --btf_encode_detached=FILE vmlinux)`,
    ),
  malformedTypes: (what: string) =>
    new UserError(
      'no-types',
      `the BTF type information is malformed: ${what}; give --types FILE (the kernel's BTF, as in /sys/kernel/btf/vmlinux)`,
    ),
  unknownLayout: (struct: string, member: string) =>
    new UserError(
      'unknown-type',
      `${struct} of this kernel has no member ${member}; Pagewalk does not know this layout, see what it has with: pagewalk struct IMAGE '${struct}'`,
    ),
  neededSymbol: (name: string, what: string) =>
    new UserError(
      'unknown-symbol',
      `${what} needs the symbol ${name}, which the dump's kallsyms does not have; give --symbols FILE (System.map) or --vmlinux FILE`,
    ),
  unknownSymbol: (name: string) =>
    new UserError('unknown-symbol', `no symbol is called ${name}; see the names that exist with: pagewalk sym IMAGE 'prefix*'`),
  unknownType: (name: string) =>
    new UserError(
      'unknown-type',
      `no type is called ${name} in the dump's type information; check the spelling (struct, union and enum may be left out)`,
    ),
  unknownProcess: (pid: string) => new UserError('unknown-process', `no task has the PID ${pid}; list the tasks with: pagewalk ps IMAGE`),
  badArgument: (...what: readonly string[]) => new UserError('bad-argument', ...what),
  badSetting: (name: string, why: string) => new UserError('bad-argument', `the setting ${name} cannot be used: ${why}`),
  /** `at`: index of the character that is meant. */
  badExpression: (expression: string, what: string, at?: number) =>
    new UserError('bad-expression', `${what} in expression${at === undefined ? '' : `, at character ${at + 1}`}: ${expression}`),
  tokenNeeded: (given: boolean) =>
    new UserError(
      'bad-argument',
      given
        ? 'the token is not the one with which this adapter was started; connect again with that one'
        : 'this adapter wants a token; give the one with which it was started as `token` in the arguments of launch',
    ),
  languageMissing: (folder: string) =>
    new UserError('not-supported', `scenarios need the file language-server.js of the same build, which is missing; put it into ${folder}`),
  threadEnded: (why: string) => {
    // As Node says it of a thread whose heap is full.
    const more = why.includes('memory limit') ? ', with NODE_OPTIONS=--max-old-space-size=8192 in the environment' : '';
    return new UserError('limit', `the work was not finished, for its thread ended (${why}); ask again${more}`);
  },
  limit: (what: string) => new UserError('limit', what),
  notSupported: (what: string) => new UserError('not-supported', what),
} as const;
