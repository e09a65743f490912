/**
 * What memory views of other makers ask of an adapter: VS Code's «View Binary Data», and Eclipse CDT's Memory Inspector, which
 * takes the address of a variable from `evaluate`, reads around it, and goes on behind what is not there.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { bundled } from '../support/dumps.ts';
import { RawClient } from './raw-client.ts';

const guarded = '0xffffd4bf800bd000';
const pageSize = 4096;

interface Variable {
  readonly name: string;
  readonly value: string;
  readonly evaluateName?: string;
  readonly memoryReference?: string;
  readonly variablesReference: number;
}

interface Evaluated {
  readonly result: string;
  readonly memoryReference?: string;
}

interface Bytes {
  readonly address: string;
  readonly data?: string;
  readonly unreadableBytes?: number;
}

describe('memory views of other makers', () => {
  let client: RawClient;
  let frameId: number;

  before(async () => {
    client = new RawClient();
    await client.launch({ image: bundled.image }, { supportsMemoryEvent: true, supportsInvalidatedEvent: true });
    const { threads } = await client.body<{ threads: { id: number }[] }>('threads');
    const { stackFrames } = await client.body<{ stackFrames: { id: number }[] }>('stackTrace', { threadId: threads[0]?.id });
    frameId = stackFrames[0]?.id ?? 0;
  });

  const read = (parameters: object): Promise<Bytes> => client.body<Bytes>('readMemory', parameters);
  const bytes = ({ data = '' }: Bytes): Buffer => Buffer.from(data, 'base64');

  test('initialize says that memory is read and written, and that changes are told', async () => {
    const other = new RawClient();
    const told = await other.body<Readonly<Record<string, boolean>>>('initialize', { adapterID: 'x', supportsMemoryEvent: true });
    assert.equal(told['supportsReadMemoryRequest'], true);
    assert.equal(told['supportsWriteMemoryRequest'], true);
    assert.equal(told['supportsEvaluateForHovers'], true);
  });

  test('a register that holds an address has a memory reference, and its name is evaluated to the same', async () => {
    const { scopes } = await client.body<{ scopes: { variablesReference: number }[] }>('scopes', { frameId });
    const { variables } = await client.body<{ variables: Variable[] }>('variables', scopes[0]);
    const pointer = variables.find(({ name }) => name === 'rsp');
    assert.ok(pointer?.memoryReference !== undefined);
    assert.ok(pointer.evaluateName !== undefined);
    const asked = { expression: pointer.evaluateName, context: 'watch', frameId };
    assert.match((await client.body<Evaluated>('evaluate', asked)).result, new RegExp(pointer.memoryReference));
    assert.equal(bytes(await read({ memoryReference: pointer.memoryReference, count: 64 })).length, 64);
  });

  test('the address of a variable is evaluated as `&(name)`', async () => {
    const { memoryReference, result } = await client.body<Evaluated>('evaluate', { expression: '&(init_task)', context: 'watch', frameId });
    assert.match(memoryReference ?? '', /^0x[0-9a-f]{16}$/);
    assert.ok(result.includes(memoryReference ?? '?'));
    const byName = await read({ memoryReference: '&init_task', count: 16 });
    assert.deepEqual(byName, await read({ memoryReference, count: 16 }));
  });

  test('an offset may be negative, and count may be 0', async () => {
    const from = await read({ memoryReference: guarded, offset: 16, count: 32 });
    const back = await read({ memoryReference: `0x${(BigInt(guarded) + 64n).toString(16)}`, offset: -48, count: 32 });
    assert.deepEqual(back, from);
    assert.equal(BigInt(from.address), BigInt(guarded) + 16n);
    assert.equal(bytes(await read({ memoryReference: guarded, count: 0 })).length, 0);
  });

  test('a reader that goes on behind what is not there comes to the end, and never gets bytes that are none', async () => {
    let at = BigInt(guarded);
    const end = at + BigInt(3 * pageSize);
    let [readable, unreadable, turns] = [0, 0, 0];
    while (at < end) {
      const answer = await read({ memoryReference: `0x${at.toString(16)}`, count: Number(end - at) });
      const step = bytes(answer).length + (answer.unreadableBytes ?? 0);
      assert.ok(step > 0 && ++turns < 20, `no step at 0x${at.toString(16)}`);
      readable += bytes(answer).length;
      unreadable += answer.unreadableBytes ?? 0;
      at += BigInt(step);
    }
    assert.equal(at, end);
    // The guard page behind the area's one page is not mapped.
    assert.ok(readable >= pageSize && unreadable >= pageSize);
  });

  test('what is written is read, and an event tells of it', async () => {
    const [was] = [bytes(await read({ memoryReference: guarded, count: 4 }))];
    const data = Buffer.from('READ').toString('base64');
    assert.deepEqual(await client.body('writeMemory', { memoryReference: guarded, data }), { bytesWritten: 4 });
    assert.equal((await read({ memoryReference: guarded, count: 4 })).data, data);
    assert.ok(client.events.some(({ event }) => event === 'invalidated'));
    await client.body('writeMemory', { memoryReference: guarded, data: was.toString('base64') });
  });
});
