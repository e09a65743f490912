/** Memory areas of kernels that keep them in a list and a red-black tree, or in a maple tree; damaged in every place. */
import { pathText } from '../../debug-adapter/kernel/processes/vma-path.ts';
import { underLimits } from '../support/lowered-limits.ts';
import { limits } from '../../debug-adapter/base/limits.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { vmaAt, vmas } from '../../debug-adapter/kernel/processes/mm.ts';
import { mapsEntries, mapsLine } from '../../debug-adapter/kernel/processes/vma-maps.ts';
import { StructKernel } from '../builders/struct-kernel.ts';
import type { Layouts } from '../builders/struct-kernel.ts';

const files: Layouts = {
  path: { size: 16, members: { mnt: [0, 8], dentry: [8, 8] } },
  file: { size: 64, members: { f_path: [16, 'path'], f_inode: [32, 8], f_mode: [40, 4] } },
  hlist_bl_node: { size: 16, members: { next: [0, 8], pprev: [8, 8] } },
  qstr: { size: 16, members: { hash: [0, 4], len: [4, 4], name: [8, 8] } },
  dentry: { size: 96, members: { d_hash: [8, 'hlist_bl_node'], d_parent: [24, 8], d_name: [32, 'qstr'], d_inode: [48, 8], d_op: [56, 8] } },
  dentry_operations: { size: 64, members: { d_dname: [40, 8] } },
  vfsmount: { size: 32, members: { mnt_root: [0, 8], mnt_sb: [8, 8] } },
  mount: { size: 96, members: { mnt_parent: [16, 8], mnt_mountpoint: [24, 8], mnt: [32, 'vfsmount'] } },
  inode: { size: 64, members: { i_sb: [8, 8], i_ino: [16, 8] } },
  super_block: { size: 64, members: { s_dev: [16, 4] } },
  vm_operations_struct: { size: 64, members: { name: [32, 8] } },
  vm_special_mapping: { size: 16, members: { name: [0, 8] } },
};

const vmaMembers = {
  vm_start: [0, 8],
  vm_end: [8, 8],
  vm_flags: [48, 8],
  vm_pgoff: [56, 8],
  vm_file: [64, 8],
  vm_ops: [72, 8],
  vm_private_data: [80, 8],
} as const;
const mmMembers = { brk: [32, 8], start_brk: [40, 8], start_stack: [48, 8] } as const;
const rbNode = { size: 24, members: { __rb_parent_color: [0, 8], rb_right: [8, 8], rb_left: [16, 8] } } as const;

/** Before 6.1. */
const listed: Layouts = {
  ...files,
  rb_node: rbNode,
  rb_root: { size: 8, members: { rb_node: [0, 8] } },
  vm_area_struct: { size: 128, members: { ...vmaMembers, vm_next: [16, 8], vm_rb: [24, 'rb_node'] } },
  mm_struct: { size: 64, members: { ...mmMembers, mmap: [0, 8], mm_rb: [8, 'rb_root'] } },
};
const treeOnly: Layouts = { ...listed, mm_struct: { size: 64, members: { ...mmMembers, mm_rb: [8, 'rb_root'] } } };

/** Since 6.1. */
const mapled: Layouts = {
  ...files,
  vm_area_struct: { size: 128, members: { ...vmaMembers, anon_name: [88, 8] } },
  anon_vma_name: { size: 4, members: { kref: [0, 4], name: [4, { count: 0, size: 1 }] } },
  mm_struct: { size: 64, members: { ...mmMembers, mm_mt: [0, 'maple_tree'] } },
  maple_tree: { size: 16, members: { ma_root: [8, 8] } },
  maple_node: { size: 256, members: { parent: [0, 8], slot: [8, { count: 31, size: 8 }] } },
  maple_range_64: { size: 256, members: { parent: [0, 8], pivot: [8, { count: 15, size: 8 }], slot: [128, { count: 16, size: 8 }] } },
  maple_arange_64: { size: 240, members: { parent: [0, 8], pivot: [8, { count: 9, size: 8 }], slot: [80, { count: 10, size: 8 }] } },
};

const readWrite = 0x73;

function starts(kernel: Kernel, mm: Address): string[] {
  return vmas(kernel, mm).map(({ start }) => start.toString(16));
}

/** Areas of a page each at 0x1000, 0x3000 …, linked as a list and as a balanced tree. */
function listedAreas(built: StructKernel, count: number): { areas: Address[]; mm: Address } {
  const areas = Array.from({ length: count }, (_one, index) =>
    built.make('vm_area_struct', { vm_start: 0x1000 + index * 0x2000, vm_end: 0x2000 + index * 0x2000, vm_flags: readWrite }),
  );
  areas.forEach((area, index) => {
    built.set(area, 'vm_area_struct', 'vm_next', areas[index + 1] ?? 0n);
  });
  const link = (from: number, to: number): bigint => {
    if (from >= to) return 0n;
    const middle = (from + to) >>> 1;
    const area = areas[middle] ?? toAddress(0);
    built.set(area, 'vm_area_struct', 'vm_rb.rb_left', link(from, middle));
    built.set(area, 'vm_area_struct', 'vm_rb.rb_right', link(middle + 1, to));
    return area + BigInt(built.offset('vm_area_struct', 'vm_rb'));
  };
  const mm = built.make('mm_struct', { 'mm_rb.rb_node': link(0, count) });
  return { areas, mm };
}

const seven = ['1000', '3000', '5000', '7000', '9000', 'b000', 'd000'];

test('areas of kernels before the maple tree, by list and by tree', () => {
  const built = new StructKernel(listed);
  const { areas, mm } = listedAreas(built, 7);
  built.set(mm, 'mm_struct', 'mmap', areas[0] ?? 0n);
  const kernel = built.open();
  assert.deepEqual(starts(kernel, mm), seven);
  assert.deepEqual([...kernel.warnings], []);
  assert.equal(vmaAt(vmas(kernel, mm), toAddress(0x3fff))?.address, areas[1]);
  assert.equal(vmaAt(vmas(kernel, mm), toAddress(0x4000)), undefined);

  const tree = new StructKernel(treeOnly);
  const alone = listedAreas(tree, 7);
  const treeKernel = tree.open();
  assert.deepEqual(starts(treeKernel, alone.mm), seven);
  assert.deepEqual([...treeKernel.warnings], []);
});

test('the tree leads around a list that loops or breaks', () => {
  for (const broken of [0, 0xdead_0000_0000n, 'loop'] as const) {
    const built = new StructKernel(listed);
    const { areas, mm } = listedAreas(built, 7);
    built.set(mm, 'mm_struct', 'mmap', areas[0] ?? 0n);
    built.set(areas[2] ?? toAddress(0), 'vm_area_struct', 'vm_next', broken === 'loop' ? (areas[1] ?? 0n) : broken);
    const kernel = built.open();
    if (broken === 0) assert.deepEqual(starts(kernel, mm), seven.slice(0, 3));
    else {
      assert.deepEqual(starts(kernel, mm), seven);
      assert.match([...kernel.warnings].join(), broken === 'loop' ? /the list loops back/ : /cannot read 0xdead/);
    }
  }
});

test('a tree with a loop or a wild pointer gives the rest', () => {
  for (const wild of [false, true]) {
    const built = new StructKernel(treeOnly);
    const { areas, mm } = listedAreas(built, 7);
    const root = areas[3] ?? toAddress(0);
    const value = wild ? 0x6666n : root + BigInt(built.offset('vm_area_struct', 'vm_rb'));
    built.set(areas[1] ?? toAddress(0), 'vm_area_struct', 'vm_rb.rb_left', value);
    const kernel = built.open();
    const found = starts(kernel, mm);
    assert.deepEqual(found.slice(-6), seven.slice(1));
    assert.match([...kernel.warnings].join(), wild ? /tree node at 0x6666 cannot be read/ : /the tree loops back/);
  }
});

/** A node of type `type` with these slots; the last index of each slot stands before it. */
function mapleNode(built: StructKernel, type: number, slots: readonly (readonly [last: bigint, entry: bigint])[]): bigint {
  const struct = type === 3 ? 'maple_arange_64' : 'maple_range_64';
  const node = built.make(struct, {}, 256);
  slots.forEach(([last, entry], index) => {
    if (index < (type === 3 ? 9 : 15)) built.set(node, struct, `pivot[${index}]`, last);
    built.set(node, struct, `slot[${index}]`, entry);
  });
  return node | BigInt(type << 3) | 4n;
}

function mapleTree(damage?: (built: StructKernel, nodes: { root: bigint; leaf: bigint }) => void): {
  kernel: Kernel;
  mm: Address;
  areas: Address[];
} {
  const built = new StructKernel(mapled);
  const areas = [1, 3, 5, 7].map((page) =>
    built.make('vm_area_struct', { vm_start: page << 12, vm_end: (page + 1) << 12, vm_flags: readWrite }),
  );
  const [a = 0n, b = 0n, c = 0n, d = 0n] = areas;
  const leaf = mapleNode(built, 1, [
    [0xfffn, 0n],
    [0x1fffn, a],
    [0x2fffn, 0n],
    [0x3fffn, b],
  ]);
  const other = mapleNode(built, 1, [
    [0x4fffn, 0n],
    [0x5fffn, c],
    [0x6fffn, 0n],
    [0x7fffn, d],
    [0n, 0n],
  ]);
  const root = mapleNode(built, 3, [
    [0x3fffn, leaf],
    [0n, other],
  ]);
  const mm = built.make('mm_struct', { 'mm_mt.ma_root': root | 2n });
  damage?.(built, { root: root & ~0xffn, leaf: leaf & ~0xffn });
  return { kernel: built.open(), mm, areas };
}

test('a maple tree of two levels', () => {
  const { kernel, mm } = mapleTree();
  assert.deepEqual(starts(kernel, mm), ['1000', '3000', '5000', '7000']);
  assert.deepEqual([...kernel.warnings], []);
});

test('damaged maple trees give what is whole, with a reason', () => {
  const cases: readonly (readonly [(built: StructKernel, nodes: { root: bigint; leaf: bigint }) => void, readonly string[], RegExp])[] = [
    // The first child is the root itself.
    [
      (built, { root }) => {
        built.set(toAddress(root), 'maple_arange_64', 'slot[0]', root | 0x1cn);
      },
      ['5000', '7000'],
      /is met twice/,
    ],
    [
      (built, { root }) => {
        built.set(toAddress(root), 'maple_arange_64', 'slot[0]', 0xdead_beef_0000_000cn);
      },
      ['5000', '7000'],
      /cannot be read/,
    ],
    [
      (built, { root }) => {
        built.set(toAddress(root), 'maple_arange_64', 'slot[0]', 0xffff_8880_0000_007cn);
      },
      ['5000', '7000'],
      /unknown type 15/,
    ],
    [
      (built, { leaf }) => {
        built.set(toAddress(leaf), 'maple_range_64', 'pivot[2]', 1n);
      },
      ['1000', '5000', '7000'],
      /pivot 0x1 where none can be/,
    ],
    [
      (built, { leaf }) => {
        built.set(toAddress(leaf), 'maple_range_64', 'slot[1]', 0x4444_0000n);
      },
      ['3000', '5000', '7000'],
      /vm_area_struct at 0x44440000 cannot be read/,
    ],
  ];
  for (const [damage, expected, warning] of cases) {
    const { kernel, mm } = mapleTree(damage);
    assert.deepEqual(starts(kernel, mm), expected);
    assert.match([...kernel.warnings].join('\n'), warning);
  }
});

test('what is missing from the types is named', () => {
  const without = new StructKernel({ ...listed, mm_struct: { size: 64, members: mmMembers } });
  const mm = without.make('mm_struct');
  assert.throws(() => vmas(without.open(), mm), /neither mm_mt nor mmap nor mm_rb/);
  const other = new StructKernel({ mm_struct: { size: 64, members: mmMembers } });
  assert.throws(() => vmas(other.open(), other.make('mm_struct')), /struct vm_area_struct/);
});

/** A dentry under `parent`, or a root. */
function dentry(built: StructKernel, name: string, parent: Address | undefined, hashed = true): Address {
  const at = built.make('dentry', {
    'd_name.name': built.text(name),
    'd_name.len': new TextEncoder().encode(name).length,
    'd_hash.pprev': hashed ? 0x1234n : 0n,
  });
  built.set(at, 'dentry', 'd_parent', parent ?? at);
  return at;
}

/** A mount; its vfsmount. */
function mounted(built: StructKernel, root: Address, on: { at: Address; within: Address } | undefined): Address {
  const offset = BigInt(built.offset('mount', 'mnt'));
  const own = built.make('mount', { 'mnt.mnt_root': root, mnt_mountpoint: on?.at ?? root });
  built.set(own, 'mount', 'mnt_parent', on === undefined ? own : on.within - offset);
  return toAddress(own + offset);
}

function fileOf(built: StructKernel, place: { dentry: Address; mount: Address }, device: number, inode: bigint): Address {
  const superBlock = built.make('super_block', { s_dev: device });
  return built.make('file', {
    'f_path.dentry': place.dentry,
    'f_path.mnt': place.mount,
    f_inode: built.make('inode', { i_sb: superBlock, i_ino: inode }),
  });
}

test('lines of maps: bind mounts, deleted and odd names, heap, stack, special and named memory', () => {
  const built = new StructKernel(mapled);
  const slash = dentry(built, '/', undefined);
  const rootMount = mounted(built, slash, undefined);
  const data = dentry(built, '/', undefined);
  const deep = dentry(built, 'deep', dentry(built, 'very', data));
  const mnt = dentry(built, 'mnt', slash);
  // /very/deep of another file system is bound to /mnt/here.
  const bound = mounted(built, deep, { at: dentry(built, 'here', mnt), within: rootMount });
  const library = fileOf(built, { dentry: dentry(built, 'lib\nodd ü.so', deep), mount: bound }, (259 << 20) | 0x10001, 0xffff_ffff_ffffn);
  const gone = fileOf(built, { dentry: dentry(built, 'gone', slash, false), mount: rootMount }, 2, 7n);
  const outside = fileOf(built, { dentry: dentry(built, 'x', data), mount: bound }, 2, 8n);
  const simple = 0xffff_ffff_8100_0000n;
  const special = 0xffff_ffff_8100_1000n;
  built.symbol('simple_dname', simple);
  built.symbol('special_mapping_name', special);
  const memfd = dentry(built, 'memfd:a b', undefined);
  built.set(memfd, 'dentry', 'd_op', built.make('dentry_operations', { d_dname: simple }));
  const shared = fileOf(built, { dentry: memfd, mount: mounted(built, slash, undefined) }, 1, 2n);
  const given = built.allocate(4 + 8);
  built.write(toAddress(given + 4n), BigInt('0x006f6f66'), 4);
  const specialOps = built.make('vm_operations_struct', { name: special });
  const vdso = built.make('vm_special_mapping', { name: built.text('[vdso]') });
  const area = (start: bigint, members: Readonly<Record<string, bigint | number>>): bigint =>
    built.make('vm_area_struct', { vm_start: start, vm_end: start + 0x1000n, vm_flags: readWrite, ...members });
  const all = [
    area(0x1000n, { vm_file: library, vm_pgoff: 0x10_0000_0000n, vm_flags: 0x75 }),
    area(0x2000n, { vm_file: gone, vm_flags: 0xfb }),
    area(0x3000n, { vm_file: outside }),
    area(0x4000n, { vm_file: shared, anon_name: given }),
    area(0x5000n, { vm_file: shared, vm_flags: 0x80 }),
    area(0x6000n, {}),
    area(0x8000n, { anon_name: given }),
    area(0x9000n, {}),
    area(0x7fff_0000_0000n, { vm_ops: specialOps, vm_private_data: vdso, vm_pgoff: 5, vm_flags: 0x75 }),
    area(0x7fff_f000_0000n, {}),
  ];
  const leaf = mapleNode(
    built,
    1,
    all.map((entry, index) => [BigInt(index + 1) * 0x1000n, entry]),
  );
  built.set(toAddress(leaf & ~0xffn), 'maple_range_64', `pivot[${all.length - 1}]`, 0n);
  const mm = built.make('mm_struct', { 'mm_mt.ma_root': leaf | 2n, start_brk: 0x6000, brk: 0x7000, start_stack: 0x7fff_f000_0800n });
  const kernel = built.open();
  const lines = mapsEntries(kernel, mm).map((entry) => mapsLine(entry, 8));
  const named = (fields: string, name: string): string => `${fields.padEnd(73)}${name}\n`;
  assert.deepEqual(lines, [
    named('00001000-00002000 r-xp 1000000000000 103:10001 281474976710655 ', '/mnt/here/lib\\012odd ü.so'),
    named('00002000-00003000 rw-s 00000000 00:02 7 ', '/gone (deleted)'),
    named('00003000-00004000 rw-p 00000000 00:02 8 ', '/'),
    named('00004000-00005000 rw-p 00000000 00:01 2 ', '[anon_shmem:foo]'),
    named('00005000-00006000 ---s 00000000 00:01 2 ', '/memfd:a b (deleted)'),
    named('00006000-00007000 rw-p 00000000 00:00 0 ', '[heap]'),
    named('00008000-00009000 rw-p 00000000 00:00 0 ', '[anon:foo]'),
    '00009000-0000a000 rw-p 00000000 00:00 0 \n',
    named('7fff00000000-7fff00001000 r-xp 00000000 00:00 0 ', '[vdso]'),
    named('7ffff0000000-7ffff0001000 rw-p 00000000 00:00 0 ', '[stack]'),
  ]);
  assert.deepEqual([...kernel.warnings], []);
});

test('a path that loops, or cannot be read, is told in part', () => {
  const built = new StructKernel(mapled);
  const slash = dentry(built, '/', undefined);
  const mount = mounted(built, slash, undefined);
  const first = dentry(built, 'first', slash);
  const second = dentry(built, 'second', first);
  built.set(first, 'dentry', 'd_parent', second);
  const looping = fileOf(built, { dentry: second, mount }, 2, 7n);
  const cut = dentry(built, 'end', toAddress(0x1234_5678n));
  const wild = fileOf(built, { dentry: cut, mount }, 2, 8n);
  const all = [looping, wild].map((file, index) =>
    built.make('vm_area_struct', { vm_start: (index + 1) << 12, vm_end: (index + 2) << 12, vm_file: file, vm_flags: 1 }),
  );
  const leaf = mapleNode(built, 1, [
    [0xfffn, 0n],
    [0x1fffn, all[0] ?? 0n],
    [0n, all[1] ?? 0n],
  ]);
  const mm = built.make('mm_struct', { 'mm_mt.ma_root': leaf | 2n });
  const kernel = built.open();
  assert.deepEqual(
    mapsEntries(kernel, mm).map(({ name }) => name),
    ['/first/second', 'end'],
  );
  assert.match([...kernel.warnings].join('\n'), /does not end/);
  assert.match([...kernel.warnings].join('\n'), /is told in part/);
});

test('a path of more components than are followed is told in part', async () => {
  const built = new StructKernel(mapled);
  const slash = dentry(built, '/', undefined);
  const file = dentry(built, 'file', dentry(built, 'inner', dentry(built, 'outer', slash)));
  const place = { dentry: file, mount: mounted(built, slash, undefined) };
  const kernel = built.open();
  assert.equal(pathText(kernel, place), '/outer/inner/file');
  await underLimits({ pathComponents: 1 }, () => {
    assert.equal(pathText(kernel, place), '/inner/file');
    assert.match([...kernel.warnings].join('\n'), new RegExp(`does not end: it has more than ${limits.pathComponents} components`));
  });
});
