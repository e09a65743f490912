/** `pagewalk ptov` on the bundled vmcore: its text, its JSON, its exit status, and its progress line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { ReverseMapFacts } from '../../debug-adapter/protocol/facts.ts';
import { bundled } from '../support/dumps.ts';
import { runInProcess } from '../support/in-process.ts';
import type { Said } from '../support/in-process.ts';

const { image } = bundled;
/** A page of a vm_map_ram block. */
const page = '0x3b9f000';

const pagewalk = (...argv: string[]): Promise<Said> => runInProcess(nodeHost(), ...argv);

test('each address on its line, what it is last', async () => {
  const { status, text, complaints } = await pagewalk('ptov', image, page, '0x3b9f123');
  assert.deepEqual(complaints, []);
  assert.equal(status, 0);
  assert.equal(
    text,
    `0x3b9f000: 2 addresses
  0xffff8ea083b9f000  kernel            pte 4K    RW NX kernel  direct map of physical 0x3b9f000
  0xffffd4bf80801000  kernel            pte 4K    RW NX kernel  used page 1 of 256 of a vm_map_ram block, in the run of used pages 0-51
0x3b9f123: 2 addresses
  0xffff8ea083b9f123  kernel            pte 4K    RW NX kernel  direct map of physical 0x3b9f123
  0xffffd4bf80801123  kernel            pte 4K    RW NX kernel  used page 1 of 256 of a vm_map_ram block, in the run of used pages 0-51
`,
  );
});

test('JSON has the same facts', async () => {
  const { status, text } = await pagewalk('ptov', image, page, '--all', '--json');
  assert.equal(status, 0);
  const { results, tables } = JSON.parse(text) as ReverseMapFacts;
  assert.deepEqual(
    results.map(({ physical, total, mappings }) => [physical, total, mappings.map(({ virtual, mm, level }) => [virtual, mm, level])]),
    [
      [
        page,
        2,
        [
          ['0xffff8ea083b9f000', 'kernel', 'pte'],
          ['0xffffd4bf80801000', 'kernel', 'pte'],
        ],
      ],
    ],
  );
  assert.ok(tables > 129);
});

test('what nothing maps is told, with exit status 1', async () => {
  const kernel = await pagewalk('ptov', image, '0x123456789000', page);
  assert.equal(kernel.status, 1);
  assert.match(kernel.text, /^0x123456789000: no kernel address maps it; search the processes too with --all\n0x3b9f000: 2 addresses\n/);
  const all = await pagewalk('ptov', image, '0x123456789000', '--all');
  assert.match(all.text, /^0x123456789000: nothing maps it \(\d+ page tables searched\)\n$/);
});

test('an address that is none, or not physical, is refused with exit status 2', async () => {
  for (const address of ['nonsense', '0xffff8ea083b9f000', '-1']) {
    const { status, text, complaints } = await pagewalk('ptov', image, '--', address);
    assert.deepEqual([status, text, complaints.length], [2, '', 1], address);
  }
});

test('progress is told on a terminal, and its line is taken away before the answer', async () => {
  const { progress } = await pagewalk('ptov', image, page, '--all');
  // Opening has a line of its own, which is taken away first.
  assert.equal(progress[0], 'opening the image');
  const reading = progress.slice(progress.indexOf(undefined) + 1);
  assert.match(reading[0] ?? '', /^reading page tables: 0 of \d+$/);
  assert.ok(reading.length >= 3);
  assert.equal(reading.at(-1), undefined);
  assert.ok(reading.slice(0, -1).every((line) => line !== undefined));
});
