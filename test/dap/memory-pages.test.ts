/** What views of memory ask: pages with their bytes, their holes and what they belong to, and the layout of types. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { IdentifyFacts, TranslationFacts } from '../../debug-adapter/protocol/facts.ts';
import type { MemoryPagesFacts, TypeLayoutFacts } from '../../debug-adapter/protocol/memory-pages.ts';
import { absent, bundled, expandedDump } from '../support/dumps.ts';
import { RawClient } from './raw-client.ts';

const top = 1n << 64n;
const endOf = (end: string): bigint => (BigInt(end) === 0n ? top : BigInt(end));

describe('pagewalk/memoryPages', () => {
  let client: RawClient;
  before(async () => {
    client = new RawClient();
    await client.launch({ image: bundled.image });
  });
  after(async () => {
    await client.body('disconnect');
  });
  const pages = (address: string, count: number, more: object = {}): Promise<MemoryPagesFacts> =>
    client.body('pagewalk/memoryPages', { address, count, ...more });

  test('states of a vmap_block follow its bitmap, and what has no bytes is one run', async () => {
    const facts = await pages('0xffffd4bf80830000', 0x10000);
    assert.deepEqual(
      facts.pages.map(({ start, end, block, physical }) => [start, end, block?.state, block?.page, physical === null]),
      [
        ['0xffffd4bf80830000', '0xffffd4bf80831000', 'used', 48, false],
        ['0xffffd4bf80831000', '0xffffd4bf80832000', 'used', 49, false],
        ['0xffffd4bf80832000', '0xffffd4bf80833000', 'used', 50, false],
        ['0xffffd4bf80833000', '0xffffd4bf80834000', 'used', 51, false],
        ['0xffffd4bf80834000', '0xffffd4bf8083c000', 'dirty', 52, true],
        ['0xffffd4bf8083c000', '0xffffd4bf8083d000', 'used', 60, false],
        ['0xffffd4bf8083d000', '0xffffd4bf8083e000', 'used', 61, false],
        ['0xffffd4bf8083e000', '0xffffd4bf8083f000', 'used', 62, false],
        ['0xffffd4bf8083f000', '0xffffd4bf80840000', 'used', 63, false],
      ],
    );
    assert.deepEqual(
      facts.unreadable.map(({ start, end, kind }) => [start, end, kind]),
      [['0xffffd4bf80834000', '0xffffd4bf8083c000', 'not-mapped']],
    );
  });

  test('pages, owners and bytes are what translate, identify and readMemory say, without a gap', async () => {
    for (const address of ['0xffffd4bf80830000', '0xffffffffa3e00000', '0xffffd4bf80000000']) {
      const facts = await pages(address, 0x10000);
      let at = BigInt(address);
      for (const { start, end, owner, entry, physical, rights } of facts.pages) {
        assert.equal(BigInt(start), at);
        at = endOf(end);
        const asked = { addresses: [start] };
        const [identified] = (await client.body<{ results: IdentifyFacts[] }>('pagewalk/identify', asked)).results;
        const [walk] = (await client.body<{ results: TranslationFacts[] }>('pagewalk/translate', asked)).results;
        assert.deepEqual(owner, { kind: identified?.kind, summary: identified?.summary });
        assert.deepEqual([physical, entry], [walk?.physical, walk?.levels.at(-1)?.entry]);
        assert.equal(rights?.write, walk?.effective?.write);
      }
      assert.ok(at >= BigInt(address) + 0x10000n);
      const { data } = await client.body<{ data: string }>('readMemory', { memoryReference: address, count: 4096 });
      const bytes = Buffer.from(data, 'base64');
      assert.deepEqual(Buffer.from(facts.data, 'base64').subarray(0, bytes.length), bytes);
    }
  });

  test('unmapped space is told far, the top of the space ends at 0, and addresses that no pointer has are one run', async () => {
    const [low] = (await pages('0x0', 0x10000)).pages;
    assert.ok(low !== undefined && endOf(low.end) > 1n << 44n, low?.end);
    const last = await pages('0xffffffffffff0000', 0x100000);
    assert.equal(Buffer.from(last.data, 'base64').length, 0x10000);
    assert.equal(last.pages.at(-1)?.end, '0x0');
    const [none] = (await pages('0x800000000000', 0x10000)).pages;
    assert.deepEqual([none?.end, none?.owner.kind], ['0xffff800000000000', 'non-canonical']);
  });

  test('physical memory by its frames; behind RAM there is one run', async () => {
    const facts = await pages('0x3b9f000', 0x2000, { physical: true });
    assert.deepEqual(
      facts.pages.map(({ physical, rights }) => [physical, rights]),
      facts.pages.map(({ start }) => [start, null]),
    );
    const [behind] = (await pages('0x1fffffffff0000', 0x20000, { physical: true })).pages;
    assert.deepEqual([behind?.start, behind?.end], ['0x1fffffffff0000', '0x20000000000000']);
  });

  test('what cannot be asked is refused in a sentence', async () => {
    for (const [asked, said] of [
      [{ address: '0x10000000000000000', count: 1 }, /an address is 0x and hexadecimal digits/],
      [{ address: '0x0', count: 0 }, /count/],
      [{ address: '0x0', count: 1 << 21 }, /ask in parts/],
      [{ address: '0xffff000000000000', count: 1, physical: true }, /below 2\^53/],
    ] as const) {
      const reply = await client.ask('pagewalk/memoryPages', asked);
      assert.equal(reply.success, false);
      assert.match(reply.message ?? '', said);
    }
  });

  test('bytes that are written over the dump are what the pages then hold', async () => {
    const other = new RawClient();
    await other.launch({ image: bundled.image });
    const address = '0xffffd4bf8083c010';
    await other.body('writeMemory', { memoryReference: address, data: Buffer.from('Kernel').toString('base64') });
    const facts = await other.body<MemoryPagesFacts>('pagewalk/memoryPages', { address: '0xffffd4bf8083c000', count: 4096 });
    await other.body('disconnect');
    assert.equal(Buffer.from(facts.data, 'base64').toString('latin1', 16, 22), 'Kernel');
  });

  test('members of a type have the bytes that BTF gives them', async () => {
    const list = await client.body<TypeLayoutFacts>('pagewalk/typeLayout', { type: 'struct list_head' });
    assert.deepEqual(
      list.members.map(({ name, offset, size, kind }) => [name, offset, size, kind]),
      [
        ['next', 0, 8, 'pointer'],
        ['prev', 8, 8, 'pointer'],
      ],
    );
    const block = await client.body<TypeLayoutFacts>('pagewalk/typeLayout', { type: 'struct vmap_block' });
    const { result } = await client.body<{ result: string }>('evaluate', { expression: 'sizeof(struct vmap_block)', context: 'repl' });
    assert.equal(block.size, Number(/^(?:0x[0-9a-f]+|\d+)/.exec(result)?.[0]));
    assert.ok(block.members.every(({ offset, size }) => offset + size <= block.size));
    const page = await client.body<TypeLayoutFacts>('pagewalk/typeLayout', { type: 'struct task_struct' });
    assert.ok(page.members.some(({ bits }) => bits !== null && bits.count === 1));
    const reply = await client.ask('pagewalk/typeLayout', { type: 'struct no_such_thing' });
    assert.match(reply.message ?? '', /there is no type struct no_such_thing/);
  });
});

for (const folder of ['arm64-64k', 's390x', 'riscv64-sv48'])
  test(`a page that holds init_task is told on ${folder}`, { skip: absent(folder) }, async () => {
    const client = new RawClient();
    await client.launch({ image: expandedDump(folder, 'vmcore.elf') });
    const { memoryReference } = await client.body<{ memoryReference: string }>('evaluate', { expression: '&init_task', context: 'watch' });
    const facts = await client.body<MemoryPagesFacts>('pagewalk/memoryPages', { address: memoryReference, count: 16 });
    await client.body('disconnect');
    const [page] = facts.pages;
    assert.ok(page !== undefined);
    assert.equal(BigInt(page.end) - BigInt(page.start), BigInt(facts.pageSize));
    assert.equal(BigInt(page.start), BigInt(memoryReference) - (BigInt(memoryReference) % BigInt(facts.pageSize)));
    assert.equal(page.rights?.execute, false);
    assert.equal(facts.littleEndian, folder !== 's390x');
  });
