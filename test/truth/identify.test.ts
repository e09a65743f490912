/** identify against drgn's identify_address on the same dump: where drgn knows an address, Pagewalk knows it as the same. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { absent, addressOf, dumpFolder, expandedDump, jsonLines } from '../support/dumps.ts';

const name = 'x86-64-debian-6.12';

/** Kinds that answer each of drgn's words. */
const answers: Readonly<Record<string, readonly string[]>> = {
  'vmap stack': ['task-stack'],
  vmap: ['vmalloc', 'vmap', 'ioremap', 'module'],
  'slab object': ['slab-object'],
  'free slab object': ['slab-object'],
  symbol: ['symbol'],
};

test('identify knows what drgn knows', { skip: absent(name) ?? false }, () => {
  const session = openSession(nodeHost(), { paths: [expandedDump(name, 'dump.elf')] });
  const lines = jsonLines<{ addr: string; drgn: string | null }>(join(dumpFolder(name) ?? '', 'truth/drgn/identify.jsonl'));
  const wrong: string[] = [];
  let known = 0;
  for (const { addr, drgn } of lines) {
    const facts = session.identify(addressOf(addr));
    assert.ok(facts.summary !== '' && facts.kind !== 'note', `${addr}: ${facts.summary}`);
    if (drgn === null) continue;
    known++;
    const word = /^(?:function |object )?symbol/.test(drgn) ? 'symbol' : (drgn.split(':')[0] ?? '');
    const kinds = answers[word];
    if (kinds?.includes(facts.kind) !== true) wrong.push(`${addr}: drgn ${drgn}, we ${facts.kind} ${facts.summary}`);
    // The area's own range, and the stack's own task, must be drgn's.
    const [range] = /0x[0-9a-f]+-0x[0-9a-f]+/.exec(drgn) ?? [];
    const ranges = facts.details.map(({ start, end }) => `${String(start)}-${String(end)}`);
    if (range !== undefined && !ranges.includes(range)) wrong.push(`${addr}: drgn ${drgn}, our ranges ${ranges.join(' ')}`);
    const [, pid] = /^vmap stack: (\d+) /.exec(drgn) ?? [];
    if (pid !== undefined && facts.details[0]?.['pid'] !== Number(pid)) wrong.push(`${addr}: drgn ${drgn}, we ${facts.summary}`);
  }
  assert.ok(known > 1000, `only ${known} addresses`);
  assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${known}`);
  session.close();
});
