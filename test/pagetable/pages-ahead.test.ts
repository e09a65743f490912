/** Pages told to follow one another are those that a walk for each finds there: never more, and a whole table's at once. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { riscvMode } from '../../debug-adapter/arch/riscv.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { absent, expandedDump } from '../support/dumps.ts';
import { fc } from '../support/properties.ts';
import { TableMemory } from '../builders/table-memory.ts';

/** V R W A D of the RISC-V privileged manual, and N of Svnapot. */
const [valid, leaf, napot] = [1n, 0xc7n, 1n << 63n];
const ppn = (address: bigint): bigint => (address >> 12n) << 10n;
const mode = riscvMode({ virtualBits: 39, thead: false });

function tables(): TableMemory {
  return new TableMemory({
    levels: [30, 21, 12].map((shift) => ({ shift, bits: 9 })),
    littleEndian: true,
    pointer: (address) => ppn(address) | valid,
  });
}

/** Asks for the pages ahead of `page`, and for each of them alone; gives how many were told. */
function checked(table: PageTable, alone: PageTable, { page, most }: { readonly page: number; readonly most: number }): number {
  const frame = table.frameOf(page);
  if (frame < 0) return 0;
  const ahead = table.pagesAhead(most);
  assert.ok(ahead >= 1 && ahead <= most, `${ahead} of ${most} pages`);
  // Of large pages not each.
  const step = Math.max(1, Math.floor(ahead / 600));
  for (let next = 0; next < ahead; next += step) assert.equal(alone.frameOf(page + next), frame + next, `page ${page} + ${next}`);
  assert.equal(alone.frameOf(page + ahead - 1), frame + ahead - 1, `page ${page} + ${ahead - 1}`);
  return ahead;
}

describe('pages ahead', () => {
  test('any entries: those that follow, NAPOT pages, holes, frames elsewhere', () => {
    const entry = fc.constantFrom('next', 'next', 'next', 'next', 'hole', 'elsewhere', 'napot', 'prot-none');
    fc.assert(
      fc.property(fc.array(entry, { minLength: 30, maxLength: 60 }), fc.integer({ min: 1, max: 80 }), (entries, most) => {
        const memory = tables();
        // The last entries of one table, and the first ones of the next.
        const first = 2 ** 18 + 512 - 16;
        entries.forEach((kind, index) => {
          const at = BigInt(first + index) << 12n;
          const frame = 0x8000n + BigInt(index) + (kind === 'elsewhere' ? 0x1000n : 0n);
          // 16 entries of one 64 KiB page have its address and 8 in the lowest bits of the number.
          if (kind === 'napot') memory.map(at, napot | ((((frame >> 4n) << 4n) | 8n) << 10n) | leaf);
          else if (kind !== 'hole') memory.map(at, (frame << 10n) | (kind === 'prot-none' ? leaf & ~valid : leaf));
        });
        const [table, alone] = [0, 1].map(() => new PageTable(memory, mode, toPhysAddr(memory.root)));
        assert.ok(table !== undefined && alone !== undefined);
        for (let page = first; page < first + entries.length; page++) checked(table, alone, { page, most });
      }),
    );
  });

  test('a table of pages that follow one another is told at once', () => {
    const memory = tables();
    for (let page = 0n; page < 512n; page++) memory.map((2n ** 18n + page) << 12n, ppn((0x8000n + page) << 12n) | leaf);
    const table = new PageTable(memory, mode, toPhysAddr(memory.root));
    assert.equal(table.frameOf(2 ** 18), 0x8000);
    assert.equal(table.pagesAhead(1000), 512);
    assert.equal(table.frameOf(2 ** 18 + 500), 0x8000 + 500);
    assert.equal(table.pagesAhead(7), 7);
    assert.equal(table.pagesAhead(1000), 12);
  });

  test('behind the last canonical address of the lower half nothing follows', () => {
    const memory = tables();
    for (const index of [254n, 255n, 256n]) memory.map(index << 30n, ppn(index << 30n) | leaf, 0);
    const table = new PageTable(memory, mode, toPhysAddr(memory.root));
    const page = 2 ** 26 - 3;
    assert.equal(table.frameOf(page), page);
    assert.equal(table.pagesAhead(1000), 3);
    assert.equal(table.frameOf(page + 3), -1);
  });

  for (const name of [
    'x86-64-debian-6.12',
    'x86-64-efi',
    'x86-64-kasan',
    'arm64-4k',
    'arm64-64k',
    'i386-pae-pti',
    'ppc64le',
    'riscv64-sv48',
    's390x',
  ]) {
    test(`every region of ${name}`, (t) => {
      const why = absent(name);
      if (why !== undefined) {
        t.skip(why);
        return;
      }
      const image = expandedDump(name, name === 'x86-64-debian-6.12' ? 'dump.elf' : 'vmcore.elf');
      const session = openSession(nodeHost(), { paths: [image] });
      const [table, other] = [session.pageTable({}), openSession(nodeHost(), { paths: [image] })];
      let most = 0;
      for (const { start, end, present } of session.ptdump({}).regions) {
        const [from, to] = [parseAddress(start), parseAddress(end)];
        if (!present || from === undefined || to === undefined) continue;
        const [page, behind] = [Number(from >> 12n), Number(to >> 12n)];
        for (const at of new Set([page, Math.floor((page + behind) / 2), behind - 1]))
          most = Math.max(most, checked(table, other.pageTable({}), { page: at, most: 4096 }));
      }
      assert.ok(most > 1, 'some pages follow one another');
      session.close();
      other.close();
    });
  }
});
