/** Operations that change memory and entries as they are: what damage, hardware or set_memory_*() does. */
import { entryKind } from '../arch/paging-mode.ts';
import { toAddress } from '../base/address.ts';
import type { ArgumentReader } from './arguments.ts';
import { operation, optional, parameter } from './arguments.ts';
import { addressOfPage, within } from './core.ts';
import type { Core } from './core.ts';
import { Fault } from './fault.ts';
import type { OperationSpec } from './operation.ts';
import { setMemory } from './set-memory.ts';
import type { MemoryChange } from './set-memory.ts';
import { namedRoot, spaceParameter } from './space.ts';

const levels = ['pgd', 'p4d', 'pud', 'pmd', 'pte'];
const processParameter = optional({ name: 'process', kind: 'process' }, undefined, 'Whose page table; the kernel’s when left out.');
const levelParameter = optional({ name: 'level', kind: 'text', names: levels }, 'pte', 'Level of the entry.');

/** The entry of an address at the level that is asked for. Throws `Fault` where the tables end above. */
function entryPlace(core: Core, given: ArgumentReader): number {
  const name = given.text('level');
  const level = core.tables.levelOf(name);
  if (level === undefined) throw new Fault('argument', `this paging mode has no ${name}`);
  const found = core.tables.walk(namedRoot(core, given), given.page('address'), level);
  if (found.level !== level) {
    throw new Fault('page-fault', `there is no ${name} entry: the ${core.tables.name(found.level)} entry leads to no table`, {
      address: toAddress(given.address('address')),
      level: core.tables.name(found.level),
    });
  }
  return found.at;
}

/** Physical address behind a virtual one. Throws `Fault`. */
function physicalOf(core: Core, root: number, address: bigint): number {
  const { tables, platform } = core;
  if (!platform.mode.isCanonical(toAddress(address))) {
    throw new Fault('general-protection', `general protection fault, probably for non-canonical address 0x${address.toString(16)}`, {
      address: toAddress(address),
    });
  }
  const page = Number(address >> 12n);
  const { level, at } = tables.walk(root, page);
  if (tables.kind(level, at) !== entryKind.leaf) {
    throw new Fault(
      'page-fault',
      `BUG: unable to handle page fault for address: 0x${address.toString(16)} (the ${tables.name(level)} entry maps nothing)`,
      {
        address: toAddress(address),
        level: tables.name(level),
      },
    );
  }
  const physical = tables.leafAt(level, at) + (page % tables.span(level)) * 4096 + Number(address & 0xfffn);
  if (!core.memory.isRam(physical))
    throw new Fault('page-fault', `physical 0x${physical.toString(16)} is no RAM`, { address: toAddress(address) });
  return physical;
}

function change(name: string, documentation: string, to: MemoryChange): OperationSpec {
  return operation({
    name,
    parameters: [
      parameter('address', 'address', 'Of the kernel; a multiple of a page.'),
      optional({ name: 'pages', kind: 'count' }, 1n, 'Pages.'),
    ],
    documentation: `${documentation} Large leaves are split where only a part changes (arch/x86/mm/pat/set_memory.c: change_page_attr_set_clr, __split_large_page).`,
    returns: undefined,
    *steps(core, given) {
      const range = { page: given.wholePage('address'), pages: given.number('pages', 1, 2 ** 20) };
      yield* within(core, { name, variables: () => given.given }, setMemory(core, range, to));
      return undefined;
    },
  });
}

/** Bytes of fill()'s text or pattern. Throws `Fault` where there is none, or both. */
function repeatedBytes(given: ArgumentReader): readonly number[] {
  if (given.has('text') === given.has('pattern')) throw new Fault('argument', 'fill: give either a text or a pattern');
  if (given.has('text')) {
    const letters = Array.from(given.text('text'), (letter) => letter.charCodeAt(0) & 0xff);
    if (letters.length > 0) return letters;
    throw new Fault('argument', 'fill: the text is empty');
  }
  const pattern = given.text('pattern').replaceAll(/[\s,:]/g, '');
  if (!/^(?:[0-9a-f]{2})+$/i.test(pattern)) {
    throw new Fault(
      'argument',
      `fill: ${given.text('pattern')} is no pattern of bytes; write pairs of hexadecimal digits such as "de ad be ef"`,
    );
  }
  return (pattern.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
}

/** Operations that write and read memory through page tables, and past them. */
export const memoryOperations: readonly OperationSpec[] = [
  operation({
    name: 'write',
    parameters: [
      parameter('address', 'address', 'Where; through the page table.'),
      parameter('value', 'number', 'What.'),
      optional({ name: 'size', kind: 'size' }, 8n, 'Bytes: 1, 2, 4 or 8.'),
      processParameter,
      spaceParameter,
    ],
    documentation: 'Writes a value to memory, whatever stands there and whatever the rights are.',
    returns: undefined,
    *steps(core, given) {
      const size = given.number('size', 1, 8);
      const value = BigInt.asUintN(64, given.bigint('value'));
      const root = namedRoot(core, given);
      const start = given.address('address');
      const places = Array.from({ length: size }, (_, index) => physicalOf(core, root, start + BigInt(index)));
      yield core.step(() => `write ${size} bytes to 0x${start.toString(16)}`);
      places.forEach((place, index) => {
        core.memory.setU8(place, Number((value >> BigInt(8 * index)) & 0xffn));
      });
      return undefined;
    },
  }),
  operation({
    name: 'fill',
    parameters: [
      parameter('address', 'address', 'Where; through the page table.'),
      parameter('size', 'size', 'Bytes.'),
      optional({ name: 'text', kind: 'text' }, undefined, 'What is repeated.'),
      optional({ name: 'pattern', kind: 'text' }, undefined, 'Bytes that are repeated instead of a text, in hexadecimal: "de ad be ef".'),
      processParameter,
      spaceParameter,
    ],
    documentation: 'Fills memory with a text or a pattern of bytes, again and again.',
    returns: undefined,
    *steps(core, given) {
      const repeated = repeatedBytes(given);
      const root = namedRoot(core, given);
      const start = given.address('address');
      const size = given.number('size', 1, 2 ** 24);
      const bytes = Uint8Array.from({ length: size }, (_, index) => repeated[index % repeated.length] ?? 0);
      const places: { at: number; from: number; to: number }[] = [];
      for (let done = 0; done < size;) {
        const address = start + BigInt(done);
        const part = Math.min(4096 - Number(address & 0xfffn), size - done);
        places.push({ at: physicalOf(core, root, address), from: done, to: done + part });
        done += part;
      }
      for (const { at, from, to } of places) {
        yield core.step(() => `write ${to - from} bytes to physical 0x${at.toString(16)}`);
        core.memory.write(at, bytes.subarray(from, to));
      }
      return undefined;
    },
  }),
  operation({
    name: 'read',
    parameters: [
      parameter('address', 'address', 'Where; through the page table.'),
      optional({ name: 'size', kind: 'size' }, 8n, 'Bytes: 1 to 8.'),
      processParameter,
      spaceParameter,
    ],
    documentation: 'Reads a value from memory. A missing entry is a page fault.',
    returns: 'the value',
    *steps(core, given) {
      const size = given.number('size', 1, 8);
      const root = namedRoot(core, given);
      yield core.step(() => `read ${size} bytes`);
      let value = 0n;
      for (let index = size - 1; index >= 0; index--)
        value = (value << 8n) | BigInt(core.memory.u8(physicalOf(core, root, given.address('address') + BigInt(index))));
      return value;
    },
  }),
  operation({
    name: 'write_physical',
    parameters: [
      parameter('address', 'number', 'Physical address.'),
      parameter('value', 'number', 'What.'),
      optional({ name: 'size', kind: 'size' }, 8n, 'Bytes: 1 to 8.'),
    ],
    documentation: 'Writes a value to RAM.',
    returns: undefined,
    *steps(core, given) {
      const at = given.number('address');
      const size = given.number('size', 1, 8);
      if (!core.memory.isRam(at) || !core.memory.isRam(at + size - 1))
        throw new Fault('argument', `physical 0x${at.toString(16)} is no RAM`);
      yield core.step(() => `write ${size} bytes to physical 0x${at.toString(16)}`);
      const value = BigInt.asUintN(64, given.bigint('value'));
      for (let index = 0; index < size; index++) core.memory.setU8(at + index, Number((value >> BigInt(8 * index)) & 0xffn));
      return undefined;
    },
  }),
  operation({
    name: 'write_entry',
    parameters: [
      parameter('address', 'address', 'Whose entry.'),
      parameter('value', 'number', 'The raw entry.'),
      levelParameter,
      processParameter,
      spaceParameter,
    ],
    documentation: 'Writes a page-table entry, whatever it is: damage, or what a bug would leave.',
    returns: 'the entry that stood there',
    *steps(core, given) {
      const at = entryPlace(core, given);
      const before = core.tables.entry(at);
      yield core.step(() => `write the ${given.text('level')} entry at physical 0x${at.toString(16)}`);
      core.tables.setEntry(at, given.bigint('value'));
      return before;
    },
  }),
  operation({
    name: 'read_entry',
    parameters: [parameter('address', 'address', 'Whose entry.'), levelParameter, processParameter, spaceParameter],
    documentation: 'The raw page-table entry of an address.',
    returns: 'the entry',
    *steps(core, given) {
      const at = entryPlace(core, given);
      yield core.step(() => `read the ${given.text('level')} entry at physical 0x${at.toString(16)}`);
      return core.tables.entry(at);
    },
  }),
  operation({
    name: 'symbol',
    parameters: [parameter('name', 'text', 'Of the kernel’s symbols.')],
    documentation: 'The address of a symbol of the kernel image.',
    returns: 'the address',
    *steps(core, given) {
      yield core.step(() => `look up ${given.text('name')}`);
      try {
        return core.symbolAddress(given.text('name'));
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new Fault('argument', error.message);
      }
    },
  }),
  operation({
    name: 'direct_map',
    parameters: [parameter('pfn', 'number', 'Page frame number.')],
    documentation: 'The address of a page frame in the direct map.',
    returns: 'the address',
    *steps(core, given) {
      yield core.step(() => 'page_address()');
      const { directOffset } = core.platform;
      return (directOffset + BigInt(given.number('pfn', 0, 2 ** 40)) * 4096n) & core.memory.addressMask;
    },
  }),
  operation({
    name: 'vmalloc_start',
    parameters: [],
    documentation: 'VMALLOC_START: where the vmalloc space begins.',
    returns: 'the address',
    *steps(core) {
      yield core.step(() => 'look at VMALLOC_START');
      return addressOfPage(core, core.platform.vmalloc.start);
    },
  }),
  change('set_memory_ro', 'Makes pages of the kernel read-only.', { clear: ['write', 'dirty'], set: [] }),
  change('set_memory_rw', 'Makes pages of the kernel writable.', { clear: [], set: ['write', 'dirty'] }),
  change('set_memory_x', 'Makes pages of the kernel executable.', { clear: [], set: ['execute'] }),
  change('set_memory_nx', 'Forbids execution of pages of the kernel.', { clear: ['execute'], set: [] }),
  change('set_memory_np', 'Takes pages of the kernel away: their entries keep the frame, and are not present.', {
    present: false,
    clear: [],
    set: [],
  }),
  change('set_memory_p', 'Undoes set_memory_np().', { present: true, clear: [], set: [] }),
];
