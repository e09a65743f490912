/** Random calls of processes, in every paging mode: memory is what the model says, nothing is lost, and all can be undone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { toAddress } from '../../debug-adapter/base/address.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { folioOf, hugeZeroFrame } from '../../debug-adapter/simulator/folio.ts';
import { Fault, Machine } from '../../debug-adapter/simulator/machine.ts';
import type { Arguments, OperationValue } from '../../debug-adapter/simulator/operation.ts';
import { pagings } from '../../debug-adapter/simulator/options.ts';
import { memoryHost } from '../support/memory-host.ts';
import { fc } from '../support/properties.ts';
import { answersOf } from './answers.ts';
import { digestOf } from './digest.ts';
import { Model, ModelProcess, randomCalls } from './process-model.ts';
import type { ModelArea, ModelPage, RandomCall } from './process-model.ts';
import { sessionOf } from './session-of.ts';

const pageSize = 4096n;
const filePages = 12;
const hugePages = 512;

/** A machine beside its model. */
class Pair {
  readonly machine: Machine;
  readonly model = new Model();
  readonly #files: bigint[] = [];
  #value = 0;

  constructor(machine: Machine) {
    this.machine = machine;
    for (const kind of ['file', 'shmem']) {
      this.#files.push(this.run('create_file', { name: kind, size: BigInt(filePages) * pageSize, kind }) as bigint);
      this.model.files.push(new Map());
    }
    this.#start();
  }

  run(name: string, given: Arguments): OperationValue {
    return this.machine.run(name, given);
  }

  #start(): void {
    this.model.processes.set(this.run('create_process', {}) as bigint, new ModelProcess());
  }

  /** Makes a call, if there is what it is about. */
  call(call: RandomCall): void {
    const pids = [...this.model.processes.keys()];
    const process = pids[call.process % pids.length];
    const owner = process === undefined ? undefined : this.model.processes.get(process);
    if (process === undefined || owner === undefined) return;
    if (call.name === 'exit') {
      if (pids.length < 2) return;
      this.run('exit', { process });
      this.model.processes.delete(process);
      return;
    }
    if (call.name === 'fork') {
      if (pids.length < 4) this.model.processes.set(this.run('fork', { process }) as bigint, new ModelProcess(owner));
      return;
    }
    if (call.name === 'soft-dirty') {
      this.run('clear_soft_dirty', { process });
      return;
    }
    if (call.name.startsWith('m') && call.name !== 'munmap') {
      this.#map(process, owner, call);
      return;
    }
    const pages = [...owner.pages.keys()].sort((a, b) => a - b);
    const first = pages[(call.area * 7 + call.from) % Math.max(1, pages.length)];
    if (first !== undefined) this.#onPages(process, owner, { call, first });
  }

  #map(process: bigint, owner: ModelProcess, { name, count, from, area: where }: RandomCall): void {
    const isHuge = name === 'map-huge';
    const isThp = name === 'map-thp';
    const file = name === 'map-file' ? 0 : name === 'map-shared' ? 1 : undefined;
    const offset = file === undefined ? 0 : from % (filePages - count);
    const pages = isHuge || isThp ? hugePages : count;
    const of: ModelArea = { file, shared: name === 'map-shared' || (name === 'map-file' && where % 2 === 0), huge: isHuge };
    const start = this.run('mmap', {
      process,
      size: BigInt(pages) * pageSize,
      flags: `${of.shared ? 'MAP_SHARED' : 'MAP_PRIVATE'}${isHuge ? '|MAP_HUGETLB' : ''}`,
      ...(file === undefined ? {} : { file: this.#files[file], offset: BigInt(offset) * pageSize }),
    }) as bigint;
    if (isThp) this.run('madvise', { process, address: start, size: BigInt(pages) * pageSize, advice: 'MADV_HUGEPAGE' });
    for (let index = 0; index < pages; index++) {
      owner.pages.set(Number(start / pageSize) + index, {
        area: of,
        index: offset + index,
        readable: true,
        writable: true,
        own: undefined,
      });
    }
  }

  /** Pages behind one another, from a page on, that are mapped; huge pages of hugetlbfs as a whole. */
  #stretch(owner: ModelProcess, first: number, count: number): { readonly start: number; readonly pages: readonly ModelPage[] } {
    const isHuge = owner.pages.get(first)?.area.huge === true;
    const start = isHuge ? first - (first % hugePages) : first;
    const pages: ModelPage[] = [];
    for (let page = start; pages.length < (isHuge ? hugePages : count); page++) {
      const one = owner.pages.get(page);
      if (one?.area.huge !== isHuge) break;
      pages.push(one);
    }
    return { start, pages };
  }

  #onPages(process: bigint, owner: ModelProcess, { call, first }: { readonly call: RandomCall; readonly first: number }): void {
    const { start, pages } = this.#stretch(owner, first, call.count);
    const range = { process, address: BigInt(start) * pageSize, size: BigInt(pages.length) * pageSize };
    const advise = (advice: string): boolean => this.#attempt(() => this.run('madvise', { ...range, advice }));
    switch (call.name) {
      case 'write':
        this.#write(process, first, owner.pages.get(first));
        return;
      case 'read':
        if (owner.pages.get(first)?.readable === true) this.run('fault', { process, address: BigInt(first) * pageSize });
        return;
      case 'munmap':
        this.run('munmap', range);
        for (let index = 0; index < pages.length; index++) owner.pages.delete(start + index);
        return;
      case 'protect':
      case 'forbid': {
        const [readable, writable] = call.name === 'forbid' ? [false, false] : [true, call.area % 2 === 0];
        const prot = readable ? (writable ? 'PROT_READ|PROT_WRITE' : 'PROT_READ') : 'PROT_NONE';
        this.run('mprotect', { ...range, prot });
        for (const one of pages) Object.assign(one, { readable, writable });
        return;
      }
      case 'drop':
        if (advise('MADV_DONTNEED')) for (const one of pages) one.own = undefined;
        return;
      case 'free':
        advise('MADV_FREE');
        return;
      case 'swap':
        this.run('swap_out', range);
        return;
      case 'collapse':
        advise('MADV_COLLAPSE');
        return;
      case 'register':
        this.#attempt(() => this.run('userfaultfd_register', range));
        return;
      case 'guard':
        this.#attempt(() => this.run('userfaultfd_writeprotect', { ...range, on: call.area % 4 > 0 }));
        return;
      case 'scan':
        this.run('pagemap_scan', {
          process,
          start: range.address,
          end: range.address + range.size,
          flags: 'WP_MATCHING',
          category_mask: 'WRITTEN',
        });
        return;
      default:
        return;
    }
  }

  /** Whether a call was done; one that is refused by an errno has changed nothing. */
  #attempt(make: () => unknown): boolean {
    try {
      make();
      return true;
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== 'errno') throw error;
      return false;
    }
  }

  #write(process: bigint, at: number, page: ModelPage | undefined): void {
    if (page === undefined) return;
    const address = BigInt(at) * pageSize;
    if (!page.writable) {
      assert.throws(() => this.run('fault', { process, address, write: true }), /segfault/);
      return;
    }
    const value = ++this.#value;
    assert.equal(this.run('fault', { process, address, write: true }), true);
    this.run('write', { process, address, value: BigInt(value), size: 4n });
    this.model.write(page, value);
  }

  /** Every page of every process that can be read, and then has been, holds what the model says. */
  checkContents(): void {
    for (const [process, { pages }] of this.model.processes) {
      for (const [page, { readable }] of pages) if (readable) this.run('fault', { process, address: BigInt(page) * pageSize });
    }
    const session = sessionOf(this.machine);
    for (const [process, { pages }] of this.model.processes) {
      for (const [page, one] of pages) {
        if (!one.readable) continue;
        const { bytes, holes } = session.readVirtual(toAddress(BigInt(page) * pageSize), 4, String(process));
        assert.deepEqual(holes, [], `page 0x${page.toString(16)} of ${process}`);
        assert.equal(Buffer.from(bytes).readUInt32LE(), this.model.contents(one), `page 0x${page.toString(16)} of ${process}`);
      }
    }
  }

  /** The areas are the model's; what the engine finds wrong is nothing; counters of resident pages agree with the tables. */
  checkState(): Session {
    const session = sessionOf(this.machine);
    assert.deepEqual(session.findings({}).findings, []);
    for (const [process, { pages }] of this.model.processes) {
      const told = session
        .maps(Number(process))
        .areas.flatMap(({ start, end }) =>
          Array.from({ length: Number((BigInt(end) - BigInt(start)) / pageSize) }, (_, index) => Number(BigInt(start) / pageSize) + index),
        );
      assert.deepEqual(
        told,
        [...pages.keys()].sort((a, b) => a - b),
      );
    }
    assert.deepEqual(session.warnings(), []);
    return session;
  }

  /** With all processes and files gone, no page is in use that was not when there were none. */
  end(): void {
    for (const process of this.model.processes.keys()) this.run('exit', { process });
    for (const file of this.#files) this.run('close_file', { file });
  }
}

/** Pages that are neither free nor a slab's nor of the huge zero page. */
function pagesInUse({ core }: Machine): number {
  let count = 0;
  const zero = hugeZeroFrame(core);
  for (const { start, end } of core.memory.ranges) {
    for (let frame = Math.max(start / 4096, 256); frame < end / 4096; frame++) {
      if (core.pages.isFree(frame) || core.pages.isSlab(folioOf(core, frame))) continue;
      if (zero === 0 || frame < zero || frame >= zero + hugePages) count++;
    }
  }
  return count;
}

describe('random calls of processes', () => {
  for (const paging of pagings) {
    it(`agree with the model, lose no page, and can be undone: ${paging}`, () => {
      const machine = Machine.create({ paging, ram: 96 << 20 });
      const first = machine.snapshot();
      const before = digestOf(machine);
      const inUse = pagesInUse(machine);
      let runs = 0;
      fc.assert(
        fc.property(randomCalls, (calls) => {
          machine.restore(first);
          const pair = new Pair(machine);
          for (const call of calls) pair.call(call);
          const session = pair.checkState();
          if (runs++ % 10 === 0) {
            const asked = { addresses: [], frames: [] };
            const saved = answersOf(
              openSession(memoryHost({ vmcore: Buffer.concat([...machine.saveElf()]) }), { paths: ['vmcore'] }),
              asked,
            );
            for (const [question, answer] of answersOf(session, asked)) assert.deepEqual(saved.get(question), answer, question);
          }
          const middle = machine.snapshot();
          const then = digestOf(machine);
          pair.checkContents();
          pair.end();
          assert.equal(pagesInUse(machine), inUse, 'pages are lost');
          machine.restore(middle);
          assert.equal(digestOf(machine), then, 'stepping back does not give the bytes back');
          machine.restore(first);
          assert.equal(digestOf(machine), before, 'the first state is not what it was');
        }),
        { numRuns: Number(process.env['PAGEWALK_PROPERTY_RUNS'] ?? 20) },
      );
    });
  }
});
