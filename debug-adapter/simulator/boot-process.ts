/** What processes and their files need of the kernel image, and the file systems that there are when the machine has started. */
import type { CTypes } from './c-declarations.ts';
import type { Core } from './core.ts';
import { fileKinds, newDentry, newInode } from './file.ts';
import type { FileKind } from './file.ts';
import type { ImageBuilder } from './image-builder.ts';
import type { KernelMemory } from './kernel-memory.ts';
import { areaOperations } from './vma.ts';

/** Name, device number and magic of each file system. */
const fileSystems: Readonly<Record<FileKind, readonly [name: string, device: number, magic: number]>> = {
  file: ['ramfs', 0x2, 0x8584_58f6],
  shmem: ['tmpfs', 0x1, 0x0102_1994],
  hugetlb: ['hugetlbfs', 0x11, 0x9584_58f6],
  secret: ['secretmem', 0xe, 0x5345_434d],
  device: ['devtmpfs', 0x6, 0x0102_1994],
};

/** Variables, and the operations of areas, before the names of all are known. */
export function placeProcessVariables(at: { readonly memory: KernelMemory; readonly types: CTypes; readonly image: ImageBuilder }): void {
  const { memory, types, image } = at;
  const word = memory.pointerSize;
  image.place('data', 'simulated_mounts', { size: fileKinds.length * word });
  image.place('data', 'simulated_inode', { size: word, align: 8 });
  memory.setLong(image.place('data', 'huge_zero_pfn', { size: word, align: 8 }), memory.addressMask);
  for (const name of Object.values(areaOperations)) image.place('rodata', name, { size: types.size('vm_operations_struct') });
  image.place('rodata', 'anon_ops', { size: types.size('dentry_operations') });
  const points = (from: string, to: string, offset: number): void => {
    const [place, target] = [image.places.get(from), image.places.get(to)];
    if (place === undefined || target === undefined) throw new RangeError(`the kernel image has no ${from} or ${to}`);
    memory.setPointer(place + offset, target);
  };
  points('anon_ops', 'simple_dname', types.offset('dentry_operations', 'd_dname'));
  points(areaOperations.special, 'special_mapping_name', types.offset('vm_operations_struct', 'name'));
}

/** Mounts the file systems. */
export function bootProcesses(core: Core): void {
  fileKinds.forEach((kind, index) => {
    core.memory.setPointer(core.symbol('simulated_mounts') + index * core.memory.pointerSize, mountFileSystem(core, kind));
  });
}

function mountFileSystem(core: Core, kind: FileKind): number {
  const { memory, types, caches, tables } = core;
  const [name, device, magic] = fileSystems[kind];
  const [type, text, block, mount] = [
    caches['kmalloc-64'].take(),
    caches['kmalloc-64'].take(),
    caches['kmalloc-256'].take(),
    caches['kmalloc-256'].take(),
  ];
  memory.setText(text, name, 64);
  memory.setPointer(type + types.offset('file_system_type', 'name'), text);
  memory.setU32(block + types.offset('super_block', 's_dev'), device);
  memory.setWord(block + types.offset('super_block', 's_magic'), magic);
  memory.setPointer(block + types.offset('super_block', 's_type'), type);
  memory.setText(block + types.offset('super_block', 's_id'), name, 32);
  if (kind === 'hugetlb') {
    const [info, state] = [caches['kmalloc-64'].take(), caches['kmalloc-64'].take()];
    memory.setPointer(block + types.offset('super_block', 's_fs_info'), info);
    memory.setPointer(info + types.offset('hugetlbfs_sb_info', 'hstate'), state);
    memory.setU32(state + types.offset('hstate', 'order'), Math.log2(tables.span(tables.last - 1)));
  }
  const root = newDentry(core, { name: '/', parent: 0, inode: newInode(core, { superBlock: block, pages: 0 }), isOnDisk: true });
  memory.setPointer(mount + types.offset('mount', 'mnt_parent'), mount);
  memory.setPointer(mount + types.offset('mount', 'mnt_mountpoint'), root);
  memory.setPointer(mount + types.offset('mount', 'mnt.mnt_root'), root);
  memory.setPointer(mount + types.offset('mount', 'mnt.mnt_sb'), block);
  return mount;
}
