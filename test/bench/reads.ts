/**
 * Pages read per second through the page tables, and megabytes per second of long reads: random pages of the direct map and
 * of vmalloc areas, and a straight run through the direct map. In one process, after one pass that warms the caches of the
 * file system. Random reads open the image anew for each pass, so that no page is decompressed before its turn, and their seconds
 * are of the processor, here and with the peers: all read them in one thread, and what else the machine does meets them less. The
 * straight run keeps no pages, so all its passes are made in one opened image, as the peers do, and its seconds are the clock's:
 * threads help with it. It is a copy that the kernel makes, at the speed that the processor has just then: of all rounds, which
 * the peers take turns with, the fastest counts, and of random reads the one in the middle.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { addToAddress, parseAddress } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import { frameSize } from '../../debug-adapter/memory/physical-memory.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { SessionFace } from '../../debug-adapter/session/session-face.ts';
import { processorSeconds } from './processor-time.ts';

const program = pathToFileURL(resolve(import.meta.dirname, '../../dist/pagewalk.js'));
const reads = 20_000;
const chunk = 1 << 20;
const passes = 5;

export interface ReadFigures {
  readonly image: string;
  /** Reads of 4 KiB a second of the processor. */
  readonly randomDirect: number;
  readonly randomVmalloc: number;
  /** Bytes a second, in reads of 1 MiB. */
  readonly sequential: number;
  /** Translations a second. */
  readonly translations: number;
}

/** What peers are asked for too. */
export type PeerReads = Pick<ReadFigures, 'randomDirect' | 'randomVmalloc' | 'sequential'>;

/** Where to read: the same for the peers. */
export interface ReadPlan {
  readonly randomDirect: readonly Address[];
  readonly randomVmalloc: readonly Address[];
  readonly sequential: readonly Address[];
}

/** The same addresses in every run: a linear congruential generator (Numerical Recipes). */
function* sequence(below: number): Generator<number> {
  for (let state = 7; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield Math.floor((state / 2 ** 32) * below);
  }
}

function pick<Item>(items: readonly Item[], count: number): Item[] {
  const chosen: Item[] = [];
  for (const index of sequence(items.length)) {
    const item = items[index];
    if (item === undefined || chosen.length === count) return chosen;
    chosen.push(item);
  }
  return chosen;
}

/** Pages of RAM as the image has it, and pages of busy vmalloc areas. */
export function readPlan(image: string): ReadPlan {
  const session = openSession(nodeHost(), { paths: [image] });
  try {
    const base = parseAddress(session.info().pageOffset ?? '');
    if (base === undefined) throw new Error(`${image}: no direct map`);
    const direct: Address[] = [];
    const sequential: Address[] = [];
    for (const { start, end } of session.memory().physical.ranges) {
      for (let at = start; at + frameSize <= end; at += frameSize) direct.push(addToAddress(base, at));
      for (let at = Math.ceil(start / chunk) * chunk; at + chunk <= end; at += chunk) sequential.push(addToAddress(base, at));
    }
    const vmalloc = session.vmalloc().areas.flatMap(({ start, pages }) => {
      const first = parseAddress(start);
      return first === undefined ? [] : Array.from({ length: pages ?? 0 }, (_, page) => addToAddress(first, page * frameSize));
    });
    return { randomDirect: pick(direct, reads), randomVmalloc: pick(vmalloc, reads), sequential };
  } finally {
    session.close();
  }
}

function secondsOf(image: string, run: (session: SessionFace) => void): number {
  const times: number[] = [];
  for (let pass = 0; pass <= passes; pass++) {
    const session = openSession(nodeHost(), { paths: [image] });
    try {
      session.memory();
      const start = processorSeconds();
      run(session);
      if (pass > 0) times.push(processorSeconds() - start);
    } finally {
      session.close();
    }
  }
  return median(times);
}

function secondsThrough(image: string, addresses: readonly Address[]): number {
  // Into one buffer, as drgn's allocator in effect gives the same memory for each.
  const buffer = new Uint8Array(chunk);
  const session = openSession(nodeHost(program), { paths: [image] });
  try {
    session.memory();
    const times: number[] = [];
    for (let pass = 0; pass <= passes; pass++) {
      const start = performance.now();
      for (const address of addresses) session.readVirtualInto(address, buffer);
      if (pass > 0) times.push((performance.now() - start) / 1000);
    }
    return Math.min(...times);
  } finally {
    session.close();
  }
}

function median(times: number[]): number {
  times.sort((a, b) => a - b);
  return times[times.length >> 1] ?? Number.NaN;
}

/** Of several rounds: the middle one of random reads, the fastest of straight runs. */
export function ofAllRounds<Figures extends PeerReads>(rounds: readonly Figures[]): Figures | undefined {
  const [first] = rounds;
  if (first === undefined) return undefined;
  const middle = (figure: (round: Figures) => number): number => median(rounds.map(figure));
  return {
    ...first,
    randomDirect: middle(({ randomDirect }) => randomDirect),
    randomVmalloc: middle(({ randomVmalloc }) => randomVmalloc),
    sequential: Math.max(...rounds.map(({ sequential }) => sequential)),
  };
}

/** One round. */
export function measureReads(image: string, plan: ReadPlan): ReadFigures {
  const page = new Uint8Array(frameSize);
  const random = (session: SessionFace, address: Address): unknown => session.readVirtualInto(address, page);
  const rate = (addresses: readonly Address[], read: (session: SessionFace, address: Address) => unknown): number =>
    addresses.length /
    secondsOf(image, (session) => {
      for (const address of addresses) read(session, address);
    });
  return {
    image,
    randomDirect: rate(plan.randomDirect, random),
    randomVmalloc: rate(plan.randomVmalloc, random),
    sequential: (plan.sequential.length / secondsThrough(image, plan.sequential)) * chunk,
    translations:
      plan.randomVmalloc.length /
      secondsOf(image, (session) => {
        const memory = session.memory();
        for (const address of plan.randomVmalloc) memory.frameOf(Number(address >> 12n));
      }),
  };
}
