/** vread() before and after the kernel learnt of vm_map_ram() areas: what /proc/kcore gives, with what it gets wrong. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { toAddress } from '../../debug-adapter/base/address.ts';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import { absent, dumpFolder, jsonLines } from '../support/dumps.ts';
import { replayBlocks } from './recorded-blocks.ts';
import { sessionOf } from './session-of.ts';

const page = 4096n;

const dump = 'x86-64-debian-6.12';

interface KcoreRow {
  readonly r?: string;
  readonly addr: string;
  readonly len: number;
  readonly sha256: string;
}

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

  it(
    'gives what /proc/kcore gave inside vm_map_ram() memory, when the recorded calls are replayed',
    { skip: absent(dump) ?? false },
    (t) => {
      const { machine, blocks, wholes } = replayBlocks();
      const blockSize = 0x10_0000n;
      /** The simulated address of a recorded range that lies inside one block, or one area. */
      const placeOf = (address: bigint, length: number): bigint | undefined => {
        const start = address & ~(blockSize - 1n);
        const simulated = blocks.get(start);
        // What the first 48 pages of CPU 1's block held was not written down; its every page reads as the first.
        if (simulated !== undefined) {
          const isInside = address + BigInt(length) <= start + blockSize && start !== 0xffff_d4bf_8080_0000n;
          return isInside ? simulated + address - start : undefined;
        }
        for (const [from, { address: to, pages }] of wholes) {
          if (address >= from && address + BigInt(length) <= from + BigInt(pages) * page) return to + address - from;
        }
        return undefined;
      };
      let compared = 0;
      const wrong: string[] = [];
      for (const { r, addr, len, sha256 } of jsonLines<KcoreRow>(join(dumpFolder(dump) ?? '', 'truth/guest/kcore_fx.jsonl'))) {
        const at = r === undefined ? undefined : placeOf(BigInt(addr), len);
        if (at === undefined) continue;
        // /proc/kcore asks for a page at most.
        const hash = createHash('sha256');
        for (let done = 0n; done < BigInt(len);) {
          const rest = BigInt(len) - done;
          const size = rest < page - ((at + done) % page) ? rest : page - ((at + done) % page);
          hash.update(Buffer.from(machine.run('vread', { address: at + done, size }) as string, 'hex'));
          done += size;
        }
        compared++;
        if (hash.digest('hex') !== sha256) wrong.push(`${r} ${addr} ${len}`);
      }
      t.diagnostic(`${compared - wrong.length} of ${compared} reads equal`);
      assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} of ${compared}`);
      assert.ok(compared > 2000);
    },
  );
});
