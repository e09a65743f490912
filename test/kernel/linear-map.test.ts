/** 32-bit kernels that do not name high_memory: the page tables tell how far the linear map goes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { armShort } from '../../debug-adapter/arch/arm.ts';
import { x86TwoLevel } from '../../debug-adapter/arch/x86-32.ts';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { identify, identifyPhysical } from '../../debug-adapter/kernel/identify/identify.ts';
import { layoutOf, regionOfKind } from '../../debug-adapter/kernel/layout/layout.ts';
import { SmallKernel } from '../builders/small-kernel.ts';

const pageOffset = 0xc000_0000n;
const mib = 2 ** 20;

/** Pieces of the address space: where each lies, in MiB from PAGE_OFFSET, and at which physical address, in MiB. */
type Piece = readonly [at: number, physical: number];
/** Two holes, as of pages that debugging or the boot took away; behind the second gap vmalloc, of which a piece lies by chance as in the map. */
const pieces: readonly Piece[] = [
  [0, 0],
  [4, 4],
  [12, 12],
  [16, 16],
  [32, 100],
  [36, 36],
];

function kernelOf(architecture: 'x86-32' | 'arm', mapped: readonly Piece[]): SmallKernel {
  const mode = architecture === 'arm' ? armShort({ pageOffset }) : x86TwoLevel({ pageOffset });
  const kernel = new SmallKernel({ architecture, mode, pageOffset, vmcoreinfo: ['SYMBOL(_stext)=c0400000'] });
  const root = kernel.table(architecture === 'arm' ? 0x4000 : 0x1000);
  kernel.initRoot(root);
  for (const [at, physical] of mapped) {
    if (architecture === 'x86-32') kernel.entry(root, (Number(pageOffset) / mib + at) / 4, BigInt(physical * mib) | 0x1e3n, 4);
    // Sections of 1 MiB, to read and to write.
    else for (let mi = 0; mi < 4; mi++) kernel.entry(root, Number(pageOffset) / mib + at + mi, BigInt((physical + mi) * mib) | 0x40en, 4);
  }
  return kernel;
}

for (const architecture of ['x86-32', 'arm'] as const) {
  test(`${architecture}: up to the first page that lies elsewhere, over holes`, () => {
    const kernel = kernelOf(architecture, pieces).open();
    const layout = layoutOf(kernel);
    assert.deepEqual(layout.directMap, { start: pageOffset, end: pageOffset + BigInt(20 * mib), offset: pageOffset });
    assert.equal(regionOfKind(layout, 'direct-map')?.end, pageOffset + BigInt(20 * mib));
    assert.ok(layout.findings.some(({ quantity, source }) => quantity === 'linearMapEnd' && source === 'the page tables'));
    // What is there is looked up by its frame, in both directions.
    const context = { pageTable: kernel.root.pageTable, task: undefined };
    const details = (at: number): string[] =>
      identify(kernel, toAddress(pageOffset + BigInt(at * mib)), context).details.map(({ kind }) => kind);
    assert.ok(details(17).includes('direct-map'));
    assert.ok(!details(33).includes('direct-map'));
    assert.ok(identifyPhysical(kernel, toPhysAddr(17 * mib)).details.some(({ kind }) => kind === 'direct-map'));
  });

  test(`${architecture}: a variable is believed`, () => {
    const small = kernelOf(architecture, pieces);
    small.word(small.variable('high_memory', 4), pageOffset + BigInt(18 * mib));
    assert.equal(layoutOf(small.open()).directMap?.end, pageOffset + BigInt(18 * mib));
  });

  test(`${architecture}: nothing is mapped in its own order`, () => {
    assert.equal(layoutOf(kernelOf(architecture, []).open()).directMap, undefined);
    const shifted = kernelOf(architecture, [
      [0, 8],
      [4, 4],
    ]).open();
    assert.equal(layoutOf(shifted).directMap, undefined);
  });
}
