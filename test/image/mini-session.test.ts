/** A whole session over every small form of the Debian dump: what it cannot tell, it says in a sentence. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseAddress } from '../../debug-adapter/base/address.ts';
import { UserError } from '../../debug-adapter/base/errors.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { absent, dumpFolder, expandedDump } from '../support/dumps.ts';

const name = 'x86-64-debian-6.12';
const folder = dumpFolder(name) ?? '';
const files = [
  'mini-lzo.kdump',
  'mini-snappy.kdump',
  'mini-sym.kdump',
  'mini-zlib.flat',
  'mini-zlib.kdump',
  'mini-zstd.flat',
  'mini-zstd.kdump',
  'mini-split.1',
  'mini-split.2',
  'mini-split.3',
];

/** Kernel addresses that truth/vtop.list asks for. */
function queries(): string[] {
  const lines = readFileSync(join(folder, 'truth/vtop.list'), 'utf8').split('\n');
  return lines.flatMap((line) => /^kernel \S+ (0x[0-9a-f]+)$/.exec(line)?.[1] ?? []);
}

describe('small forms', { skip: absent(name) ?? false }, () => {
  let whole: Session;
  before(() => {
    whole = openSession(nodeHost(), { paths: [expandedDump(name, 'dump.elf')] });
  });
  after(() => {
    whole.close();
  });

  for (const file of files) {
    test(file, (t) => {
      const session = openSession(nodeHost(), { paths: [join(folder, 'mini', file)] });
      const asked = queries();
      assert.ok(asked.length > 10, `${asked.length} queries`);
      for (const text of asked) {
        const address = parseAddress(text);
        assert.ok(address !== undefined);
        assert.deepEqual(session.translate(address), whole.translate(address), text);
      }
      const refused: string[] = [];
      const verbs: Record<string, () => unknown> = {
        info: () => session.info(),
        check: () => session.findings({}),
        pages: () => session.pageCategories({}),
        log: () => session.log(),
        bt: () => session.stacks({ kind: 'all' }),
        maps: () => session.maps(1),
        vmalloc: () => session.vmallocinfoText(),
      };
      for (const [verb, ask] of Object.entries(verbs)) {
        try {
          ask();
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          assert.doesNotMatch(error.message, /\n|undefined|NaN|\[object/, `${verb}: ${error.message}`);
          refused.push(`${verb}: ${error.message}`);
        }
      }
      t.diagnostic(refused.join(' | '));
      session.close();
    });
  }
});
