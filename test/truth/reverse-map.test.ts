/** The reverse map on real machines: every frame that a kernel printed is found back at the address that it printed. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { parsePtdump } from '../../debug-adapter/pagetable/ptdump-parse.ts';
import { buildReverseMap } from '../../debug-adapter/pagetable/reverse-map.ts';
import type { ReverseMap } from '../../debug-adapter/pagetable/reverse-map.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { absent, dumpFolder, expandedDump, truthText } from '../support/dumps.ts';

interface Machine {
  readonly name: string;
  readonly pageSize: number;
  /** The marker above the direct map in the kernel's ptdump, and the one below it. */
  readonly markers: readonly [string, string];
  /** Where the direct map begins, and the physical address that it begins with. */
  readonly direct: readonly [bigint, bigint];
}

const x86Markers = ['Low Kernel Mapping', 'vmalloc() Area'] as const;
const machines: readonly Machine[] = [
  { name: 'x86-64', pageSize: 4096, markers: x86Markers, direct: [0xffff_9848_4000_0000n, 0n] },
  { name: 'x86-64-efi', pageSize: 4096, markers: x86Markers, direct: [0xffff_a002_8000_0000n, 0n] },
  { name: 'x86-64-kasan', pageSize: 4096, markers: x86Markers, direct: [0xffff_8880_0000_0000n, 0n] },
  { name: 'i386-pae-pti', pageSize: 4096, markers: ['Kernel Mapping', 'vmalloc() Area'], direct: [0xc000_0000n, 0n] },
  {
    name: 'arm64-4k',
    pageSize: 4096,
    markers: ['Linear Mapping start', 'Linear Mapping end'],
    direct: [0xffff_0000_0000_0000n, 0x4000_0000n],
  },
  {
    name: 'arm64-64k',
    pageSize: 65_536,
    markers: ['Linear Mapping start', 'Linear Mapping end'],
    direct: [0xfff0_0000_0000_0000n, 0x4000_0000n],
  },
  {
    name: 'riscv64-sv48',
    pageSize: 4096,
    markers: ['Linear mapping', 'Modules/BPF mapping'],
    direct: [0xffff_af80_0000_0000n, 0x8000_0000n],
  },
  { name: 's390x', pageSize: 4096, markers: ['Identity Mapping Start', 'Identity Mapping End'], direct: [0n, 0n] },
  { name: 'ppc64le', pageSize: 65_536, markers: ['Start of kernel VM', 'vmalloc() Area'], direct: [0xc000_0000_0000_0000n, 0n] },
];

/** Physical addresses by virtual ones, of the pages that /proc/PID/pagemap says are in memory. */
function pagemap(name: string, file: string, pageSize: number): Map<bigint, bigint> {
  const found = new Map<bigint, bigint>();
  for (const [, virtual, entry] of truthText(name, file).matchAll(/^([0-9a-f]+) ([0-9a-f]{16})$/gm)) {
    const bits = BigInt(`0x${entry ?? ''}`);
    if (bits >> 63n === 1n) found.set(BigInt(`0x${virtual ?? ''}`), (bits & ((1n << 55n) - 1n)) * BigInt(pageSize));
  }
  return found;
}

/** Virtual pages (4 KiB) that lines of the kernel's ptdump say are mapped; between two markers, or all. */
function* mappedPages(name: string, markers?: readonly [string, string]): Generator<number> {
  let text = truthText(name, 'ptdump-kernel.txt');
  if (markers !== undefined) {
    const start = text.indexOf(`---[ ${markers[0]} ]---`);
    const end = text.indexOf(`---[ ${markers[1]} ]---`);
    assert.ok(start >= 0 && end > start, `${markers.join(' or ')} is missing in the ptdump`);
    text = text.slice(start, end);
  }
  for (const { start, end, present } of parsePtdump(text, name).regions) if (present) for (let page = start; page < end; page++) yield page;
}

for (const { name, pageSize, markers, direct } of machines) {
  describe(name, { skip: absent(name) ?? false }, () => {
    const folder = dumpFolder(name);
    const pagemaps = folder === undefined ? [] : readdirSync(join(folder, 'truth')).filter((file) => file.startsWith('pagemap-'));
    let session: Session;
    let kernel: ReverseMap;
    before(() => {
      session = openSession(nodeHost(), { paths: [expandedDump(name, 'vmcore.elf')] });
      kernel = buildReverseMap([{ pageTable: session.pageTable({}), repeats: [] }]);
    });
    after(() => {
      session.close();
    });

    for (const file of pagemaps) {
      test(`${file}: each page is found at its address in its process`, () => {
        const [, pid = ''] = /-(\d+)\./.exec(file) ?? [];
        const pages = [...pagemap(name, file, pageSize)];
        assert.ok(pages.length > 10, `only ${pages.length} pages`);
        const { results, warnings } = session.reverseMap(
          pages.map(([, physical]) => toPhysAddr(physical)),
          { all: true },
        );
        assert.deepEqual(warnings, []);
        const missing = pages.filter(([virtual, physical], index) => {
          const result = results[index];
          assert.equal(result?.physical, `0x${physical.toString(16)}`);
          return !result.mappings.some((mapping) => mapping.mm === pid && mapping.virtual === `0x${virtual.toString(16)}`);
        });
        assert.deepEqual(missing, []);
      });
    }

    const addresses = (map: ReverseMap, physical: bigint): bigint[] =>
      map.lookup(toPhysAddr(physical), 1000).mappings.map(({ virtual }) => virtual);

    test('each page of the direct map is found at its address there', () => {
      const [virtualBase, physicalBase] = direct;
      let pages = 0;
      for (const page of mappedPages(name, markers)) {
        const virtual = BigInt(page) << 12n;
        const found = addresses(kernel, virtual - virtualBase + physicalBase + 0x123n);
        if (!found.includes(virtual + 0x123n)) assert.fail(`0x${virtual.toString(16)} is not among ${found.join(' ')}`);
        pages++;
      }
      assert.ok(pages > 20_000, `only ${pages} pages`);
    });

    // KASAN's zero shadow is one frame at more addresses than can be told.
    if (name === 'x86-64-kasan') return;
    test('each page that the kernel maps anywhere is found from its frame', () => {
      const table = session.pageTable({});
      for (const page of mappedPages(name)) {
        const frame = table.frameOf(page);
        assert.ok(frame >= 0, `page 0x${page.toString(16)} has no frame`);
        const { mappings, complete } = kernel.lookup(toPhysAddr(frame * 4096), 1_000_000);
        assert.ok(complete);
        const virtual = toAddress(BigInt(page) << 12n);
        if (!mappings.some((mapping) => mapping.virtual === virtual)) assert.fail(`0x${virtual.toString(16)} is not found`);
      }
    });

    test('whatever is found leads back', () => {
      const table = session.pageTable({});
      let found = 0;
      for (const { start, end } of session.kernel.memory.physical.ranges) {
        // A prime number of pages apart, so that every kind of neighbourhood is met.
        for (let physical = start; physical < end; physical += 61 * 4096) {
          for (const virtual of addresses(kernel, BigInt(physical))) {
            assert.equal(table.translate(toAddress(virtual)).physical, physical);
            found++;
          }
        }
      }
      assert.ok(found > 100, `only ${found} addresses`);
    });
  });
}
