/**
 * Long readings of kdump-compressed dumps, alone and with threads: the same bytes and holes as frame by frame, whatever is missing
 * or damaged, and whatever becomes of the threads.
 */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { Host, UnpackThreadHost } from '../../debug-adapter/base/host.ts';
import type { WorkerThread } from '../../debug-adapter/base/worker.ts';
import type { Image } from '../../debug-adapter/image/image.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { readPhysical } from '../../debug-adapter/memory/physical-memory.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { buildKdump, bytesOf, codecFlags } from '../builders/kdump.ts';
import type { BuiltKdump, BuiltPage } from '../builders/kdump.ts';
import { framesOf, readAll } from '../support/frame-by-frame.ts';
import { memoryHost } from '../support/memory-host.ts';
import { fc } from '../support/properties.ts';

const program = pathToFileURL(resolve(import.meta.dirname, '../../dist/pagewalk.js'));
const realThreads = nodeHost(program).unpackThreads;
const noThreads = realThreads === undefined ? 'needs two processors and npm run build' : false;
const kinds = ['zlib', 'zlib', 'zlib', 'zlib', 'zlib', 'lzo', 'snappy', 'zstd', 'raw', 'zero', 'excluded', 'garbage', 'short'] as const;
type Kind = (typeof kinds)[number];

/** A page that compresses, and is the only one of its kind. */
function pattern(page: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index < 4 ? page >>> (index * 8) : (page * 7 + (index >>> 4)) & 0xff));
}

function builtPage(kind: Exclude<Kind, 'excluded'>, page: number, size: number): BuiltPage {
  switch (kind) {
    case 'zero':
      return { bytes: undefined };
    case 'garbage':
      return { bytes: pattern(page, size), stored: { data: pattern(page, 200), flags: codecFlags.zlib } };
    case 'short':
      return { bytes: pattern(page, size - 96), codec: 'zlib' };
    case 'lzo':
    case 'snappy':
    case 'zstd':
      // The builder's streams of these are larger than a page: a smaller page in them is damage too.
      return { bytes: pattern(page, size / 2), codec: kind };
    default:
      return { bytes: pattern(page, size), codec: kind };
  }
}

function dumpOf(pages: readonly Kind[], blockSize = 4096): BuiltKdump {
  const built = new Map<number, BuiltPage>();
  pages.forEach((kind, page) => {
    if (kind !== 'excluded') built.set(page, builtPage(kind, page, blockSize));
  });
  return { blockSize, maxFrame: pages.length, ram: [[0, pages.length]], pages: built, dumpLevel: 31 };
}

function open(dump: BuiltKdump, unpackThreads?: UnpackThreadHost): Image {
  const host: Host = { ...memoryHost({ dump: bytesOf(buildKdump(dump)) }), unpackThreads };
  return openImage(host, ['dump'], { cacheBytes: 64 * 4096 });
}

/** Reads so much that threads are worth their start: 64 pages are 256 KiB. */
function warm(image: Image): void {
  for (let round = 0; round < 72; round++) readPhysical(image.memory, toPhysAddr(0), 64 * 4096);
}

/** The real threads, with what became of them; `made` makes another thread of each. */
function watched(made: (thread: WorkerThread) => WorkerThread = (thread) => thread): {
  readonly host: UnpackThreadHost;
  readonly threads: WorkerThread[];
  readonly ended: Promise<string>[];
} {
  if (realThreads === undefined) throw new Error('no threads');
  const threads: WorkerThread[] = [];
  const ended: Promise<string>[] = [];
  const start = (): WorkerThread => {
    const thread = realThreads.start();
    let tell: (why: string) => void = () => undefined;
    ended.push(
      new Promise((resolveEnded) => {
        tell = resolveEnded;
      }),
    );
    const listen: WorkerThread['listen'] = (heard, told) => {
      thread.listen(heard, (why) => {
        tell(why);
        told(why);
      });
    };
    threads.push(thread);
    return made({ ...thread, listen });
  };
  return { host: { most: realThreads.most, start }, threads, ended };
}

/** Threads that unpack keep nobody waiting, so somebody must. */
async function allOf(ended: readonly Promise<string>[]): Promise<string[]> {
  const waiting = setInterval(() => undefined, 1000);
  try {
    return await Promise.all(ended);
  } finally {
    clearInterval(waiting);
  }
}

const allZlib = Array.from({ length: 256 }, (): Kind => 'zlib');

function isWhole(image: Image): void {
  const { bytes, holes } = readPhysical(image.memory, toPhysAddr(0), 256 * 4096);
  assert.deepEqual(holes, []);
  for (let page = 0; page < 256; page++)
    assert.equal(Buffer.compare(bytes.subarray(page * 4096, (page + 1) * 4096), pattern(page, 4096)), 0, `page ${page}`);
}

test('single pages of any dump, in any order: the bytes and holes of their frames', () => {
  const pages = fc.array(fc.constantFrom(...kinds), { minLength: 20, maxLength: 60 });
  fc.assert(
    fc.property(pages, fc.array(fc.nat(60), { maxLength: 100 }), (given, order) => {
      const dump = dumpOf(given);
      const { memory } = open(dump);
      const frames = framesOf(open(dump).memory);
      for (const page of order) assert.deepEqual(readAll(memory, page * 4096, 4096), readAll(frames, page * 4096, 4096), `page ${page}`);
    }),
    { numRuns: 60 },
  );
});

for (const threads of [false, true]) {
  describe(threads ? 'with threads' : 'in one thread', { skip: threads ? noThreads : false }, () => {
    test('any reading of any dump: the bytes and holes of its frames', () => {
      const pages = fc.array(fc.constantFrom(...kinds), { minLength: 40, maxLength: 100 });
      fc.assert(
        fc.property(pages, fc.constantFrom(4096, 16_384), fc.nat(70_000), fc.nat(70_000), (tail, blockSize, from, cut) => {
          const dump = dumpOf([...allZlib.slice(0, 64), ...tail], blockSize);
          const image = open(dump, threads ? realThreads : undefined);
          if (threads) warm(image);
          const { memory } = open(dump);
          const length = dump.maxFrame * blockSize + 5000 - from - cut;
          assert.deepEqual(readAll(image.memory, from, length), readAll(framesOf(memory), from, length));
          image.close();
        }),
        { numRuns: threads ? 12 : 60 },
      );
    });

    test('a pass over all memory: every page that is there, once and in order', () => {
      const dump = dumpOf([...allZlib, ...kinds, ...kinds, 'zlib']);
      const image = open(dump, threads ? realThreads : undefined);
      if (threads) warm(image);
      const given = new Map<number, string>();
      let reached = 0;
      for (const { start, bytes } of image.memory.blocks?.(0) ?? []) {
        assert.ok(start >= reached);
        reached = start + bytes.length;
        for (let at = 0; at < bytes.length; at += 4096)
          given.set((start + at) / 4096, Buffer.from(bytes.subarray(at, at + 4096)).toString('latin1'));
      }
      for (let page = 0; page < dump.maxFrame; page++) {
        const frame = image.memory.frame(page);
        assert.equal(given.get(page), frame === undefined ? undefined : Buffer.from(frame).toString('latin1'), `page ${page}`);
      }
      assert.ok(given.size >= 256);
      image.close();
    });

    test('frames one after the other', () => {
      const image = open(dumpOf(allZlib), threads ? realThreads : undefined);
      if (threads) warm(image);
      for (let round = 0; round < 3; round++)
        for (let page = 0; page < 256; page++)
          assert.equal(Buffer.compare(image.memory.frame(page) ?? new Uint8Array(), pattern(page, 4096)), 0, `page ${page}`);
      image.close();
    });
  });
}

test('damaged pages are tried a few times, not once for each page before them', () => {
  let tried = 0;
  const plain = memoryHost({ dump: bytesOf(buildKdump(dumpOf(allZlib.map((_, page) => (page % 2 === 0 ? 'zlib' : 'garbage'))))) });
  const inflate: Host['codecs']['inflate'] = (...parameters) => {
    tried++;
    return plain.codecs.inflate(...parameters);
  };
  const image = openImage({ ...plain, codecs: { inflate } }, ['dump'], { cacheBytes: 64 * 4096 });
  assert.equal(readPhysical(image.memory, toPhysAddr(0), 256 * 4096).holes.length, 128);
  assert.ok(tried < 256 * 4, `${tried} times`);
});

describe('threads', { skip: noThreads }, () => {
  test('are not started for little', () => {
    const { host, threads } = watched();
    const image = open(dumpOf(allZlib), host);
    isWhole(image);
    assert.equal(threads.length, 0);
    image.close();
  });

  test('are as many as the host says, and end with the image', async () => {
    const { host, threads, ended } = watched();
    const image = open(dumpOf(allZlib), host);
    warm(image);
    isWhole(image);
    assert.equal(threads.length, host.most);
    image.close();
    assert.equal((await allOf(ended)).length, host.most);
  });

  test('may be killed in the middle: what is read is whole', async () => {
    const { host, threads, ended } = watched();
    const image = open(dumpOf(allZlib), host);
    warm(image);
    for (const thread of threads) thread.stop();
    for (let round = 0; round < 20; round++) isWhole(image);
    await allOf(ended);
    isWhole(image);
    image.close();
  });

  test('may take pages and never give them: what is read is whole', () => {
    let memory: SharedArrayBuffer | undefined;
    // It takes a job as a thread does, at the second word, and is not heard of again.
    const host: UnpackThreadHost = {
      most: 1,
      start: () => ({
        post: (task) => {
          ({ memory } = task as { memory: SharedArrayBuffer });
          Atomics.store(new Int32Array(memory), 1, 1);
        },
        listen: () => undefined,
        stop: () => undefined,
      }),
    };
    const image = open(dumpOf(allZlib), host);
    warm(image);
    isWhole(image);
    assert.notEqual(memory, undefined);
    isWhole(image);
    image.close();
  });

  test('may fail to start: what is read is whole', async () => {
    const { host, ended } = watched((thread) => ({
      ...thread,
      post: () => {
        thread.post({ memory: undefined, pageSize: 4096 });
      },
    }));
    const image = open(dumpOf(allZlib), host);
    warm(image);
    isWhole(image);
    await allOf(ended);
    isWhole(image);
    image.close();
  });
});
