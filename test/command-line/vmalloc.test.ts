/** `pagewalk vmalloc` and `read --as-kcore` on the bundled vmcore: text, JSON, exit status. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { VmallocFacts, VmallocPagesFacts } from '../../debug-adapter/protocol/vmalloc.ts';
import type { KcoreReadFacts } from '../../debug-adapter/protocol/reads.ts';
import { bundled } from '../support/dumps.ts';
import { runInProcess } from '../support/in-process.ts';
import type { Said } from '../support/in-process.ts';

const { image } = bundled;

const pagewalk = (...argv: string[]): Promise<Said> => runInProcess(nodeHost(), ...argv);

test('vmalloc --all: every range by address, queues, counters', async () => {
  const { status, text, complaints } = await pagewalk('vmalloc', image, '--all');
  assert.deepEqual([status, complaints], [0, []]);
  const lines = text.split('\n');
  const starts = lines.slice(0, lines.indexOf('')).map((line) => BigInt(line.slice(0, 18).trim()));
  assert.equal(starts.length, 229 + 21 + 131);
  assert.ok(starts.every((start, index) => index === 0 || start > (starts[index - 1] ?? 0n)));
  assert.match(
    text,
    /^0xffffd4bf81700000-0xffffd4bf81800000 1048576 busy vmap_block 0xffff8ea083eb90c0 of 256 pages: 140 used, 45 free, 71 dirty; of the queue of CPU 0, in the array of CPU 3$/m,
  );
  assert.match(
    text,
    /^0xffffd4bf80c00000-0xffffd4bf81201000 6295552 busy VM_ALLOC\|VM_ALLOW_HUGE_VMAP do_vmalloc\+\S+ \[fxvm\] pages=1536 order=9$/m,
  );
  assert.match(text, / busy VM_IOREMAP hpet_enable\+\S+ phys=0xfed00000$/m);
  assert.match(text, /^vmap_block_queue of CPU 3: 0xffff8ea0834a4240 0xffff8ea0834a49c0$/m);
  assert.match(text, /^lazily freed: 359 pages by vmap_lazy_nr, 359 on lists; a purge begins above 24576$/m);
  assert.match(text, /^node 3: 51 busy, 4 lazy, 0 in a purge, 0 pooled$/m);
});

test('vmalloc --json: free ranges have 64-bit sizes', async () => {
  const { free, lazy } = JSON.parse((await pagewalk('vmalloc', image, '--json')).text) as VmallocFacts;
  assert.deepEqual([free[0]?.start, free[0]?.size, lazy.length], ['0x1', '0xffffd4bf7fffffff', 21]);
});

test('vmalloc --pages: the frames of one area', async () => {
  const { status, text } = await pagewalk('vmalloc', image, '--pages', '0xffffd4bf80c00000');
  assert.equal(status, 0);
  assert.match(
    text,
    /^0xffffd4bf80c00000-0xffffd4bf81201000: 1536 pages by vm_struct.pages\[\], allocated in order 9\n0-511 +0x4200000 +2097152 N0\n/,
  );
  const facts = JSON.parse((await pagewalk('vmalloc', image, '--pages', '0xffffd4bf80c00000', '--json')).text) as VmallocPagesFacts;
  assert.equal(facts.runs.length, 3);
  const none = await pagewalk('vmalloc', image, '--pages', '0x1000');
  assert.deepEqual([none.status, none.text], [2, '']);
});

test('read --as-kcore: what the kernel would have given, and that memory holds something else', async () => {
  const { status, text, complaints } = await pagewalk('read', image, '0xffffd4bf81703000', '16', '--as-kcore');
  assert.equal(status, 0);
  assert.match(text, /^0xffffd4bf81703000 {2}00 00 00 00 14 00 58 46 /);
  assert.match(
    complaints.join('\n'),
    /^pagewalk: 0xffffd4bf81703000-0xffffd4bf81703010 is not what memory holds: vmap_ram_vread_iter\(\) copies from page 0/,
  );
  const plain = await pagewalk('read', image, '0xffffd4bf81703000', '16');
  assert.match(plain.text, /^0xffffd4bf81703000 {2}00 30 00 00 14 00 58 46 /);
  const facts = JSON.parse((await pagewalk('read', image, '0xffffd4bf81703000', '16', '--as-kcore', '--json')).text) as KcoreReadFacts;
  assert.equal(facts.differences.length, 1);
  const refused = await pagewalk('read', image, '0x1000', '16', '--as-kcore', '--physical');
  assert.equal(refused.status, 2);
  assert.match(refused.complaints[0] ?? '', /leave out --physical and --mm/);
});
