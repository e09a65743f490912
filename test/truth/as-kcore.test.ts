/** What /proc/kcore of the running Debian kernel gave, page by page, against what Pagewalk says that it would give. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { formatAddress } from '../../debug-adapter/base/address.ts';
import type { KcoreRead } from '../../debug-adapter/kernel/vmalloc/vread-kcore.ts';
import { kcoreSegments } from '../../debug-adapter/kernel/vmalloc/vread-segments.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { absent, addressOf, dumpFolder, expandedDump, jsonLines } from '../support/dumps.ts';

const name = 'x86-64-debian-6.12';
const folder = dumpFolder(name) ?? '';

interface KcoreRow {
  readonly r: string;
  readonly addr: string;
  readonly len: number;
  readonly ret: number;
  readonly sha256: string;
  readonly head: string;
}

interface ProgramHeader {
  readonly phdr: number;
  readonly type: number;
  readonly vaddr: string;
  readonly filesz: string;
}

const lines = (file: string): (KcoreRow | ProgramHeader)[] => jsonLines(join(folder, 'truth/guest', file));
const rows = (file: string): KcoreRow[] => lines(file).filter((line): line is KcoreRow => 'r' in line);
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('as /proc/kcore', { skip: absent(name) ?? false }, () => {
  let session: Session;
  before(() => {
    session = openSession(nodeHost(), { paths: [expandedDump(name, 'dump.elf')] });
  });
  after(() => {
    session.close();
  });

  const read = (row: KcoreRow): KcoreRead => session.readAsKcore(addressOf(row.addr), row.len);

  for (const [file, most] of [
    ['kcore_fx.jsonl', 1],
    ['kcore_vi.jsonl', 27],
    ['kcore_sym.jsonl', 1],
  ] as const) {
    test(`${file}: every page, but for those that the running guest wrote to before it was dumped`, () => {
      const different: KcoreRow[] = [];
      for (const row of rows(file)) {
        assert.equal(row.ret, row.len);
        const { bytes, holes, differences } = read(row);
        assert.deepEqual(holes, [], row.addr);
        if (digest(bytes) === row.sha256) continue;
        different.push(row);
        // It is the very page that was asked for.
        assert.deepEqual(differences, [], row.addr);
        assert.deepEqual(bytes, session.readVirtual(addressOf(row.addr), row.len).bytes, row.addr);
      }
      const unexpected = different.filter((row) => !isWritten(row));
      assert.deepEqual(unexpected, []);
      assert.equal(different.length, most);
    });
  }

  test('inside vmap_blocks the first used page is given for nearly every page, and that is told', () => {
    const blocks = session.vmalloc().areas.filter(({ block }) => block !== null);
    const inside = (at: bigint): boolean => blocks.some(({ start, end }) => at >= addressOf(start) && at < addressOf(end));
    const counts = { equal: 0, different: 0 };
    for (const row of rows('kcore_fx.jsonl')) {
      if (row.len !== session.info().pageSize || !inside(addressOf(row.addr)) || row.r.endsWith('/across')) continue;
      const kcore = read(row);
      const memory = session.readVirtual(addressOf(row.addr), row.len).bytes;
      const same = Buffer.compare(kcore.bytes, memory) === 0;
      assert.equal(kcore.differences.length > 0, !same, row.addr);
      if (same) counts.equal++;
      else {
        counts.different++;
        const [difference] = kcore.differences;
        assert.match(
          difference?.reason ?? '',
          /^vmap_ram_vread_iter\(\) copies from page \d+, where a run of used pages of the vmap_block begins/,
        );
      }
    }
    // As the dump's own cross-check counts them (cross.txt).
    assert.deepEqual(counts, { equal: 280, different: 1780 });
  });

  test('the segments are those of its program headers', () => {
    const headers = lines('kcore_fx.jsonl').filter((line): line is ProgramHeader => 'phdr' in line && line.type === 1);
    assert.deepEqual(
      kcoreSegments(session.kernel).map(({ start, end }) => `${formatAddress(start)} ${formatAddress(end - start)}`),
      headers.map(({ vaddr, filesz }) => `${vaddr} ${filesz}`),
    );
  });
});

/** Stacks of tasks and interrupts, init_task, and a struct page that was taken from a free list (cross.txt). */
function isWritten({ r, addr }: KcoreRow): boolean {
  return /^vi:(irq_init_percpu_irqstack|kernel_clone|fork_idle)\+/.test(r) || r === 'init_task' || addr === '0xfffff7f680184000';
}
