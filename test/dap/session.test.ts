/** The debug adapter as another client sees it: @vscode/debugadapter-testsupport over stdio and over the port. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import { bundled } from '../support/dumps.ts';

const program = resolve(import.meta.dirname, '../../dist/pagewalk.js');
/** The client starts a program without arguments: this one adds the verb. */
const stdioProgram = resolve(import.meta.dirname, 'stdio-adapter.mjs');
const blockPage = '0xffffd4bf80801000';
const filledPage = '0xffffd4bf800bd000';
const guardPage = '0xffffd4bf800be000';

interface ReadMemoryBody {
  readonly data: string;
  readonly unreadableBytes?: number;
  readonly unreadable: readonly { readonly start: string; readonly end: string; readonly reason: string }[];
}

/** Starts an adapter that listens, and gives its port and how to end it. */
function listen(): Promise<{ port: number; end: () => void }> {
  return new Promise((found, failed) => {
    const child = spawn(process.execPath, [program, 'dap', '--port', '0'], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.on('error', failed);
    child.stderr.on('data', (text: Buffer) => {
      const port = /127\.0\.0\.1:(\d+)/.exec(text.toString())?.[1];
      if (port !== undefined) found({ port: Number(port), end: () => child.kill() });
    });
  });
}

for (const transport of ['stdio', 'port'] as const) {
  describe(`over ${transport}`, () => {
    let client: DebugClient;
    let end = (): void => undefined;
    before(async () => {
      client = new DebugClient(process.execPath, stdioProgram, 'pagewalk');
      client.defaultTimeout = 60_000;
      if (transport === 'port') {
        const listening = await listen();
        end = listening.end;
        await client.start(listening.port);
      } else await client.start();
      await client.initializeRequest({ adapterID: 'pagewalk', linesStartAt1: true, columnsStartAt1: true });
      await Promise.all([client.waitForEvent('initialized'), client.launchRequest({ image: bundled.image } as never)]);
      await Promise.all([client.waitForEvent('stopped'), client.configurationDoneRequest()]);
    });
    after(async () => {
      await client.stop();
      end();
    });

    test('CPUs are threads with a frame and registers', async () => {
      const { threads } = (await client.threadsRequest()).body;
      assert.deepEqual(
        threads.slice(0, 5).map(({ name }) => name),
        ['CPU 0: swapper/0 (0)', 'CPU 1: swapper/1 (0)', 'CPU 2: swapper/2 (0)', 'CPU 3: swapper/3 (0)', 'init (1)'],
      );
      const { stackFrames } = (await client.stackTraceRequest({ threadId: 1 })).body;
      assert.match(stackFrames[0]?.name ?? '', /^\w+\+0x[0-9a-f]+\/0x[0-9a-f]+$/);
      const totalFrames = (await client.stackTraceRequest({ threadId: 1 })).body.totalFrames ?? 0;
      assert.deepEqual((await client.stackTraceRequest({ threadId: 1, startFrame: totalFrames, levels: 19 })).body.stackFrames, []);
      const { content } = (await client.sourceRequest({ sourceReference: stackFrames[0]?.source?.sourceReference ?? 0 })).body;
      assert.match(content, /^rip {14}0x[0-9a-f]{16} {2}\w+\+0x/);
      const { scopes } = (await client.scopesRequest({ frameId: stackFrames[0]?.id ?? 0 })).body;
      assert.deepEqual(
        scopes.map(({ name }) => name),
        ['Registers', 'Address spaces', 'Vmalloc', 'Image'],
      );
      const registers = (await client.variablesRequest({ variablesReference: scopes[0]?.variablesReference ?? 0 })).body.variables;
      assert.equal(registers.find(({ name }) => name === 'rip')?.memoryReference, stackFrames[0]?.instructionPointerReference);
      assert.ok(registers.some(({ name }) => name === 'cr3'));
    });

    test('variables are paged', async () => {
      const { scopes } = (await client.scopesRequest({ frameId: 1 })).body;
      const page = (await client.variablesRequest({ variablesReference: scopes[2]?.variablesReference ?? 0, start: 5, count: 3 })).body
        .variables;
      assert.equal(page.length, 3);
      const fields = (await client.variablesRequest({ variablesReference: page[0]?.variablesReference ?? 0 })).body.variables;
      assert.ok(fields.some(({ name }) => name === 'vmFlags'));
    });

    test('a hover on an address tells what it is', async () => {
      const { body } = await client.evaluateRequest({ expression: blockPage, context: 'hover' });
      assert.match(body.result, /^used page 1 of 256 of a vm_map_ram block/);
      assert.ok(body.variablesReference > 0);
    });

    test('expressions', async () => {
      const value = async (expression: string): Promise<string> =>
        (await client.evaluateRequest({ expression, frameId: 1, context: 'watch' })).body.result;
      assert.equal(await value('init_task.comm'), '"swapper/0"');
      assert.equal(await value('((struct task_struct *)&init_task)->pid'), '0');
      assert.equal(await value('sizeof(struct page)'), '0x40 (64)');
      assert.equal(await value('(1 << 4 | 3) + 2 * 3'), '0x19 (25)');
      await assert.rejects(value('init_task.nothing'), /no member nothing/);
      await assert.rejects(value('1 +'), /missing at the end/);
      assert.match(await value('*(int *)0x0'), /^<cannot read 0x0: /);
    });

    test('readMemory tells what is not there', async () => {
      const read = async (parameters: object): Promise<ReadMemoryBody> =>
        (await client.customRequest('readMemory', parameters)).body as ReadMemoryBody;
      const there = await read({ memoryReference: filledPage, count: 16 });
      assert.equal(Buffer.from(there.data, 'base64').length, 16);
      const guard = await read({ memoryReference: guardPage, count: 16 });
      assert.deepEqual([guard.data, guard.unreadableBytes], ['', 16]);
      const edge = await read({ memoryReference: guardPage, offset: -8, count: 32 });
      assert.deepEqual([Buffer.from(edge.data, 'base64').length, edge.unreadableBytes], [8, 24]);
      const holeEnd = `0x${(BigInt(guardPage) + 24n).toString(16)}`;
      assert.deepEqual(
        edge.unreadable.map((hole) => [hole.start, hole.end]),
        [[guardPage, holeEnd]],
      );
      assert.equal(edge.unreadable[0]?.reason, 'the pte entry is empty');
      assert.deepEqual(there.unreadable, []);
      const none = await read({ memoryReference: blockPage, count: 0 });
      assert.equal(none.data, '');
    });

    test('completions', async () => {
      const { targets } = (await client.completionsRequest({ text: 'init_task.com', column: 14 })).body;
      assert.ok(targets.some(({ label }) => label === 'comm'));
    });

    test('every request gets exactly one reply, whatever it is', async () => {
      const odd: unknown[] = [
        undefined,
        {},
        { threadId: 'x' },
        { variablesReference: 99_999 },
        { addresses: ['0xzz'] },
        { memoryReference: '', count: -1 },
      ];
      const names = [
        'frobnicate',
        'toString',
        '__proto__',
        'variables',
        'readMemory',
        'stackTrace',
        'scopes',
        'evaluate',
        'pagewalk/translate',
        'pagewalk/ptdump',
        'next',
      ];
      for (const name of names) {
        for (const parameters of odd) {
          const answered = await client.customRequest(name, parameters).then(
            () => 'answered',
            (error: unknown) => (error instanceof Error ? error.message : String(error)),
          );
          assert.doesNotMatch(answered, /defect/, `${name} ${JSON.stringify(parameters)}`);
        }
      }
    });

    test('cancel is answered', async () => {
      const answer = await client.customRequest('cancel', { requestId: 1 });
      assert.equal(answer.success, true);
    });
  });
}

test('a launch that cannot work fails with its sentence', async () => {
  const listening = await listen();
  const client = new DebugClient(process.execPath, program, 'pagewalk');
  client.defaultTimeout = 60_000;
  await client.start(listening.port);
  try {
    await client.initializeRequest();
    await assert.rejects(client.launchRequest({ image: '/nowhere/vmcore' } as never), /no such file; check its path/);
    await assert.rejects(client.launchRequest({}), /has no `image`/);
  } finally {
    await client.stop();
    listening.end();
  }
});
