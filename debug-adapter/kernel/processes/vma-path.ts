/** Paths of open files as the kernel prints them: dentries up through the mounts (fs/d_path.c). */
import { limits } from '../../base/limits.ts';
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault, UserError } from '../../base/errors.ts';
import { decodeName } from '../../base/text.ts';
import type { Kernel } from '../kernel.ts';
import { findTask } from './task.ts';
import type { Structs } from '../structs.ts';

const purpose = 'reading the path of a file';

/** A struct path. */
export interface FilePlace {
  readonly dentry: Address;
  /** Of the struct vfsmount. */
  readonly mount: Address;
}

/**
 * The path at which pid 1 sees `place`, with ` (deleted)` as d_path() adds it; names that file systems without mounts make
 * up are as they make them. Throws `MemoryFault` when nothing of it can be read.
 */
export function pathText(kernel: Kernel, place: FilePlace): string {
  const structs = kernel.structs(purpose);
  const dentry = structs.get('dentry');
  const { dentry: at } = place;
  const isRoot = dentry.pointer(at, 'd_parent') === at;
  const generated = generatedName(kernel, structs, place, isRoot);
  if (generated !== undefined) return generated;
  // d_unlinked(): it is not hashed, and no root.
  const deleted = !isRoot && dentry.pointer(at, 'd_hash.pprev') === 0n;
  return `${mountedPath(kernel, structs, place)}${deleted ? ' (deleted)' : ''}`;
}

/** The components from the root that pid 1 has down to `place`. */
function mountedPath(kernel: Kernel, structs: Structs, place: FilePlace): string {
  const dentry = structs.get('dentry');
  const mount = structs.get('mount');
  const mounted = structs.get('vfsmount');
  const mountOffset = mount.offset('mnt');
  const root = kernel.once(firstRoot);
  const visited = new Set<string>();
  const names: string[] = [];
  let at = place.dentry;
  let within = place.mount;
  try {
    while (at !== root?.dentry || within !== root.mount) {
      const key = `${at} ${within}`;
      if (visited.has(key) || visited.size > limits.pathComponents) {
        kernel.warn(
          `the path of the dentry at ${formatAddress(place.dentry)} does not end: ${visited.has(key) ? `${formatAddress(at)} is met twice` : `it has more than ${limits.pathComponents} components`}`,
        );
        break;
      }
      visited.add(key);
      if (at === mounted.pointer(within, 'mnt_root')) {
        const own = addToAddress(within, -mountOffset);
        const parent = mount.pointer(own, 'mnt_parent');
        if (parent === own) break;
        at = mount.pointer(own, 'mnt_mountpoint');
        within = addToAddress(parent, mountOffset);
        continue;
      }
      const above = dentry.pointer(at, 'd_parent');
      // It lies outside the mount through which it is open: d_path() has no path for it.
      if (above === at) return '/';
      names.push(nameOf(structs, at));
      at = above;
    }
  } catch (error) {
    if (!(error instanceof MemoryFault) || names.length === 0) throw error;
    kernel.warn(`the path of the dentry at ${formatAddress(place.dentry)} is told in part: ${error.message}`);
    return names.reverse().join('/');
  }
  return `/${names.reverse().join('/')}`;
}

function nameOf(structs: Structs, dentry: Address): string {
  const shape = structs.get('dentry');
  const length = Math.min(shape.number(dentry, 'd_name.len'), limits.stringBytes);
  return decodeName(structs.memory.bytes(shape.pointer(dentry, 'd_name.name'), length));
}

/** Where the first process has its root: the reader of the paths. Undefined where it cannot be told; paths then go up to the last mount. */
function firstRoot(kernel: Kernel): FilePlace | undefined {
  const structs = kernel.structs(purpose);
  const task = structs.find('task_struct');
  const fs = structs.find('fs_struct');
  if (fs?.has('root.mnt') !== true || task?.has('fs') !== true) return undefined;
  try {
    const first = findTask(kernel, 1);
    const at = first === undefined ? toAddress(0) : task.pointer(first.address, 'fs');
    return at === 0n ? undefined : { dentry: fs.pointer(at, 'root.dentry'), mount: fs.pointer(at, 'root.mnt') };
  } catch (error) {
    // The tasks cannot be listed, or the first one's root not be read.
    if (!(error instanceof UserError)) throw error;
    return undefined;
  }
}

/** What dentry_operations.d_dname makes, by the name of the function; undefined when the path is to be walked. */
function generatedName(kernel: Kernel, structs: Structs, place: FilePlace, isRoot: boolean): string | undefined {
  const shape = structs.get('dentry');
  const { dentry } = place;
  const ops = shape.pointer(dentry, 'd_op');
  if (ops === 0n) return undefined;
  const maker = structs.get('dentry_operations').pointer(ops, 'd_dname');
  if (maker === 0n) return undefined;
  if (isRoot && structs.get('vfsmount').pointer(place.mount, 'mnt_root') === dentry) return undefined;
  const name = kernel.symbols.resolve(maker)?.symbol.name.replace(/\..*$/, '');
  const own = nameOf(structs, dentry);
  const inode = (): bigint => structs.get('inode').unsigned(shape.pointer(dentry, 'd_inode'), 'i_ino');
  switch (name) {
    case 'simple_dname':
      return `/${own} (deleted)`;
    case 'anon_inodefs_dname':
      return `anon_inode:${own}`;
    case 'pipefs_dname':
      return `pipe:[${inode()}]`;
    case 'sockfs_dname':
      return `socket:[${inode()}]`;
    case 'dmabuffs_dname': {
      const buffer = structs.find('dma_buf');
      const at = shape.pointer(dentry, 'd_fsdata');
      const label = buffer === undefined || at === 0n || !buffer.has('name') ? 0n : buffer.pointer(at, 'name');
      return `/${own}:${label === 0n ? '' : structs.memory.cString(toAddress(label), 64)}`;
    }
    default:
      kernel.warn(
        `the name of the dentry at ${formatAddress(dentry)} is made by ${name ?? formatAddress(maker)}, which Pagewalk does not know`,
      );
      return `/${own}`;
  }
}
