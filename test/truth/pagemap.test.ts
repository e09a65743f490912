/** Entries of /proc/PID/pagemap against those that every process read of itself, page by page. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { PagemapFacts } from '../../debug-adapter/protocol/facts.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { absent, addressOf, dumpFolder, expandedDump, jsonLines } from '../support/dumps.ts';
import { debian, openMachine, pidsWith, smallMachines, truthText } from '../support/processes.ts';

/** Each page's entry, by address. */
function byPage(facts: PagemapFacts): Map<bigint, bigint> {
  const pages = new Map<bigint, bigint>();
  for (const { address, count, entry } of facts.entries) {
    for (let index = 0; index < count; index++) pages.set(BigInt(address) + BigInt(index * facts.pageSize), BigInt(entry));
  }
  return pages;
}

for (const name of smallMachines) {
  test(`pagemap of the processes of ${name}`, { skip: absent(name) ?? false }, () => {
    const session = openMachine(name);
    const pids = pidsWith(name, 'pagemap');
    assert.ok(pids.length >= 5);
    for (const pid of pids) {
      const wrong: string[] = [];
      let range: { start: bigint; end: bigint } | undefined;
      let told = new Map<bigint, bigint>();
      let pages = 0;
      const compare = (): void => {
        if (range === undefined) return;
        const facts = session.pagemap(pid, {
          range: { start: addressOf(`0x${range.start.toString(16)}`), end: addressOf(`0x${range.end.toString(16)}`) },
        });
        assert.deepEqual([facts.missing, facts.warnings], [[], []]);
        const ours = byPage(facts);
        assert.equal(ours.size, Number(range.end - range.start) / facts.pageSize);
        for (const [page, entry] of ours) {
          const want = told.get(page) ?? 0n;
          if (entry !== want) wrong.push(`${page.toString(16)}: ${entry.toString(16)}, not ${want.toString(16)}`);
          pages++;
        }
      };
      for (const line of truthText(name, `pagemap-${pid}.txt`).split('\n')) {
        const [, start, end] = /^# ([0-9a-f]+)-([0-9a-f]+) /.exec(line) ?? [];
        if (start !== undefined && end !== undefined) {
          compare();
          range = { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) };
          told = new Map();
        } else if (line !== '') {
          const [page = '', entry = ''] = line.split(' ');
          told.set(BigInt(`0x${page}`), BigInt(`0x${entry}`));
        }
      }
      compare();
      assert.deepEqual(wrong.slice(0, 5), [], `${name} ${pid}: ${wrong.length} of ${pages}`);
      assert.ok(pages > 70);
    }
    session.close();
  });
}

test('pagemap of a process with forty kinds of mapping', { skip: absent(debian) ?? false }, () => {
  const session = openMachine(debian);
  const ours = byPage(session.pagemap(198, {}));
  const lines = jsonLines<{ at: string; e?: string[]; n?: number; same?: string }>(
    join(dumpFolder(debian) ?? '', 'truth/guest/pagemap.jsonl'),
  );
  const wrong: string[] = [];
  let pages = 0;
  for (const { at, e, n = 0, same = '0x0' } of lines) {
    const entries = e ?? Array.from({ length: n }, () => same);
    entries.forEach((entry, index) => {
      const page = BigInt(at) + BigInt(index * 4096);
      pages++;
      if (ours.get(page) !== BigInt(entry)) wrong.push(`${page.toString(16)}: ${String(ours.get(page)?.toString(16))}, not ${entry}`);
    });
  }
  assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${pages}`);
  assert.ok(pages > 270_000);
  session.close();
});

test(
  'pagemap ranges: holes between areas, the end of the space, and areas cut in the middle of a huge page',
  { skip: absent(debian) ?? false },
  () => {
    const session = openMachine(debian);
    const entries = (start: string, end: string): unknown =>
      session
        .pagemap(198, { range: { start: addressOf(start), end: addressOf(end) } })
        .entries.map(({ address, count, entry }) => [address, count, entry]);
    assert.deepEqual(entries('0x1000', '0x3000'), [['0x1000', 2, '0x0']]);
    assert.deepEqual(entries('0xffffffff81000000', '0xffffffff81002000'), []);
    assert.deepEqual(entries('0x7ffffffff000', '0x800000000000'), []);
    const whole = byPage(session.pagemap(198, {}));
    const inside = byPage(session.pagemap(198, { range: { start: addressOf('0x20003c0fe000'), end: addressOf('0x20003c102000') } }));
    assert.equal(inside.size, 4);
    for (const [page, entry] of inside) assert.equal(entry, whole.get(page));
    session.close();
  },
);

test('damaged page tables outside the areas change nothing in them', { skip: absent('x86-64') ?? false }, () => {
  for (const machine of ['x86-64', 'arm64-4k', 'riscv64-sv48', 'i386-pae-pti']) {
    const whole = openMachine(machine);
    const damaged = openSession(nodeHost(), { paths: [expandedDump(machine, 'vmcore-corrupt-user.elf')] });
    const present = (session: typeof whole): string[] =>
      session
        .tasks()
        .filter(({ mm, pid }) => mm !== null && pid !== 1)
        .map(({ pid }) => {
          const facts = session.pagemap(pid, {});
          assert.deepEqual(facts.missing, []);
          const pages = [...byPage(facts).values()].filter((entry) => entry >> 63n === 1n).length;
          return `${pid}: ${pages} pages, ${session.pagemapScan({ pid }).regions.length > 0 ? 'regions' : 'none'}`;
        });
    const expected = present(whole);
    assert.ok(expected.length >= 4);
    assert.deepEqual(present(damaged), expected);
    whole.close();
    damaged.close();
  }
});
