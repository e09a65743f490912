/**
 * Searches of real dumps: what the test driver wrote is found where it says that it wrote it, no more and no less; every
 * other hit is held against a search of the file's own bytes.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { SearchFacts, SearchQuestion } from '../../debug-adapter/protocol/search.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { absent, addressOf, bundled, dumpFolder, expandedDump, truthText } from '../support/dumps.ts';

const machines = ['x86-64', 'x86-64-efi', 'x86-64-kasan', 'i386-pae-pti', 'arm64-4k', 'arm64-64k', 'riscv64-sv48', 's390x', 'ppc64le'];
const bigEndian = new Set(['s390x']);

function search(session: Session, asked: SearchQuestion): SearchFacts {
  return session.search(asked, {});
}

/** Bytes of the loaded segments of an ELF file with their physical addresses, read by the manual and nothing of Pagewalk's. */
function segmentsOf(path: string): { readonly physical: bigint; readonly bytes: Buffer }[] {
  const file = readFileSync(path);
  const wide = file[4] === 2;
  const big = file[5] === 2;
  const u16 = (at: number): number => (big ? file.readUInt16BE(at) : file.readUInt16LE(at));
  const u32 = (at: number): bigint => BigInt(big ? file.readUInt32BE(at) : file.readUInt32LE(at));
  const u64 = (at: number): bigint => (big ? file.readBigUInt64BE(at) : file.readBigUInt64LE(at));
  const table = Number(wide ? u64(32) : u32(28));
  const size = u16(wide ? 54 : 42);
  return Array.from({ length: u16(wide ? 56 : 44) }, (_, index) => table + index * size)
    .filter((at) => u32(at) === 1n)
    .map((at) => {
      const [offset, physical, length] = wide ? [u64(at + 8), u64(at + 24), u64(at + 32)] : [u32(at + 4), u32(at + 12), u32(at + 16)];
      return { physical, bytes: file.subarray(Number(offset), Number(offset + length)) };
    });
}

/** Physical addresses at which `bytes` stand, at multiples of `align`. */
function standing(path: string, bytes: Buffer, align: number): string[] {
  const found: bigint[] = [];
  for (const segment of segmentsOf(path)) {
    for (let at = segment.bytes.indexOf(bytes); at >= 0; at = segment.bytes.indexOf(bytes, at + 1)) {
      const address = segment.physical + BigInt(at);
      if (address % BigInt(align) === 0n) found.push(address);
    }
  }
  return found.sort((a, b) => (a < b ? -1 : 1)).map((address) => `0x${address.toString(16)}`);
}

/** The pages that the driver filled, with their first word; areas that show pages of others have `filled=0`. */
function filledPages(dmesg: string): { readonly virtual: string; readonly physical: string; readonly word: string }[] {
  const filled = new Set([...dmesg.matchAll(/FX2 area id=(\d+) .*filled=1/g)].map(([, id]) => id));
  return [...dmesg.matchAll(/FX2 page id=(\d+) idx=\d+ va=(0x[0-9a-f]+) pa=(0x[0-9a-f]+) w0=(0xf2[0-9a-f]{14})\b/g)]
    .filter(([, id]) => filled.has(id))
    .map(([, , virtual = '', physical = '', word = '']) => ({ virtual, physical, word }));
}

/** Pages that /proc/PID/pagemap told to be present, with their frames' addresses, in order. */
function presentPages(name: string, pid: string, pageSize: number): { readonly virtual: bigint; readonly physical: bigint }[] {
  return [...truthText(name, `pagemap-${pid}.txt`).matchAll(/^([0-9a-f]+) ([0-9a-f]{16})$/gm)]
    .map(([, virtual = '', entry = '']) => ({ virtual: BigInt(`0x${virtual}`), entry: BigInt(`0x${entry}`) }))
    .filter(({ entry }) => entry >> 63n === 1n)
    .map(({ virtual, entry }) => ({ virtual, physical: BigInt.asUintN(55, entry) * BigInt(pageSize) }));
}

for (const name of machines) {
  const folder = dumpFolder(name);
  describe(`search, ${name}`, { skip: folder === undefined ? (absent(name) ?? true) : false }, () => {
    const path = folder === undefined ? '' : expandedDump(name, 'vmcore.elf');
    const session = folder === undefined ? undefined : openSession(nodeHost(), { paths: [path] });
    const opened = (): Session => {
      assert.ok(session);
      return session;
    };

    test('the word of each page that the driver filled stands where it said', () => {
      const pages = filledPages(truthText(name, 'dmesg.txt'));
      assert.ok(pages.length > 10);
      const step = Math.ceil(pages.length / 5);
      for (const { word, virtual, physical } of pages.filter((_, index) => index % step === 0)) {
        const found = search(opened(), { pattern: word, size: 8, align: 4 });
        assert.ok(
          found.hits.some((hit) => hit.physical === physical),
          `${word} at ${physical}`,
        );
        const own = found.hits.find((hit) => hit.virtual === virtual);
        // A page that is mapped twice is told once, at the lower of the addresses that are not the direct map's.
        const told = own ?? found.hits.find((hit) => hit.physical === physical);
        assert.ok(told?.virtual);
        assert.equal(opened().translate(addressOf(told.virtual)).physical, physical);
        assert.notEqual(told.what.kind, 'direct-map');
      }
    });

    test('all pages at once, by what their words have in common', () => {
      const pages = filledPages(truthText(name, 'dmesg.txt'));
      const asked = { pattern: '0xf200000000000000', size: 8, mask: '0x00ffffffffff0000', align: 4096, physical: true, limit: 100_000 };
      const found = new Set(search(opened(), asked).hits.map(({ physical }) => physical));
      for (const { physical, word } of pages) {
        if (!word.endsWith('0000')) continue;
        assert.ok(found.has(physical), `${word} at ${physical}`);
      }
    });

    test('text in physical memory: the same places as in the bytes of the file', () => {
      for (const text of ['Linux version ', 'swapper/0', 'vmalloc']) {
        const { hits, complete } = search(opened(), { pattern: text, string: true, physical: true, limit: 100_000 });
        assert.equal(complete, true);
        const expected = standing(path, Buffer.from(text), 1);
        assert.ok(expected.length > 0);
        assert.deepEqual(
          hits.map(({ physical }) => physical),
          expected,
        );
      }
    });

    test('a number in physical memory is searched in the byte order of the machine', () => {
      const value = opened().symbols.find('init_task')?.address;
      assert.ok(value !== undefined);
      const size = opened().kernel.memory.pointerSize;
      const bytes = Buffer.alloc(8);
      if (bigEndian.has(name)) bytes.writeBigUInt64BE(value);
      else bytes.writeBigUInt64LE(value);
      const expected = standing(path, bytes.subarray(0, size), size);
      const { hits } = search(opened(), { pattern: 'init_task', physical: true, limit: 100_000 });
      assert.ok(expected.length > 3);
      assert.deepEqual(
        hits.map(({ physical }) => physical),
        expected,
      );
      const bytewise = bytes.subarray(0, size).toString('hex');
      const anywhere = search(opened(), { pattern: `${bytewise.slice(0, 2)} ${bytewise.slice(2)}`, physical: true, limit: 100_000 });
      assert.deepEqual(
        anywhere.hits.map(({ physical }) => physical),
        standing(path, bytes.subarray(0, size), 1),
      );
    });

    test('virtual hits ascend, are mapped to what they tell, and miss no page that the kernel maps', () => {
      const { hits, complete } = search(opened(), { pattern: 'init_task', limit: 100_000 });
      assert.equal(complete, true);
      const addresses = hits.map(({ virtual }) => addressOf(virtual ?? ''));
      assert.deepEqual(
        addresses,
        [...addresses].sort((a, b) => (a < b ? -1 : 1)),
      );
      const { kernel } = opened();
      for (const { virtual, physical } of hits) assert.equal(opened().translate(addressOf(virtual ?? '')).physical, physical);
      const physical = new Set(hits.map((hit) => hit.physical));
      assert.equal(physical.size, hits.length, 'a page that is mapped twice is searched once');
      const directly = search(opened(), { pattern: 'init_task', physical: true, limit: 100_000 }).hits;
      for (const hit of directly) {
        const isMapped = hit.virtual !== null && kernel.memory.frameOf(Number(addressOf(hit.virtual) >> 12n)) >= 0;
        if (isMapped) assert.ok(physical.has(hit.physical), `${hit.physical} (${hit.virtual})`);
      }
    });

    test('a process: the pages that it filled, where its pagemap said, each frame once', () => {
      const pids = [...truthText(name, 'dmesg.txt').matchAll(/FX2 pgd pid=(\d+) comm=fxproc/g)].map(([, pid = '']) => pid);
      assert.ok(pids.length > 0);
      const pageSize = opened().info().pageSize;
      const segments = segmentsOf(path);
      let pages = 0;
      for (const pid of pids) {
        const met = new Set<bigint>();
        const expected = presentPages(name, pid, pageSize).filter(({ physical }) => {
          const segment = segments.find((one) => physical >= one.physical && physical < one.physical + BigInt(one.bytes.length));
          if (segment === undefined || met.has(physical)) return false;
          met.add(physical);
          return segment.bytes[Number(physical - segment.physical) + (bigEndian.has(name) ? 0 : 7)] === 0xf3;
        });
        const asked = { pattern: '0xf300000000000000', size: 8, mask: '0x00ffffffffffffff', align: 4096, mm: pid, limit: 100_000 };
        const { hits } = search(opened(), asked);
        assert.deepEqual(
          hits
            .filter(({ virtual }) => addressOf(virtual ?? '') % BigInt(pageSize) === 0n)
            .map(({ virtual, physical }) => [virtual, physical]),
          expected.map(({ virtual, physical }) => [`0x${virtual.toString(16)}`, `0x${physical.toString(16)}`]),
        );
        pages += expected.length;
      }
      assert.ok(pages > 0);
    });
  });
}

describe('search, the bundled vmcore', () => {
  const session = openSession(nodeHost(), { paths: [bundled.image] });

  test('what lies across pages that are neighbours by address only is found there', () => {
    // The end of one page of a vmalloc area and the start of the next, whose frames are not neighbours.
    const area = session
      .vmalloc()
      .areas.map(({ start, end }) => ({ start: addressOf(start), end: addressOf(end) }))
      .flatMap(({ start, end }) =>
        Array.from({ length: Math.min(64, Number((end - start) / 4096n) - 1) }, (_, page) => start + BigInt(4096 * (page + 1))),
      )
      .find((edge) => {
        const [before, after] = [
          session.translate(addressOf(`0x${(edge - 1n).toString(16)}`)),
          session.translate(addressOf(`0x${edge.toString(16)}`)),
        ];
        if (before.physical === null || after.physical === null) return false;
        if (BigInt(before.physical) + 1n === BigInt(after.physical)) return false;
        const { bytes, holes } = session.readVirtual(addressOf(`0x${(edge - 6n).toString(16)}`), 12);
        return holes.length === 0 && new Set(bytes).size > 6;
      });
    assert.ok(area !== undefined);
    const start = addressOf(`0x${(area - 6n).toString(16)}`);
    const pattern = [...session.readVirtual(start, 12).bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const found = search(session, { pattern });
    assert.ok(
      found.hits.some(({ virtual }) => virtual === `0x${start.toString(16)}`),
      pattern,
    );
    const beside = search(session, { pattern, range: { start: `0x${start.toString(16)}`, end: `0x${(start + 11n).toString(16)}` } });
    assert.deepEqual(beside.hits, [], 'a hit ends within the range');
    const within = search(session, { pattern, range: { start: `0x${start.toString(16)}`, end: `0x${(start + 12n).toString(16)}` } });
    assert.deepEqual(
      within.hits.map(({ virtual }) => virtual),
      [`0x${start.toString(16)}`],
    );
  });

  test('the limit is kept, and said to be one', () => {
    const few = search(session, { pattern: '0', limit: 7 });
    assert.equal(few.hits.length, 7);
    assert.equal(few.complete, false);
    const { hits } = search(session, { pattern: 'init_task', limit: 100_000 });
    const exactly = search(session, { pattern: 'init_task', limit: hits.length });
    assert.equal(exactly.complete, true);
    assert.deepEqual(exactly.hits, hits);
  });

  test('hits are told while the search goes on, and it can be cancelled', () => {
    let told = 0;
    const token = {
      get cancelled(): boolean {
        return told > 0;
      },
    };
    assert.throws(
      () =>
        session.search(
          { pattern: '0', physical: true, limit: 1_000_000 },
          {
            token,
            found: () => {
              told++;
            },
          },
        ),
      /cancelled/,
    );
    assert.ok(told > 0);
  });

  test('questions that cannot be answered are refused with what to do', () => {
    const refused: [SearchQuestion, RegExp][] = [
      [{ pattern: '' }, /is no number/],
      [{ pattern: '', string: true }, /empty/],
      [{ pattern: 'no_such_symbol_at_all' }, /no symbol and no pattern of bytes/],
      [{ pattern: '0x123', size: 1 }, /does not fit into 1 bytes/],
      [{ pattern: '1', size: 3 }, /no size/],
      [{ pattern: '1', align: 3 }, /no alignment/],
      [{ pattern: '?? ??' }, /everything matches/],
      [{ pattern: '1', mask: '0xffffffffffffffff' }, /everything matches/],
      [{ pattern: 'a', string: true, mask: '0x1' }, /belong to numbers/],
      [{ pattern: '1', limit: 0 }, /no limit/],
      [{ pattern: '1', mm: 'nonsense' }, /--mm takes/],
      [{ pattern: 'x'.repeat(5000), string: true }, /at most 4096 bytes/],
    ];
    for (const [asked, message] of refused) assert.throws(() => search(session, asked), message, JSON.stringify(asked).slice(0, 60));
  });
});
