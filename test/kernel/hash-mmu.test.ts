/** ppc64 kernels on the hash MMU have no page tables for kernel addresses: they are refused, with what to do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UserError } from '../../debug-adapter/base/errors.ts';
import type { Image } from '../../debug-adapter/image/image.ts';
import { findPowerpcRoot } from '../../debug-adapter/kernel/opening/root-powerpc.ts';
import { parseVmcoreinfo } from '../../debug-adapter/symbols/vmcoreinfo.ts';

/** What the finder asks of an image before it reads memory. */
const image = { name: 'vmcore' } as Image;

test('a kernel that notes RADIX_MMU=0 is refused in words, and nothing of its memory is read', () => {
  const vmcoreinfo = parseVmcoreinfo('OSRELEASE=5.4.0\nNUMBER(RADIX_MMU)=0\n', 'a note');
  assert.throws(
    () => findPowerpcRoot({ image, vmcoreinfo, locate: () => undefined, opened: () => undefined }),
    (error) =>
      error instanceof UserError &&
      error.code === 'not-supported' &&
      /^vmcore: .*hash MMU.*no page tables.*radix MMU \(POWER9 or later/.test(error.message),
  );
});
