/** vread() before and after the kernel learnt of vm_map_ram() areas: what /proc/kcore gives, with what it gets wrong. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { toAddress } from '../../debug-adapter/base/address.ts';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import { sessionOf } from './session-of.ts';

const page = 4096n;

/** First byte of each page that vread gives, as text; `.` for zero. */
function pagesOf(machine: Machine, address: bigint, pages: number): string {
  const hex = machine.run('vread', { address, size: BigInt(pages) * page });
  assert.equal(typeof hex, 'string');
  return Array.from({ length: pages }, (_, index) => {
    const byte = Number.parseInt((hex as string).slice(index * 8192, index * 8192 + 2), 16);
    return byte === 0 ? '.' : String.fromCharCode(byte);
  }).join('');
}

function fillPages(machine: Machine, address: bigint, letters: string): void {
  Array.from(letters).forEach((letter, index) => {
    machine.run('fill', { address: address + BigInt(index) * page, size: page, text: letter });
  });
}

/** A block with used pages 0-2 (3 is used and not mapped), 4-7 dirty, 8-9 used. */
function block(machine: Machine): bigint {
  const first = machine.run('vm_map_ram', { count: 3n }) as bigint;
  const freed = machine.run('vm_map_ram', { count: 4n }) as bigint;
  const last = machine.run('vm_map_ram', { count: 2n }) as bigint;
  assert.deepEqual([freed - first, last - first], [4n * page, 8n * page]);
  fillPages(machine, first, 'abc');
  fillPages(machine, last, 'ij');
  machine.run('vm_unmap_ram', { address: freed, count: 4n });
  return first;
}

describe('vread', () => {
  it('reads vmalloc() memory, and zeros for guard pages, holes and device memory', () => {
    const machine = Machine.create();
    const address = machine.run('vmalloc', { size: 3n * page }) as bigint;
    fillPages(machine, address, 'xyz');
    assert.equal(pagesOf(machine, address, 5), 'xyz..');
    assert.equal(pagesOf(machine, address + page, 2), 'yz');
    const io = machine.run('ioremap', { phys_addr: 0xfed0_0000n, size: page }) as bigint;
    assert.equal(pagesOf(machine, io, 1), '.');
  });

  it('passes over vm_map_ram() areas where the kernel knows them by nothing', () => {
    const machine = Machine.create({ features: { vmapRamFlags: false, usedMap: false } });
    const whole = machine.run('vm_map_ram', { count: 70n }) as bigint;
    fillPages(machine, whole, 'pq');
    assert.equal(pagesOf(machine, whole, 3), '...');
    assert.equal(pagesOf(machine, block(machine), 10), '..........');
    // The truth is in the page tables all the same.
    assert.equal(sessionOf(machine).readVirtual(toAddress(whole), 1).bytes[0], 'p'.charCodeAt(0));
  });

  it('reads them with flags and used_map: whole areas, and of blocks what is used', () => {
    const machine = Machine.create();
    const whole = machine.run('vm_map_ram', { count: 70n }) as bigint;
    fillPages(machine, whole, 'pqr');
    assert.equal(pagesOf(machine, whole + page, 2), 'qr');
    const start = block(machine);
    assert.equal(pagesOf(machine, start, 10), 'abc.....ij');
  });

  it('reads the first used page for every page of a block when it is asked page by page, as the kernel does', () => {
    const machine = Machine.create();
    const start = block(machine);
    const alone = Array.from({ length: 12 }, (_, index) => pagesOf(machine, start + BigInt(index) * page, 1)).join('');
    assert.equal(alone, 'aaaaaaaaaaaa');
    // The engine's own account of the kernel's answer is the same.
    const session = sessionOf(machine);
    for (const index of [0n, 5n, 9n]) {
      assert.equal(session.readAsKcore(toAddress(start + index * page), 1).bytes[0], 'a'.charCodeAt(0));
    }
  });

  it('counts in steps that a debugger can stop at', () => {
    const machine = Machine.create();
    const start = block(machine);
    const steps = [...(machine.operations.get('vread')?.run(machine, { address: start, size: 3n * page }) ?? [])];
    assert.equal(steps.length, 3);
  });
});
