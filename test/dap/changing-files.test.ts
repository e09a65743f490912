/** A dump that is written to, cut, extended, removed or replaced while a session has it open: said, and nothing wrong is answered. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Host } from '../../debug-adapter/base/host.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { joinBytes } from '../builders/elf-file.ts';
import { avmlRecord, limeRecord } from '../builders/lime-file.ts';
import { bundledRuns } from '../support/bundled-runs.ts';
import { absent, bundled, dumpFolder, expandedDump } from '../support/dumps.ts';
import { runInProcess } from '../support/in-process.ts';
import { RawClient } from './raw-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'pagewalk-changing-'));
after(() => {
  rmSync(folder, { recursive: true });
});

/** A writable copy of its own for each test. */
function copyOf(dump: string, name: string): string {
  const path = join(folder, name);
  copyFileSync(dump, path);
  chmodSync(path, 0o600);
  // Written an hour ago, as dumps are: who writes now gives it another time.
  utimesSync(path, Date.now() / 1000 - 3600, Date.now() / 1000 - 3600);
  return path;
}

function overwrite(path: string, offset: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, new Uint8Array(64).fill(0x5a), 0, 64, offset);
  closeSync(file);
}

/** A file that is built once. */
function written(name: string, bytes: () => Uint8Array): string {
  const path = join(folder, name);
  if (!existsSync(path)) writeFileSync(path, bytes());
  return path;
}

const dumps: readonly { readonly kind: string; readonly path: () => string; readonly skip?: string | undefined }[] = [
  { kind: 'kdump', path: () => bundled.image },
  {
    kind: 'zstd kdump',
    path: () => join(dumpFolder('x86-64-debian-6.12') ?? '', 'mini/mini-zstd.kdump'),
    skip: absent('x86-64-debian-6.12'),
  },
  {
    kind: 'flattened kdump',
    path: () => join(dumpFolder('x86-64-debian-6.12') ?? '', 'mini/mini-zlib.flat'),
    skip: absent('x86-64-debian-6.12'),
  },
  { kind: 'LiME', path: () => written('memory.lime', () => joinBytes(bundledRuns().map(({ start, data }) => limeRecord(start, data)))) },
  { kind: 'AVML', path: () => written('memory.avml', () => joinBytes(bundledRuns().map(({ start, data }) => avmlRecord(start, data)))) },
  { kind: 'ELF', path: () => expandedDump('x86-64', 'vmcore.elf'), skip: absent('x86-64') },
];

const alterations: readonly { readonly name: string; readonly how: RegExp; readonly alter: (path: string) => void }[] = [
  {
    name: 'is written to',
    how: /it was written to at 20\d\d-/,
    alter: (path) => {
      overwrite(path, 100_000);
    },
  },
  {
    name: 'is cut',
    how: /it had \d+ bytes and was cut to 70000/,
    alter: (path) => {
      truncateSync(path, 70_000);
    },
  },
  {
    name: 'is emptied',
    how: /it had \d+ bytes and was cut to 0/,
    alter: (path) => {
      truncateSync(path, 0);
    },
  },
  {
    name: 'grows',
    how: /it had (\d+) bytes and grew to \d+/,
    alter: (path) => {
      appendFileSync(path, 'more');
    },
  },
];

for (const { kind, path, skip } of dumps) {
  describe(kind, { skip: skip ?? false }, () => {
    for (const { name, how, alter } of alterations) {
      test(`that ${name}: every later answer is refused, once it is told, and another session opens what there is`, async () => {
        const image = copyOf(path(), 'vmcore');
        const client = new RawClient();
        await client.launch({ image });
        const { threads } = await client.body<{ threads: unknown[] }>('threads');
        assert.ok(threads.length > 0);
        alter(image);
        // What was read before is kept no more than what would be read now.
        const asked: readonly (readonly [string, object])[] = [
          ['threads', {}],
          ['pagewalk/info', {}],
          ['evaluate', { expression: '1 + 1' }],
          ['evaluate', { expression: 'no such thing' }],
          ['readMemory', { memoryReference: '0xffffffff81000000', count: 4096 }],
          ['pagewalk/ptdump', {}],
          ['pagewalk/findings', {}],
        ];
        for (const [command, parameters] of asked) {
          const reply = await client.ask(command, parameters);
          assert.equal(reply.success, false, command);
          assert.match(reply.message ?? '', /the file was changed while it was open .*open it again/, command);
          assert.match(reply.message ?? '', how, command);
        }
        const told = client.events.filter(({ event, body }) => event === 'output' && JSON.stringify(body).includes('changed while'));
        assert.equal(told.length, 1);
        assert.equal((told[0]?.body as { category: string }).category, 'important');
        assert.equal((await client.ask('disconnect')).success, true);
        assert.equal(client.ended, true);
        for (const replies of client.replies.values()) assert.equal(replies.length, 1);
        await reopen(image);
      });
    }

    for (const [name, note, lose] of [
      [
        'removed',
        /was removed; it can be read here until the session ends/,
        (image: string) => {
          rmSync(image);
        },
      ],
      [
        'replaced',
        /another file has this name now/,
        (image: string) => {
          renameSync(copyOf(bundled.image, 'other'), image);
        },
      ],
    ] as const) {
      test(`that is ${name}: is told once, and read on as it was`, async () => {
        const image = copyOf(path(), 'vmcore');
        const client = new RawClient();
        await client.launch({ image });
        const before = await client.body<{ warnings: string[] }>('pagewalk/info', {});
        lose(image);
        const later = await client.body<{ warnings: string[] }>('pagewalk/info', {});
        assert.deepEqual(later.warnings.slice(0, -1), before.warnings);
        assert.match(later.warnings.at(-1) ?? '', note);
        const tables = await client.body<{ lines?: unknown[] }>('pagewalk/ptdump', {});
        const undisturbed = new RawClient();
        await undisturbed.launch({ image: path() });
        assert.deepEqual(tables, await undisturbed.body('pagewalk/ptdump', {}));
        await undisturbed.body('disconnect');
        assert.equal(client.events.filter(({ event, body }) => event === 'output' && note.test(JSON.stringify(body))).length, 1);
        await client.body('disconnect');
        rmSync(image, { force: true });
      });
    }
  });
}

describe('a member of a split set that was found beside the one that is named', { skip: absent('x86-64-debian-6.12') ?? false }, () => {
  const members = (): readonly [string, string] => {
    const [named = '', other = ''] = [1, 2, 3].map((number) =>
      copyOf(join(dumpFolder('x86-64-debian-6.12') ?? '', `mini/mini-split.${number}`), `set.${number}`),
    );
    return [named, other];
  };
  for (const { name, how, alter } of alterations) {
    test(`that ${name}: every later answer is refused, and names it`, async () => {
      const [image, other] = members();
      const client = new RawClient();
      await client.launch({ image });
      assert.equal((await client.ask('pagewalk/info', {})).success, true);
      alter(other);
      for (const [command, parameters] of [
        ['pagewalk/info', {}],
        ['readMemory', { memoryReference: '0xffffffff81000000', count: 4096 }],
        ['pagewalk/ptdump', {}],
      ] as const) {
        const reply = await client.ask(command, parameters);
        assert.equal(reply.success, false, command);
        assert.match(reply.message ?? '', /set\.2.*the file was changed while it was open/, command);
        assert.match(reply.message ?? '', how, command);
      }
      await client.body('disconnect');
      await reopen(image);
    });
  }
});

/** Whatever the file holds now: it opens, or is refused in a sentence that does not speak of the former session. */
async function reopen(image: string): Promise<void> {
  const client = new RawClient();
  await client.body('initialize');
  const reply = await client.ask('launch', { image });
  assert.doesNotMatch(reply.message ?? '', /defect|changed while/);
  if (reply.success) assert.equal((await client.ask('pagewalk/info', {})).success, true);
  await client.body('disconnect');
}

/** A host with one file, at the `atRead`-th reading of which another writer cuts it. */
function cutting(image: string, atRead: number): Host {
  const host = nodeHost();
  let reads = 0;
  return {
    ...host,
    openFile: (name) => {
      const source = host.openFile(name);
      return {
        name,
        size: source.size,
        read: (offset, length) => {
          if (++reads === atRead) truncateSync(image, 100_000);
          return source.read(offset, length);
        },
        change: () => source.change?.(),
        close: () => {
          source.close();
        },
      };
    },
  };
}

test('a file that is cut while it is being opened is refused for that, not for what it seemed to hold', () => {
  const image = copyOf(bundled.image, 'vmcore');
  assert.throws(() => {
    openSession(cutting(image, 20), { paths: [image] }).info();
  }, /changed while it was open \(it had \d+ bytes and was cut to 100000\)/);
});

for (const argv of [['vmalloc'], ['vmalloc', '--json'], ['ptdump'], ['check']]) {
  test(`on the command line, ${argv.join(' ')} of a file that is cut meanwhile ends with 2 and says so`, async () => {
    const image = copyOf(bundled.image, 'vmcore');
    const [verb = '', ...options] = argv;
    const { status, complaints } = await runInProcess(cutting(image, 40), verb, image, ...options);
    assert.equal(status, 2);
    assert.match(complaints.at(-1) ?? '', /^pagewalk: .*changed while it was open \(it had \d+ bytes and was cut to 100000\)/);
  });
}

test('the second side of a comparison may change as well', async () => {
  const image = copyOf(bundled.image, 'vmcore');
  const client = new RawClient(cutting(image, 40));
  const reply = await client.ask('pagewalk/ptdumpDiff', { before: bundled.image, other: image });
  assert.match(reply.message ?? '', /vmcore: the file was changed while it was open/);
  await client.body('disconnect');
});

test('a device is the memory of a running machine, and may change', () => {
  const source = nodeHost().openFile('/dev/zero');
  assert.equal(source.change?.(), undefined);
  source.close();
});

test("a file that is closed is nobody's concern, also where its descriptor is another file's by now", () => {
  const image = copyOf(bundled.image, 'vmcore');
  const source = nodeHost().openFile(image);
  assert.equal(source.change?.(), undefined);
  overwrite(image, 0);
  assert.match(JSON.stringify(source.change?.()), /"altered"/);
  source.close();
  assert.equal(source.change?.(), undefined);
});
