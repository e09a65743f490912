/** docs/OTHER-EDITORS.md does what it says: its sessions, its shell lines, and what its Neovim tables start. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { Duplex } from 'node:stream';
import type { Readable, Writable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { bundled } from '../support/dumps.ts';
import { RawClient } from './raw-client.ts';

const root = resolve(import.meta.dirname, '../..');
const program = join(root, 'dist/pagewalk.js');
const guide = readFileSync(join(root, 'docs/OTHER-EDITORS.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'pagewalk-guide-'));
after(() => {
  rmSync(folder, { recursive: true });
});

function blocks(language: string): string[] {
  return [...guide.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, text]) => text ?? '');
}

/** A client of the adapter that a command line starts. */
function started(command: string, parameters: readonly string[]): RawClient {
  return clientOf(spawn(command, parameters, { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] }));
}

function clientOf(child: ChildProcessByStdio<Writable, Readable, null>): RawClient {
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  // The adapter's end, after a disconnect, comes as an error.
  stream.on('error', () => undefined);
  return new RawClient(stream);
}

/** Whether `shown` is a part of `whole`: of objects some fields, of lists the first elements, of texts up to `…`. */
function assertPart(shown: unknown, whole: unknown, path: string): void {
  if (typeof shown === 'string' && shown.endsWith('…')) assert.equal(String(whole).slice(0, shown.length - 1), shown.slice(0, -1), path);
  else if (typeof shown !== 'object' || shown === null) assert.equal(whole, shown, path);
  else if (Array.isArray(shown) && shown.length === 0) assert.deepEqual(whole, [], path);
  else
    for (const [name, part] of Object.entries(shown)) {
      assert.ok(typeof whole === 'object' && whole !== null, path);
      assertPart(part, Reflect.get(whole, name), `${path}.${name}`);
    }
}

interface Shown {
  readonly type: string;
  readonly request_seq?: number;
  readonly event?: string;
}

test('the session of any client', async () => {
  const [transcript = ''] = blocks('transcript');
  const client = started(process.execPath, [program, 'dap']);
  const lines = transcript.trimEnd().split('\n');
  assert.ok(lines.length > 15);
  for (const line of lines) {
    const message = JSON.parse(line.slice(2)) as Shown;
    if (line.startsWith('> ')) client.raw(line.slice(2));
    else if (message.type === 'event') assertPart(message, await client.event(({ event }) => event === message.event), line);
    else assertPart(message, await client.replyTo(message.request_seq ?? 0), line);
  }
});

describe('Neovim', () => {
  const tables = blocks('lua');

  test('the adapter that is started answers a launch', async () => {
    const [table = ''] = tables;
    const command = /command = '([^']+)'/.exec(table)?.[1];
    const parameters = [...(/args = \{([^}]*)\}/.exec(table)?.[1] ?? '').matchAll(/'([^']*)'/g)].map(([, word = '']) =>
      word.replace('/path/to/pagewalk', root),
    );
    assert.equal(command, 'node');
    assert.equal(parameters[0], program);
    const client = started(process.execPath, parameters);
    await client.launch({ type: 'pagewalk', request: 'launch', name: 'Open vmcore', image: bundled.image });
    assert.match(table, /request\('pagewalk\/translate', \{ addresses = \{/);
    const { results } = await client.body<{ results: unknown[] }>('pagewalk/translate', { addresses: ['0xffffd4bf80801000'] });
    assert.equal(results.length, 1);
    await client.body('disconnect');
  });

  test('the port that is connected to is the one that the guide has the adapter listen on', () => {
    const [, port] = /port = (\d+)/.exec(tables[1] ?? '') ?? [];
    assert.match(guide, new RegExp(`^pagewalk dap --port ${port ?? ''}$`, 'm'));
  });

  test('reads the tables, and they are what nvim-dap wants', (t) => {
    if (spawnSync('nvim', ['--version']).status !== 0) {
      t.skip('needs nvim');
      return;
    }
    const script = join(folder, 'init.lua');
    writeFileSync(
      script,
      `package.loaded['dap'] = { adapters = {} }
${tables.map((table) => `do\n${table}\nend\nlocal a = require('dap').adapters.pagewalk; print(vim.json.encode(a))`).join('\n')}
print(vim.fn.exists(':Vmcore'))`,
    );
    const { stderr } = spawnSync('nvim', ['--headless', '-u', 'NONE', '-c', `luafile ${script}`, '-c', 'quit'], { encoding: 'utf8' });
    const [executable, server, command] = stderr.trim().split(/\r?\n/);
    assert.deepEqual(JSON.parse(executable ?? ''), {
      type: 'executable',
      command: 'node',
      args: ['/path/to/pagewalk/dist/pagewalk.js', 'dap'],
    });
    assert.deepEqual(JSON.parse(server ?? ''), { type: 'server', host: '127.0.0.1', port: 4711 });
    assert.equal(command, '2');
  });
});

test('a port with a token from the environment: nothing is answered without it', async () => {
  const environment = /`(PAGEWALK_\w+)`/.exec(guide)?.[1] ?? '';
  const child = spawn(process.execPath, [program, 'dap', '--port', '0'], {
    cwd: root,
    env: { ...process.env, [environment]: 'WORD' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    const [line] = (await once(child.stderr, 'data')) as [Buffer];
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(line.toString())?.[1]);
    const settings = JSON.parse(
      (/`(\{ "type": "pagewalk"[^`]*"token"[^`]*\})`/.exec(guide)?.[1] ?? '').replace('…', bundled.image),
    ) as object;
    const socket = connect(port, '127.0.0.1');
    const client = new RawClient(socket);
    assert.match((await client.ask('launch', { ...settings, token: undefined })).message ?? '', /wants a token/);
    await client.launch(settings);
    await client.body('disconnect');
    socket.destroy();
  } finally {
    child.kill();
  }
});

test("stdio is its client's alone, whatever token the environment has", async () => {
  const child = spawn(process.execPath, [program, 'dap'], {
    env: { ...process.env, PAGEWALK_DAP_TOKEN: 'WORD' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const client = clientOf(child);
  await client.launch({ image: bundled.image });
  await client.body('disconnect');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

describe('scripts', () => {
  const [python = ''] = blocks('python');
  writeFileSync(join(folder, 'vmalloc-callers.py'), python);
  writeFileSync(join(folder, 'pagewalk'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, { mode: 0o755 });
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}` };
  const commands = blocks('console').flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => ({ command: text.slice(0, text.indexOf('\n')), printed: text.slice(text.indexOf('\n') + 1) })),
  );
  assert.ok(commands.length >= 4);
  for (const { command, printed } of commands) {
    test(command, (t) => {
      const tool = /\bjq\b/.test(command) ? 'jq' : 'python3';
      if (spawnSync(tool, ['--version']).status !== 0) {
        t.skip(`needs ${tool}`);
        return;
      }
      const line = command.replace('vmalloc-callers.py', join(folder, 'vmalloc-callers.py'));
      assert.equal(execFileSync('sh', ['-c', line], { cwd: root, env, encoding: 'utf8' }), printed);
    });
  }
});
