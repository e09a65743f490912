/**
 * What the program reaches for: the image that it is given, for reading, and nothing else. No path that a dump holds (there are
 * hundreds: files of processes, modules, command lines) is looked at, no network is used, no other program is started.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Duplex } from 'node:stream';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RawClient } from '../dap/raw-client.ts';
import { bundled } from '../support/dumps.ts';

const root = resolve(import.meta.dirname, '../..');
const program = join(root, 'dist/pagewalk.js');
const hook = join(import.meta.dirname, 'reach-hook.mjs');
const folder = mkdtempSync(join(tmpdir(), 'pagewalk-reach-'));
after(() => {
  rmSync(folder, { recursive: true });
});
const { image } = bundled;
const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

interface Reach {
  readonly kind: 'file' | 'network' | 'program';
  readonly name: string;
  readonly path: string;
  readonly flags?: string;
}

let runs = 0;

/** What was told, but for files of the program's own bundle. */
function reachedIn(told: string): Reach[] {
  return readFileSync(told, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Reach)
    .filter(({ path }) => dirname(path.startsWith('file:') ? fileURLToPath(path) : path) !== dirname(program));
}

function reachOf(argv: readonly string[]): { reached: Reach[]; status: number | null; printed: string } {
  const told = join(folder, `reach-${runs++}`);
  writeFileSync(told, '');
  const { status, stdout } = spawnSync(process.execPath, ['--import', hook, program, ...argv], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, PAGEWALK_REACH: told },
  });
  return { reached: reachedIn(told), status, printed: stdout };
}

/** The image is opened for reading and asked whether it changed; the folder that it lies in may be looked through for members of a split set. */
function assertReadsAlone(reached: readonly Reach[]): void {
  for (const { kind, name, path, flags } of reached) {
    const what = `${kind} ${name} ${path} ${flags ?? ''}`;
    assert.equal(kind, 'file', what);
    if (name === 'readdirSync') assert.equal(path, dirname(image), what);
    else {
      assert.ok(name === 'openSync' || name === 'statSync', what);
      assert.equal(path, image, what);
      if (name === 'openSync') assert.equal(flags, 'r', what);
    }
  }
}

const verbs: readonly (readonly string[])[] = [
  ['info', image],
  ['ptdump', image],
  ['vtop', image, '0xffffd4bf80801000'],
  ['ptov', image, '0x3b9f000', '--all'],
  ['identify', image, '0xffffd4bf80801000'],
  ['vmalloc', image, '--all'],
  ['read', image, '0xffffd4bf800bd000', '64'],
  ['read', image, '0xffffd4bf800bd000', '64', '--as-kcore'],
  ['eval', image, 'init_task'],
  ['struct', image, 'struct page'],
  ['pagemap-scan', image, '1'],
  ['pagemap', image, '1'],
  ['pages', image],
  ['ps', image],
  ['maps', image, '1'],
  ['bt', image, '--all'],
  ['log', image],
  ['vmcoreinfo', image],
  ['sym', image, 'init*'],
  ['check', image],
  ['diff', image, image],
  ['search', image, '"/bin/"', '--physical'],
  ['disassemble', image, '_stext', '8'],
];

describe('a verb', () => {
  const before = digest(image);
  for (const argv of verbs) {
    test(`${argv.map((word) => (word === image ? 'IMAGE' : word)).join(' ')}: reads the image and nothing else`, () => {
      const { reached, status } = reachOf(argv);
      assert.ok(reached.some(({ name, path, flags }) => name === 'openSync' && path === image && flags === 'r'));
      assertReadsAlone(reached);
      assert.notEqual(status, 70);
    });
  }

  test('no verb is left out', () => {
    const help = spawnSync(process.execPath, [program, '--help'], { encoding: 'utf8' }).stdout;
    const named = [...help.matchAll(/^ {2}([a-z][a-z-]*)(?: |$)/gm)].map(([, name = '']) => name);
    const others = ['dap', 'lsp', 'run', 'help'];
    assert.deepEqual(named.filter((name) => !others.includes(name)).sort(), [...new Set(verbs.map(([name = '']) => name))].sort());
  });

  test('the dump holds paths of files that are here', () => {
    // Otherwise the tests above would not tell anything.
    const { printed } = reachOf(['search', image, '"/bin/sh"', '--physical']);
    assert.match(printed, /0x[0-9a-f]+/);
  });

  test('the image is what it was', () => {
    assert.equal(digest(image), before);
  });
});

describe('a session', () => {
  test('over memory that is written to leaves the file alone', async () => {
    const before = digest(image);
    const requests: readonly (readonly [string, object])[] = [
      ['initialize', {}],
      ['launch', { image }],
      ['configurationDone', {}],
      ['writeMemory', { memoryReference: '0xffffd4bf800bd000', data: 'AAECAwQFBgc=' }],
      ['readMemory', { memoryReference: '0xffffd4bf800bd000', count: 8 }],
      ['disconnect', {}],
    ];
    const told = join(folder, 'session');
    writeFileSync(told, '');
    const child = spawn(process.execPath, ['--import', hook, program, 'dap'], {
      env: { ...process.env, PAGEWALK_REACH: told },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
    // The adapter's end, after a disconnect, comes as an error.
    stream.on('error', () => undefined);
    const client = new RawClient(stream);
    for (const [command, parameters] of requests) await client.body(command, parameters);
    await once(child, 'exit');
    const reached = reachedIn(told);
    assert.equal(client.replies.size, requests.length);
    assertReadsAlone(reached);
    assert.equal(digest(image), before);
  });

  test('listens where it is asked to, and connects to nobody', () => {
    const told = join(folder, 'listening');
    writeFileSync(told, '');
    spawnSync(process.execPath, ['--import', hook, program, 'dap', '--port', '0'], {
      env: { ...process.env, PAGEWALK_REACH: told },
      timeout: 10_000,
      killSignal: 'SIGTERM',
    });
    // Node asks for the address of an address, and needs nobody for that.
    const network = reachedIn(told).filter(({ kind, name, path }) => kind !== 'file' && !(name === 'lookup' && path === '127.0.0.1'));
    assert.deepEqual(
      network.map(({ name }) => name),
      ['createServer'],
    );
  });
});

test('what a scenario saves goes where it is told, whole or not at all, and nowhere else', () => {
  const scenario = join(root, 'examples/003-kaslr.kmm');
  const saved = join(folder, 'saved.elf');
  const { reached, status } = reachOf(['run', scenario, '--save', saved]);
  assert.equal(status, 0);
  for (const { kind, name, path, flags } of reached) {
    assert.equal(kind, 'file', `${name} ${path}`);
    assert.ok(path === scenario || path.startsWith(saved), `${name} ${path}`);
    if (path === scenario && name === 'openSync') assert.equal(flags, 'r');
  }
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('saved')),
    ['saved.elf'],
  );
});

/** What each bundle may ask of the network: the adapter listens; the language libraries can, and are not asked to. */
const reachesNetwork: Readonly<Record<string, readonly string[]>> = {
  'pagewalk.js': ['net'],
  'language-server.js': ['net'],
  'unpack-thread.js': [],
  'language-client.cjs': ['net'],
  'extension.cjs': [],
  'capstone.cjs': [],
};

/** What a program uses of `node:net`, as a module or within the text that it starts. */
function usedOfNet(text: string): string[] {
  const imported = /import ?\{ ?(\w+)(?: as [\w$]+)? ?\} ?from ?"node:net"/.exec(text)?.[1];
  if (imported !== undefined) return [imported];
  const name = /([\w$]+) ?= ?require\("node:net"\)/.exec(text)?.[1] ?? 'nothing';
  const uses = text.matchAll(new RegExp(`(?<![\\w$.])${name.replaceAll('$', String.raw`\$`)}\\.(\\w+)`, 'g'));
  return [...new Set([...uses].map(([, used = '']) => used))];
}

describe('a bundle', () => {
  for (const [file, allowed] of Object.entries(reachesNetwork)) {
    test(`${file}: modules of the network that it has`, () => {
      const [stem, kind] = file.split('.');
      // With the parts that it is split into.
      const parts = readdirSync(join(root, 'dist')).filter(
        (each) => each === file || (each.startsWith(`${stem}-`) && each.endsWith(`.${kind}`)),
      );
      const text = parts.map((each) => readFileSync(join(root, 'dist', each), 'utf8')).join('\n');
      // A bundle that is made small gives `require` another name.
      const modules = text.matchAll(
        /(?:\bfrom|\bimport|[\w$]\()\s*["'](?:node:)?(net|https?|http2|tls|dgram|dns(?:\/promises)?|inspector)["']/g,
      );
      assert.deepEqual([...new Set([...modules].map(([, name = '']) => name))], allowed);
      if (file === 'pagewalk.js') assert.deepEqual(usedOfNet(text), ['createServer']);
    });
  }
});
