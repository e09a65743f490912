/** Threads and stacks as a client sees them: paged, with registers in every frame, and the reason of a panic. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Host } from '../../debug-adapter/base/host.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { absent, dumpFolder, expandedDump, jsonLines, truthText } from '../support/dumps.ts';
import { RawClient } from './raw-client.ts';

type Threads = DebugProtocol.ThreadsResponse['body'];
type Stack = DebugProtocol.StackTraceResponse['body'];
type Scopes = DebugProtocol.ScopesResponse['body'];
type Variables = DebugProtocol.VariablesResponse['body'];

const debian = 'x86-64-debian-6.12';

/** Frames of drgn's that are functions of their own. */
interface DrgnStack {
  readonly pid: number;
  readonly comm: string;
  readonly frames: readonly { readonly pc: string; readonly inline: boolean }[];
}

test('CPUs come first, then every task, each with its stack, a page at a time', { skip: absent(debian) ?? false }, async () => {
  const client = new RawClient();
  await client.launch({ image: expandedDump(debian, 'dump.elf') });
  const truth = jsonLines<DrgnStack>(join(dumpFolder(debian) ?? '', 'truth/drgn/stacks.jsonl'));
  const { threads } = await client.body<Threads>('threads');
  assert.deepEqual(
    threads.slice(4).map(({ name }) => name),
    truth.map(({ pid, comm }) => `${comm} (${pid})`),
  );
  assert.equal(new Set(threads.map(({ id }) => id)).size, threads.length);
  for (const [index, { frames }] of truth.entries()) {
    const expected = frames.filter(({ inline }) => !inline).map(({ pc }) => pc);
    const threadId = threads[index + 4]?.id;
    const pages: DebugProtocol.StackFrame[] = [];
    for (let startFrame = 0; startFrame < expected.length + 3; startFrame += 3) {
      const page = await client.body<Stack>('stackTrace', { threadId, startFrame, levels: 3 });
      assert.equal(page.totalFrames, expected.length);
      pages.push(...page.stackFrames);
    }
    assert.deepEqual(
      pages.map(({ instructionPointerReference }) => instructionPointerReference),
      expected,
    );
    assert.equal(new Set(pages.map(({ id }) => id)).size, expected.length);
  }
  await client.body('disconnect');
});

test('every frame has its registers, as a scope, in expressions and as a text', { skip: absent(debian) ?? false }, async () => {
  const client = new RawClient();
  await client.launch({ image: expandedDump(debian, 'dump.elf') });
  const { threads } = await client.body<Threads>('threads');
  const init = threads.find(({ name }) => name === 'init (1)');
  const { stackFrames } = await client.body<Stack>('stackTrace', { threadId: init?.id });
  for (const frame of stackFrames) {
    const { scopes } = await client.body<Scopes>('scopes', { frameId: frame.id });
    const { variables } = await client.body<Variables>('variables', { variablesReference: scopes[0]?.variablesReference });
    assert.equal(variables.find(({ name }) => name === 'rip')?.memoryReference, frame.instructionPointerReference);
    const { result } = await client.body<{ result: string }>('evaluate', { expression: '$rip', frameId: frame.id, context: 'watch' });
    assert.ok(result.includes(frame.instructionPointerReference ?? '?'), result);
    const { content } = await client.body<{ content: string }>('source', { sourceReference: frame.source?.sourceReference });
    assert.ok(content.startsWith(`rip              0x${(frame.instructionPointerReference ?? '').slice(2).padStart(16, '0')}`), content);
    assert.match(content, /#0 \[ffffd4bf80013990\] __schedule\+0x4e0\/0xbf0 at ffffffffa4a9a720/);
  }
  assert.equal(stackFrames.at(-1)?.name, '(user mode)');
  await client.body('disconnect');
});

test('without a panic there is no exception', { skip: absent(debian) ?? false }, async () => {
  const client = new RawClient();
  await client.launch({ image: expandedDump(debian, 'dump.elf') });
  const stopped = await client.event(({ event }) => event === 'stopped');
  assert.equal((stopped.body as DebugProtocol.StoppedEvent['body']).reason, 'entry');
  assert.match((await client.ask('exceptionInfo', { threadId: 1 })).message ?? '', /tells of no panic and no oops/);
  await client.body('disconnect');
});

/** A host that gives other bytes wherever a file holds `find`. */
function withText(host: Host, find: string, replace: string): Host {
  const [from, to] = [Buffer.from(find, 'latin1'), Buffer.from(replace.padEnd(find.length), 'latin1')];
  return {
    ...host,
    openFile: (path) => {
      const source = host.openFile(path);
      const size = 1 << 20;
      const places: number[] = [];
      for (let offset = 0; offset < source.size; offset += size) {
        const part = Buffer.from(source.read(offset, size + from.length - 1));
        for (let at = part.indexOf(from); at >= 0; at = part.indexOf(from, at + 1)) places.push(offset + at);
      }
      assert.ok(places.length > 0, `${path} does not hold ${find}`);
      return {
        name: source.name,
        size: source.size,
        read: (offset, length) => {
          const bytes = source.read(offset, length);
          for (const place of places) {
            for (let index = 0; index < to.length; index++) {
              const at = place + index - offset;
              if (at >= 0 && at < bytes.length) bytes[at] = to[index] ?? 0;
            }
          }
          return bytes;
        },
        close: () => {
          source.close();
        },
      };
    },
  };
}

test('a panic in the log is the exception, on the CPU that it names', { skip: absent('x86-64') ?? false }, async () => {
  // The last record of the log, as if the kernel had died: same place, other words.
  const host = withText(
    nodeHost(),
    'FX2 pgd pid=37 comm=fxprocD task=0xffff98484166aa00 mm=0xffff9848410a1300',
    'Kernel panic - not syncing: Fatal exception in interrupt',
  );
  const client = new RawClient(host);
  await client.launch({ image: expandedDump('x86-64', 'vmcore.elf') });
  const stopped = await client.event(({ event }) => event === 'stopped');
  const body = stopped.body as DebugProtocol.StoppedEvent['body'];
  assert.deepEqual([body.reason, body.description], ['exception', 'Kernel panic']);
  assert.match(body.text ?? '', /^Kernel panic - not syncing: Fatal exception in interrupt/);
  const info = await client.body<DebugProtocol.ExceptionInfoResponse['body']>('exceptionInfo', { threadId: body.threadId });
  assert.deepEqual([info.exceptionId, info.breakMode, info.details?.typeName], ['Kernel panic', 'unhandled', 'panic']);
  assert.match(info.description ?? '', /Fatal exception in interrupt/);
  await client.body('disconnect');
});

test('the log is given as text, with levels where they are asked for', { skip: absent('x86-64') ?? false }, async () => {
  const client = new RawClient();
  await client.launch({ image: expandedDump('x86-64', 'vmcore.elf') });
  const truth = truthText('x86-64', 'dmesg.txt');
  assert.deepEqual(await client.body('pagewalk/log', { levels: true }), { text: truth, death: null });
  assert.deepEqual(await client.body('pagewalk/log', {}), { text: truth.replace(/^<\d+>/gm, ''), death: null });
  await client.body('disconnect');
});
