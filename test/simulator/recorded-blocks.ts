/** The vm_map_ram() calls that the Debian kernel's test module made, made again on a simulated machine. */
import assert from 'node:assert/strict';

import { toAddress } from '../../debug-adapter/base/address.ts';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import type { Arguments } from '../../debug-adapter/simulator/operation.ts';
import { truthText } from '../support/dumps.ts';

const dump = 'x86-64-debian-6.12';
const blockMask = 0xf_ffffn;

interface RecordedCall {
  readonly name: string;
  readonly kind: string;
  readonly addr: string;
  readonly size: number;
  readonly state: string;
}

/** Which page of which pool each page of a mapping is. */
interface RecordedPages {
  readonly name: string;
  readonly addr: string;
  readonly pool: number;
  readonly first: number;
  readonly pfns: readonly number[];
  readonly pidx?: readonly number[];
}

function recordsOf<Row>(word: string): Row[] {
  return truthText(dump, 'guest/fxvm.txt')
    .split('\n')
    .filter((line) => line.startsWith(`${word} `))
    .map((line) => JSON.parse(line.slice(word.length + 1)) as Row);
}

export interface ReplayedBlocks {
  readonly machine: Machine;
  /** The simulated block, by the recorded one's start. */
  readonly blocks: ReadonlyMap<bigint, bigint>;
  /** The simulated mapping, by the recorded one's start. */
  readonly wholes: ReadonlyMap<bigint, { readonly address: bigint; readonly pages: number }>;
}

/** Replays the calls in their order, each on the CPU that it was made on; the pages have what the module wrote to them. */
export function replayBlocks(): ReplayedBlocks {
  const machine = Machine.create({ cpus: 4, ram: 256 << 20 });
  const run = (name: string, given: Arguments): bigint => {
    const value = machine.run(name, given);
    assert.equal(typeof value, 'bigint', name);
    return value as bigint;
  };
  const map = (count: bigint): bigint => run('vm_map_ram', { count, pfn: run('alloc_pages', { count }) });
  machine.run('set_cpu', { cpu: 1n });
  // CPU 1's block had served 48 pages before the recording began.
  map(32n);
  map(16n);
  const addresses = new Map<string, bigint>();
  const blocks = new Map<bigint, bigint>();
  const wholes = new Map<bigint, { readonly address: bigint; readonly pages: number }>();
  const recorded = new Map<string, bigint>();
  const unmapped: RecordedCall[] = [];
  for (const call of recordsOf<RecordedCall>('FXVM')) {
    const { name, kind, addr, size, state } = call;
    if (!kind.startsWith('vm_map_ram')) continue;
    if (state === 'unmapped') {
      unmapped.push(call);
      continue;
    }
    machine.run('set_cpu', { cpu: BigInt(/^ram_c([0-9])_/.exec(name)?.[1] ?? '3') });
    const address = map(BigInt(size / 4096));
    addresses.set(name, address);
    recorded.set(name, BigInt(addr));
    if (kind === 'vm_map_ram_block') {
      assert.equal(address & blockMask, BigInt(addr) & blockMask, name);
      blocks.set(BigInt(addr) & ~blockMask, address & ~blockMask);
    } else wholes.set(BigInt(addr), { address, pages: size / 4096 });
  }
  for (const { name, addr, pool, pfns, first, pidx } of recordsOf<RecordedPages>('FXPG')) {
    const start = addresses.get(name);
    if (start === undefined) continue;
    const address = start + BigInt(addr) - (recorded.get(name) ?? 0n);
    pfns.forEach((_, index) => {
      fillPage(machine, address + BigInt(index) * 4096n, { pool, page: pidx?.[index] ?? first + index });
    });
  }
  // Every mapping was made before the first was taken away.
  for (const { name, size } of unmapped) machine.run('vm_unmap_ram', { address: addresses.get(name) ?? 0n, count: BigInt(size / 4096) });
  return { machine, blocks, wholes };
}

/** Each word is `0x4658 << 48 | pool << 32 | page << 12 | offset`. */
function fillPage(machine: Machine, address: bigint, of: { readonly pool: number; readonly page: number }): void {
  const { core } = machine;
  const { at, level } = core.tables.walk(core.root, Number(toAddress(address) >> 12n));
  const to = core.tables.leafAt(level, at);
  const bytes = new DataView(new ArrayBuffer(4096));
  const head = (0x4658n << 48n) | (BigInt(of.pool) << 32n) | (BigInt(of.page) << 12n);
  for (let offset = 0; offset < 4096; offset += 8) bytes.setBigUint64(offset, head | BigInt(offset), true);
  core.memory.write(to, new Uint8Array(bytes.buffer));
}
