/** Operations on files, userfaultfd, and PAGEMAP_SCAN. */
import { limits } from '../base/limits.ts';
import { toAddress } from '../base/address.ts';
import { categoryNames, scanFlagNames } from '../kernel/pagemap/pagemap-category.ts';
import type { ArgumentReader } from './arguments.ts';
import { operation, optional, parameter } from './arguments.ts';
import type { Core } from './core.ts';
import { createFile, fileKinds, newCachedPage, mappingOf, putFile } from './file.ts';
import type { FileKind } from './file.ts';
import { openFile } from './open-file.ts';
import type { OperationSpec, OperationValue, ParameterSpec } from './operation.ts';
import { addressParameter, mmArgument, processParameter, rangeArgument, sizeParameter } from './operations-process.ts';
import { doPagemapScan } from './pagemap-scan.ts';
import { fillWithZeroPages, poisonPages, registerUserfault, userfaultFeatures, userfaultModes, writeProtect } from './userfaultfd.ts';

const categories: Readonly<Record<string, number>> = Object.fromEntries(categoryNames.map((name, bit) => [name, 2 ** bit]));
const scanFlags: Readonly<Record<string, number>> = Object.fromEntries(scanFlagNames.map((name, bit) => [name, 2 ** bit]));

function mask(name: string, documentation: string, usual: OperationValue): ParameterSpec {
  return optional({ name, kind: 'flags', names: categoryNames }, usual, documentation);
}

/** Names without their PAGE_IS_ or PM_SCAN_; or a number. */
function bits(given: ArgumentReader, name: string, table: Readonly<Record<string, number>>): bigint {
  return given.isNumber(name) ? BigInt.asUintN(64, given.bigint(name)) : BigInt(given.flags(name, table));
}

function whole(core: Core, given: ArgumentReader, name: string): bigint {
  return BigInt.asUintN(64, given.bigint(name)) & (name === 'start' || name === 'end' ? core.memory.addressMask : (1n << 64n) - 1n);
}

/** Operations on files, userfaultfd and /proc/PID/pagemap. */
export const fileOperations: readonly OperationSpec[] = [
  operation({
    name: 'create_file',
    parameters: [
      parameter('name', 'text', 'Its name, of at most 255 bytes.'),
      sizeParameter,
      optional(
        { name: 'kind', kind: 'text', names: fileKinds },
        'file',
        'A file whose pages are all in memory, shmem (memfd_create), secret (memfd_secret), or device (/dev/mem).',
      ),
    ],
    documentation: 'Creates and opens a file, to be mapped by mmap().',
    returns: 'the file, as the address of its struct file',
    *steps(core, given) {
      const kind = given.text('kind') as FileKind;
      const pages = given.pages('size');
      yield core.step(() => `make the inode and the dentry of ${given.text('name')}`);
      const file = createFile(core, { name: given.text('name'), pages, kind });
      if (kind === 'file') {
        yield core.step(() => `add ${pages} pages to the page cache`);
        for (let index = 0; index < pages; index++) newCachedPage(core, mappingOf(core, file), { index, shmem: false });
      }
      return core.memory.virtual(file);
    },
  }),
  operation({
    name: 'close_file',
    parameters: [parameter('file', 'address', 'As create_file() gave it.')],
    documentation: 'Closes a file; its pages go with its last mapping (fs/file_table.c: fput).',
    returns: undefined,
    *steps(core, given) {
      const file = openFile(core, given.address('file'));
      yield core.step(() => `let go of the file at 0x${toAddress(given.address('file')).toString(16)}`);
      putFile(core, file);
      return undefined;
    },
  }),
  operation({
    name: 'userfaultfd_register',
    parameters: [
      processParameter,
      addressParameter,
      sizeParameter,
      optional(
        { name: 'mode', kind: 'flags', names: Object.keys(userfaultModes) },
        'WP',
        'Which accesses: of missing pages, of protected ones.',
      ),
      optional(
        { name: 'features', kind: 'flags', names: Object.keys(userfaultFeatures) },
        'WP_ASYNC|WP_UNPOPULATED',
        'WP_ASYNC: the kernel resolves writes itself; WP_UNPOPULATED: pages that are not there are protected too.',
      ),
    ],
    documentation: 'Registers a range with userfaultfd (fs/userfaultfd.c: userfaultfd_register).',
    returns: undefined,
    *steps(core, given) {
      yield* registerUserfault(core, mmArgument(core, given), {
        ...rangeArgument(given),
        modes: given.flags('mode', userfaultModes),
        features: given.flags('features', userfaultFeatures),
      });
      return undefined;
    },
  }),
  operation({
    name: 'userfaultfd_writeprotect',
    parameters: [
      processParameter,
      addressParameter,
      sizeParameter,
      optional({ name: 'on', kind: 'switch' }, true, 'Whether protection is set or taken away.'),
    ],
    documentation:
      'Sets or takes away write protection of pages; for what is not there markers are set, where the registration has that (mm/userfaultfd.c: mwriteprotect_range).',
    returns: undefined,
    *steps(core, given) {
      yield* writeProtect(core, mmArgument(core, given), { ...rangeArgument(given), on: given.switch('on') });
      return undefined;
    },
  }),
  operation({
    name: 'userfaultfd_poison',
    parameters: [processParameter, addressParameter, sizeParameter],
    documentation: 'Poisons pages that are not there: their next access ends in a signal (mm/userfaultfd.c: mfill_atomic_poison).',
    returns: undefined,
    *steps(core, given) {
      yield* poisonPages(core, mmArgument(core, given), rangeArgument(given));
      return undefined;
    },
  }),
  operation({
    name: 'userfaultfd_zeropage',
    parameters: [processParameter, addressParameter, sizeParameter],
    documentation: 'Resolves accesses of pages that are not there by the page of zeros (mm/userfaultfd.c: mfill_atomic_zeropage).',
    returns: undefined,
    *steps(core, given) {
      yield* fillWithZeroPages(core, mmArgument(core, given), rangeArgument(given));
      return undefined;
    },
  }),
  operation({
    name: 'pagemap_scan',
    parameters: [
      parameter('start', 'address', 'Where the scan begins.'),
      parameter('end', 'address', 'Where it ends.'),
      mask('category_mask', 'Categories that a page must all have.', 0n),
      mask('category_anyof_mask', 'Categories of which a page must have one.', 0n),
      mask('category_inverted', 'Categories that are matched where they are absent.', 0n),
      mask('return_mask', 'Categories that are told; all of them unless given.', 0xffn),
      optional(
        { name: 'flags', kind: 'flags', names: scanFlagNames },
        0n,
        'WP_MATCHING write-protects what matches and was written; CHECK_WPASYNC refuses areas where that cannot be.',
      ),
      optional({ name: 'max_pages', kind: 'count' }, 0n, 'Pages that are told at most; 0 for all.'),
      optional({ name: 'vec_len', kind: 'count' }, undefined, 'Regions for which there is room.'),
      optional({ name: 'vec', kind: 'switch' }, true, 'False for a null pointer: nothing is told.'),
      optional({ name: 'size', kind: 'size' }, 96n, 'Bytes of struct pm_scan_arg.'),
      processParameter,
    ],
    documentation: 'The PAGEMAP_SCAN ioctl on a process’s /proc/PID/pagemap (fs/proc/task_mmu.c: do_pagemap_scan).',
    returns: 'a record: return, errno, walk_end, regions (a list of records: start, end, categories), protects (what it write-protected)',
    *steps(core, given) {
      const vec = given.switch('vec');
      return yield* doPagemapScan(core, mmArgument(core, given), {
        size: given.bigint('size'),
        flags: bits(given, 'flags', scanFlags),
        start: whole(core, given, 'start'),
        end: whole(core, given, 'end'),
        vec,
        vecLen: given.has('vec_len') ? whole(core, given, 'vec_len') : vec ? BigInt(limits.pagemapRegions) : 0n,
        maxPages: whole(core, given, 'max_pages'),
        categoryInverted: bits(given, 'category_inverted', categories),
        categoryMask: bits(given, 'category_mask', categories),
        categoryAnyofMask: bits(given, 'category_anyof_mask', categories),
        returnMask: bits(given, 'return_mask', categories),
      });
    },
  }),
];
