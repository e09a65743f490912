/** Rows of virtual addresses: whose page table a row is of can be told from it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { tokensOf } from '../../extension/address.ts';
import { mappingRow, meaningInRows, spaceOfRow } from '../../extension/documents/mapping-rows.ts';
import { bundled } from '../support/dumps.ts';

describe('a row of «Find Virtual Addresses»', () => {
  test('names the address space of each mapping, whatever the process calls itself', () => {
    const session = openSession(nodeHost(), { paths: [bundled.image] });
    try {
      const process = session.tasks().find(({ mm }) => mm !== null);
      assert.ok(process !== undefined);
      const [area] = session.maps(process.pid).areas;
      const { entries } = session.pagemap(process.pid, {});
      assert.ok(area !== undefined && entries.length > 0);
      const pfns = entries.flatMap(({ entry }) => (BigInt(entry) >> 63n === 1n ? [BigInt(entry) & ((1n << 55n) - 1n)] : []));
      const { results } = session.reverseMap([toPhysAddr(Number((pfns[0] ?? 0n) * 4096n))], { all: true });
      const mappings = results.flatMap(({ mappings: found }) => found);
      assert.ok(mappings.some(({ mm }) => mm === String(process.pid)) && mappings.some(({ mm }) => mm === 'kernel'));
      for (const mapping of mappings)
        for (const comm of [mapping.comm, '1 kernel', ' 7', ''])
          assert.equal(spaceOfRow(mappingRow({ ...mapping, comm }, '(user half)')), mapping.mm);
    } finally {
      session.close();
    }
  });

  test('other lines name none', () => {
    for (const line of ['physical 0x1000: 2 addresses', '', '    pte entry 0x8000000001000063 at physical 0x11a00000', '0x1000'])
      assert.equal(spaceOfRow(line), undefined);
  });

  test('what its numbers are', () => {
    const meanings = (line: string): unknown[] => tokensOf(line).map((token) => meaningInRows(line, token));
    assert.deepEqual(meanings('physical 0x1000: 2 addresses'), ['physical']);
    assert.deepEqual(meanings('0xffff888000001000  kernel   direct map of physical 0x1000'), [{ mm: 'kernel' }, 'physical']);
    assert.deepEqual(meanings('0x0000000000401000  17 init  a page, behind 0x402000'), [{ mm: '17' }, { mm: '17' }]);
    assert.deepEqual(meanings('    pte entry 0x8000000001000063 at physical 0x11a00000, page of 4096 bytes'), ['entry', 'physical']);
    assert.deepEqual(meanings('warning: the table of 0xffff888000001000 at 0x12000'), [{ mm: undefined }, 'physical']);
  });
});
