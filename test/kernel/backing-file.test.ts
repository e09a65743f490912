/**
 * Files of stacked file systems in /proc/PID/maps: struct backing_file with the path that the user opened. Which bit of f_mode
 * marks it changed in 6.14, when the old one became FMODE_NONOTIFY, which files of pseudo file systems have.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addToAddress } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import { vmaFile } from '../../debug-adapter/kernel/processes/vma-name.ts';
import { StructKernel } from '../builders/struct-kernel.ts';
import type { Layouts } from '../builders/struct-kernel.ts';

const layouts: Layouts = {
  path: { size: 16, members: { mnt: [0, 8], dentry: [8, 8] } },
  file: { size: 64, members: { f_path: [16, 'path'], f_inode: [32, 8], f_mode: [40, 4] } },
  backing_file: { size: 80, members: { file: [0, 'file'], user_path: [64, 'path'] } },
  hlist_bl_node: { size: 16, members: { next: [0, 8], pprev: [8, 8] } },
  qstr: { size: 16, members: { hash: [0, 4], len: [4, 4], name: [8, 8] } },
  dentry: {
    size: 104,
    members: { d_hash: [8, 'hlist_bl_node'], d_parent: [24, 8], d_name: [32, 'qstr'], d_inode: [48, 8], d_op: [56, 8], d_sb: [96, 8] },
  },
  vfsmount: { size: 32, members: { mnt_root: [0, 8], mnt_sb: [8, 8] } },
  mount: { size: 96, members: { mnt_parent: [16, 8], mnt_mountpoint: [24, 8], mnt: [32, 'vfsmount'] } },
  inode: { size: 64, members: { i_sb: [8, 8], i_ino: [16, 8] } },
  super_block: { size: 64, members: { s_dev: [16, 4] } },
};

/** A file called `name` on a file system of its own. */
function place(built: StructKernel, name: string, device: number): { dentry: Address; mount: Address; inode: Address } {
  const d_sb = built.make('super_block', { s_dev: device });
  const root = built.make('dentry', { d_sb });
  built.set(root, 'dentry', 'd_parent', root);
  const own = built.make('mount', { 'mnt.mnt_root': root, 'mnt.mnt_sb': d_sb });
  built.set(own, 'mount', 'mnt_parent', own);
  const inode = built.make('inode', { i_sb: d_sb, i_ino: 17 });
  const dentry = built.make('dentry', {
    d_parent: root,
    'd_name.name': built.text(name),
    'd_name.len': name.length,
    'd_hash.pprev': 1,
    d_inode: inode,
    d_sb,
  });
  return { dentry, mount: addToAddress(own, built.offset('mount', 'mnt')), inode };
}

function told(mode: number, behind: 'path' | 'nothing' | 'words' | 'other mount'): { path: string; minor: number; warnings: string[] } {
  const built = new StructKernel(layouts);
  const lower = place(built, 'lower', 8);
  const upper = place(built, 'upper', 9);
  const other = place(built, 'other', 10);
  const file = built.make('backing_file', {
    'file.f_mode': mode,
    'file.f_path.dentry': lower.dentry,
    'file.f_path.mnt': lower.mount,
    'file.f_inode': lower.inode,
  });
  if (behind === 'words') {
    built.set(file, 'backing_file', 'user_path.dentry', 0x20a_0007n);
    built.set(file, 'backing_file', 'user_path.mnt', 0x1_0000_0002n);
  } else if (behind !== 'nothing') {
    built.set(file, 'backing_file', 'user_path.dentry', upper.dentry);
    built.set(file, 'backing_file', 'user_path.mnt', behind === 'path' ? upper.mount : other.mount);
  }
  const kernel = built.open();
  const vma = { address: file, start: file, end: file, flags: 0n, pageOffset: 0n, vmFile: file, ops: undefined, file: undefined };
  const found = vmaFile(kernel, vma);
  return { path: found?.path ?? '', minor: found?.device.minor ?? -1, warnings: [...kernel.warnings] };
}

const own = { path: '/lower', minor: 8, warnings: [] };
const opened = { path: '/upper', minor: 9, warnings: [] };

test('the bit of 6.5, and that of 6.14, with a path behind the file', () => {
  assert.deepEqual(told(0x200_0000, 'path'), opened);
  assert.deepEqual(told(0x100_0000, 'path'), opened);
});

test('a file that is not to be watched is no backing file', () => {
  for (const behind of ['nothing', 'words', 'other mount'] as const) assert.deepEqual(told(0x20a_0007, behind), own);
  assert.deepEqual(told(0, 'path'), own);
});
